"""Nats and bits: results that carry a field `units`, converted by the names of what is information in them."""

from dataclasses import replace

from varinf.estimate import NATS_PER_BIT


def converted(result, units, names):
    """A frozen dataclass with field `units`, in nats or bits: the fields `names` converted, all others kept.

    Parameters
    ----------
    result : dataclass
        With a field `units`, "nats" or "bits".
    units : {"nats", "bits"}
        What to show it in; a bit is log 2 nats.
    names : iterable of str
        The fields that are information: numbers or arrays.

    Returns
    -------
    dataclass
        Of the same class. Slopes, betas and distortions are not information and do not belong in `names`.

    Raises
    ------
    ValueError
        For other units.

    Examples
    --------
    >>> from varinf.tradeoffs.units import converted
    >>> from varinf.tradeoffs.water_filling import gaussian_rate_distortion
    >>> converted(gaussian_rate_distortion([4.0], level=1.0), "bits", ["rate"])
    WaterFilling(rate=1.0, distortion=1.0, level=1.0, units='bits')
    """
    if units not in ("nats", "bits"):
        raise ValueError(f"units={units!r}: use 'nats' or 'bits'")
    if units == result.units:
        return result
    factor = 1 / NATS_PER_BIT if units == "bits" else NATS_PER_BIT
    return replace(result, units=units, **{name: getattr(result, name) * factor for name in names})
