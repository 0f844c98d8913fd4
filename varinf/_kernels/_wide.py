"""What the references share: NumPy float32 is computed in float64 inside, as the compiled twins do."""

import numpy as np


def widen(*arrays):
    """The arrays, in float64 where they are NumPy's; other libraries' arrays keep their dtype."""
    wide = tuple(x.astype(np.float64) if type(x) is np.ndarray and x.dtype == np.float32 else x for x in arrays)
    return wide if len(wide) > 1 else wide[0]


def narrow(result, like):
    """`result` in the dtype of `like`."""
    return result.astype(like.dtype) if type(like) is np.ndarray and like.dtype == np.float32 else result
