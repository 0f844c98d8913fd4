"""What a reference does on NumPy so that it answers as its compiled twin does."""

from functools import wraps

import numpy as np


def float64_inside(function):
    """Runs `function` in float64 where its arrays are NumPy float32, and without NumPy's floating-point warnings.

    Compiled kernels carry float32 sums in double and never warn: log 0 = -inf and an overflow to inf are answers.
    Arrays of other namespaces pass through untouched: there the reference works in the input's own precision.
    """

    @wraps(function)
    def answer(*arguments):
        if not any(isinstance(x, (np.ndarray, np.generic)) for x in arguments):
            return function(*arguments)
        narrow = any(map(_is_float32, arguments))
        with np.errstate(all="ignore"):
            outputs = function(*(x.astype(np.float64) if _is_float32(x) else x for x in arguments))
            if not narrow:
                return outputs
            return tuple(map(_narrowed, outputs)) if isinstance(outputs, tuple) else _narrowed(outputs)

    return answer


def _is_float32(x):
    return isinstance(x, np.ndarray) and x.dtype == np.float32


def _narrowed(output):
    return output.astype(np.float32) if output.dtype == np.float64 else output
