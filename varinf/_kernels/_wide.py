"""What the references share: on NumPy, float64 inside and no warnings, as in the compiled twins."""

import functools

import numpy as np


def quiet(function):
    """Infinities and nans are data to a kernel: NumPy's warnings about them are switched off."""

    @functools.wraps(function)
    def silent(*arguments):
        if not any(type(x) is np.ndarray for x in arguments):
            return function(*arguments)
        with np.errstate(all="ignore"):
            return function(*arguments)

    return silent


def widen(*arrays):
    """The arrays, in float64 where they are NumPy's; other libraries' arrays keep their dtype."""
    wide = tuple(x.astype(np.float64) if type(x) is np.ndarray and x.dtype == np.float32 else x for x in arrays)
    return wide if len(wide) > 1 else wide[0]


def narrow(result, like):
    """`result` in the dtype of `like`."""
    return result.astype(like.dtype) if type(like) is np.ndarray and like.dtype == np.float32 else result
