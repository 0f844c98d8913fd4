"""Reverse water-filling: the rate-distortion function of a normal source, exactly.

For eigenvalues λ_i of the source's covariance and squared error as distortion, the water level θ traces the curve

    D(θ) = Σ min(λ_i, θ),    R(θ) = Σ max(0, ½ log(λ_i / θ)),    dR/dD = −1 / (2θ).

What lies above the water is coded down to an error of θ, what lies below it is not coded at all. While k eigenvalues
lie above it, D is linear in θ and R in log θ; so a level is found from either by looking up k among the values at the
λ's, and one division. Source: Cover, Thomas (2006), theorem 10.3.3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf._arrays import as_array, check_finite, is_numpy, refuse_where
from varinf.families.family import scalar
from varinf.families.matrices import check_symmetric, symmetry_slack
from varinf.tradeoffs.units import converted


@dataclass(frozen=True, eq=False)
class WaterFilling:
    """Points on the rate-distortion curve of a normal source, each a number or an array of the shape that was given.

    Parameters
    ----------
    rate : float or array
        Per datum, in `units`.
    distortion : float or array
        Mean squared error, summed over features.
    level : float or array
        The water level θ: the mean squared error of each direction that is coded, and −1/2 over the slope dR/dD.
    units : {"nats", "bits"}
        Of the rate; `to` converts.

    See Also
    --------
    varinf.gaussian_rate_distortion : What makes it.
    varinf.rate : The rate of an encoder.

    Examples
    --------
    >>> from varinf.tradeoffs.water_filling import gaussian_rate_distortion
    >>> gaussian_rate_distortion([4.0, 1.0], rate=0.0)
    WaterFilling(rate=0.0, distortion=5.0, level=4.0, units='nats')
    >>> gaussian_rate_distortion([4.0, 1.0], level=1.0).to("bits").rate
    1.0
    """

    rate: Any
    distortion: Any
    level: Any
    units: str = "nats"

    def to(self, units):
        """The same points in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show the rate in; a bit is log 2 nats.

        Returns
        -------
        WaterFilling
            With the rate converted; distortion and level stay.
        """
        return converted(self, units, ("rate",))


def gaussian_rate_distortion(covariance, *, level=None, distortion=None, rate=None):
    """Rate-distortion function of a normal source under squared error, by reverse water-filling.

    Parameters
    ----------
    covariance : array (F, F) or (F,)
        Covariance of the source, symmetric and positive semidefinite; or its eigenvalues, in any order.
    level, distortion, rate : float or array (*points), optional
        Where on the curve, 0 or more; give exactly one. The distortion is the squared error summed over features,
        the rate is in nats per datum.

    Returns
    -------
    WaterFilling
        With `rate`, `distortion` and `level`, floats or arrays (*points), exact. Where nothing has to be said, which
        is from a distortion of the trace on, the rate is 0, the distortion is the trace, and the level is the one given
        or else the largest eigenvalue. At level 0 the rate is infinite. Eigenvalues of 0 cost nothing.

    Raises
    ------
    ValueError
        If not exactly one of the three is given, a value is negative or nan, or `covariance` is of another shape, not
        symmetric, or has an eigenvalue below 0 by more than rounding.

    See Also
    --------
    reverse_water_filling : The same at a level.
    blahut_arimoto : The curve of any discrete source.
    rate : An upper bound on the information that an encoder keeps.
    gaussian_mutual_information : Information between jointly normal vectors.
    models.LinearGaussian : The model whose codes, trained at a level, lie on this curve.

    Notes
    -----
    For any other source of this covariance it is an upper bound: the normal source is the hardest to describe.

    References
    ----------
    Cover, Thomas (2006), "Elements of information theory", theorem 10.3.3.

    Examples
    --------
    >>> from varinf.tradeoffs.water_filling import gaussian_rate_distortion
    >>> point = gaussian_rate_distortion([4.0, 1.0], level=1.0)
    >>> point.distortion, round(point.rate, 4)  # log(4) / 2 for the first, nothing for the second
    (2.0, 0.6931)
    >>> gaussian_rate_distortion([4.0, 1.0], distortion=[0.5, 2.0, 9.0]).rate.round(4)
    array([2.0794, 0.6931, 0.    ])
    """
    given = {"level": level, "distortion": distortion, "rate": rate}
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        raise ValueError(f"give exactly one of level, distortion and rate; here are {' and '.join(names) or 'none'}")
    (name,) = names
    variances, value = _variances(covariance), _places(given[name], name)
    trace, largest = float(np.sum(variances)), float(np.max(variances, initial=0.0))
    wanted = value.astype(np.float64)
    with np.errstate(divide="ignore"):  # log 0 is what leads to infinite rates
        if name == "level":
            level, distortion, rate = wanted, _distortion(variances, wanted), _rate(variances, wanted)
        elif name == "distortion":
            distortion = np.minimum(wanted, trace)
            level = np.where(wanted < trace, _level_of_distortion(variances, distortion), largest)
            rate = np.where(wanted < trace, _rate(variances, level), 0.0)
        else:
            rate = wanted if len(variances) else np.zeros_like(wanted)
            level = np.where(rate > 0, _level_of_rate(variances, rate), largest)
            distortion = np.where(rate > 0, _distortion(variances, level), trace)
    return WaterFilling(*(_settled(x, value) for x in (rate, distortion, level)))


def reverse_water_filling(variances, level):
    """Rate and distortion of a normal source at a water level: what lies above it is coded down to it.

    Parameters
    ----------
    variances : array (F,) or (F, F)
        Variances of independent normal features (the eigenvalues of a covariance), or a covariance.
    level : float or array (*points)
        The water level θ, 0 or more: the mean squared error left to each direction that is coded. The slope −dR/dD
        there is 1 / (2θ).

    Returns
    -------
    WaterFilling
        With `rate` in nats per datum, `distortion`, the squared error summed over features, and `level`; exact.

    Raises
    ------
    ValueError
        If a level is negative or nan, or `variances` is of another shape, not symmetric, or below 0.

    See Also
    --------
    gaussian_rate_distortion : The same curve, also at a given rate or distortion.
    blahut_arimoto : The curve of any discrete source.
    rate_distortion_plane : A linear autoencoder's sweep beside this curve.

    References
    ----------
    Cover, Thomas (2006), "Elements of information theory", theorem 10.3.3.

    Examples
    --------
    >>> import varinf as vi
    >>> vi.reverse_water_filling([4.0, 1.0], level=1.0).to("bits")
    WaterFilling(rate=1.0, distortion=2.0, level=1.0, units='bits')
    """
    return gaussian_rate_distortion(variances, level=level)


# The curve, from the positive eigenvalues, largest first --------------------------------------------------------------


def _distortion(variances, level):
    return np.sum(np.minimum(variances, level[..., None]), axis=-1)


def _rate(variances, level):
    return np.sum(np.maximum(0.0, np.log(variances) - np.log(level)[..., None]), axis=-1) / 2


def _level_of_distortion(variances, distortion):
    """(D − Σ of the variances below the water) / (number above it)."""
    below = np.append(np.cumsum(variances[::-1])[::-1], 0.0)[1:]  # added from the smallest on
    count = np.arange(1, len(variances) + 1)
    k = _pieces(-(count * variances + below), -distortion)  # D falls from each λ to the next
    return (distortion - below[k]) / count[k] if len(variances) else np.zeros_like(distortion)


def _level_of_rate(variances, rate):
    """Log θ = (Σ log λ over what is above the water − 2 R) / (number above it)."""
    logs, count = np.cumsum(np.log(variances)), np.arange(1, len(variances) + 1)
    k = _pieces((logs - count * np.log(variances)) / 2, rate)
    return np.exp((logs[k] - 2 * rate) / count[k]) if len(variances) else np.zeros_like(rate)


def _pieces(knots, value):
    """Index of the last knot, in ascending order, that is at most `value`: as many variances less one are coded."""
    return np.clip(np.searchsorted(np.maximum.accumulate(knots), value, side="right") - 1, 0, None)


# Checks --------------------------------------------------------------------------------------------------------------


def _variances(covariance):
    """The positive eigenvalues, largest first, in double; what is 0 to rounding is left out."""
    given = as_array(covariance, "covariance")
    if not is_numpy(given):
        raise TypeError(f"covariance is a {type(given).__module__}.{type(given).__name__}; give a NumPy array")
    if given.size == 0 or given.ndim not in (1, 2) or given.shape[0] != given.shape[-1]:
        raise ValueError(f"covariance has shape {given.shape}: give a matrix (F, F), or its eigenvalues (F,)")
    check_finite(given, "covariance")
    values, rounding = given.astype(np.float64), 0.0
    if given.ndim == 2:
        check_symmetric(given, "covariance", symmetry_slack(given))
        values = np.linalg.eigvalsh(values)
        rounding = len(values) * float(np.finfo(given.dtype).eps) * float(np.max(np.abs(values)))
    refuse_where(
        values < -rounding,
        values,
        "covariance" if given.ndim == 1 else "the spectrum of covariance",
        "values below 0",
        "eigenvalues are variances, 0 or more: look for entries that no common set of data can have",
    )
    return np.sort(values[values > rounding])[::-1]


def _places(value, name):
    value = as_array(value, name)
    if not is_numpy(value):
        raise TypeError(f"{name} is a {type(value).__module__}.{type(value).__name__}; give a number or a NumPy array")
    refuse_where(~(value >= 0), value, name, "values that are negative or nan", "use 0 or more")
    return value


def _settled(x, like):
    """A float for a number, else an array in the dtype given."""
    return float(scalar(x)) if like.ndim == 0 else np.asarray(x, dtype=like.dtype)
