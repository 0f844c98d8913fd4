"""Rate-distortion functions in closed form: a coin, uniform symbols, and Laplace noise.

With h(D) = −D log D − (1−D) log(1−D), in nats:

    a coin of probability p, Hamming        h(p) − h(D)                    0 <= D <= min(p, 1−p)   slope log((1−D)/D)
    n symbols alike, Hamming                log n − h(D) − D log(n−1)      0 <= D <= 1 − 1/n       log((1−D)(n−1)/D)
    Laplace of scale b, absolute error      log(b / D)                     0 <  D <= b             1 / D

and 0 beyond; the slope is −dR/dD. Each meets Shannon's lower bound: the error X − Y can be independent of Y, with the
largest entropy that its distortion allows. Sources: Cover, Thomas (2006), theorem 10.3.1 and problem 10.5; Berger
(1971), "Rate distortion theory", section 4.3.3.2.
"""

import math

import numpy as np

from varinf._arrays import as_array, finite_number, is_numpy, positive_integer, refuse_where
from varinf.families.family import scalar


def binary_rate_distortion(p, distortion):
    """R(D) = h(p) − h(D) of a coin under Hamming distortion, in nats.

    Parameters
    ----------
    p : float
        Probability of heads, from 0 to 1.
    distortion : float or array (*points)
        Probability of a wrong symbol, 0 or more.

    Returns
    -------
    float or array (*points)
        Exact, in nats; 0 from min(p, 1 − p) on. The slope −dR/dD is log((1 − D) / D).

    Raises
    ------
    ValueError
        If p is no probability, or a distortion is negative or nan.

    See Also
    --------
    uniform_rate_distortion : More symbols, all alike.
    blahut_arimoto : Any discrete source and distortion.
    entropy : The rate at distortion 0.

    References
    ----------
    Cover, Thomas (2006), "Elements of information theory", theorem 10.3.1.

    Examples
    --------
    >>> import math
    >>> import varinf as vi
    >>> round(vi.binary_rate_distortion(0.5, 0.11) / math.log(2), 10)  # bits
    0.5000840418
    >>> vi.binary_rate_distortion(0.2, [0.0, 0.1, 0.2, 1.0]).round(4)
    array([0.5004, 0.1753, 0.    , 0.    ])
    """
    p = finite_number(p, "p")
    if not 0 <= p <= 1:
        raise ValueError(f"p={p}: use a probability, from 0 to 1")
    D, given = _distortions(distortion)
    most = min(p, 1 - p)
    return _settled(np.where(most > D, _binary_entropy(np.asarray(most)) - _binary_entropy(D), 0.0), given)


def uniform_rate_distortion(n, distortion):
    """R(D) = log n − h(D) − D log(n − 1) of n equally likely symbols under Hamming distortion, in nats.

    Parameters
    ----------
    n : int
        Number of symbols.
    distortion : float or array (*points)
        Probability of a wrong symbol, 0 or more.

    Returns
    -------
    float or array (*points)
        Exact, in nats; 0 from 1 − 1/n on. The slope −dR/dD is log((1 − D)(n − 1) / D).

    Raises
    ------
    ValueError
        If n is not positive, or a distortion is negative or nan.

    See Also
    --------
    binary_rate_distortion : Two symbols, not alike.
    blahut_arimoto : Any discrete source and distortion.

    References
    ----------
    Cover, Thomas (2006), "Elements of information theory", problem 10.5.

    Examples
    --------
    >>> import varinf as vi
    >>> vi.uniform_rate_distortion(4, [0.0, 0.25, 0.75]).round(4)
    array([1.3863, 0.5493, 0.    ])
    """
    n = positive_integer(n, "n")
    D, given = _distortions(distortion)
    # log n − h(D) − D log(n−1) is the divergence KL((D, 1−D) ‖ (1 − 1/n, 1/n)); so added, it keeps its digits near 0.
    inside = 1 - 1 / n > D
    wrong = np.where(inside, D, 0.0)
    rate = _times_log(wrong, wrong * n / max(n - 1, 1)) + (1 - wrong) * np.log(n * (1 - wrong))
    return _settled(np.where(inside, np.maximum(rate, 0.0), 0.0), given)


def laplace_rate_distortion(scale, distortion):
    """R(D) = log(scale / D) of a Laplace source under absolute error, in nats.

    Parameters
    ----------
    scale : float
        The mean absolute deviation b, positive: the density is exp(−abs(x) / b) / 2b.
    distortion : float or array (*points)
        Mean absolute error, 0 or more.

    Returns
    -------
    float or array (*points)
        Exact, in nats; inf at 0, and 0 from the scale on. The slope −dR/dD is 1 / D.

    Raises
    ------
    ValueError
        If the scale is not positive and finite, or a distortion is negative or nan.

    See Also
    --------
    reverse_water_filling : A normal source under squared error.
    blahut_arimoto : Any discrete source and distortion.

    References
    ----------
    Berger (1971), "Rate distortion theory", section 4.3.3.2.

    Examples
    --------
    >>> import varinf as vi
    >>> vi.laplace_rate_distortion(2.0, [0.5, 1.0, 2.0]).round(4)
    array([1.3863, 0.6931, 0.    ])
    """
    scale = finite_number(scale, "scale")
    if not scale > 0:
        raise ValueError(f"scale={scale}: use a positive number, the mean absolute deviation")
    D, given = _distortions(distortion)
    with np.errstate(divide="ignore"):  # log 0 is what leads to the infinite rate at 0
        return _settled(np.maximum(math.log(scale) - np.log(D), 0.0), given)


def _binary_entropy(p):
    inside = np.clip(p, 0.0, 1.0)
    return -_times_log(inside, inside) - _times_log(1 - inside, 1 - inside)


def _times_log(p, x):
    """P log x, and 0 where p is 0."""
    return p * np.log(np.where(p > 0, x, 1.0))


def _distortions(distortion):
    given = as_array(distortion, "distortion")
    if not is_numpy(given):
        raise TypeError(
            f"distortion is a {type(given).__module__}.{type(given).__name__}; give a number or a NumPy array"
        )
    refuse_where(~(given >= 0), given, "distortion", "values that are negative or nan", "use 0 or more")
    return given.astype(np.float64), given


def _settled(rate, like):
    """A float for a number, else an array in the dtype given."""
    return float(scalar(rate)) if like.ndim == 0 else np.asarray(rate, dtype=like.dtype)
