"""Entropy of discrete distributions, and the check that numbers are probabilities."""

from varinf._arrays import as_array, holds, namespace, refuse_where, to_numpy
from varinf.families.family import settle, wide


def entropy(p):
    """Shannon entropy −Σ p log p, in nats, with 0 log 0 = 0.

    Parameters
    ----------
    p : array (*batch, K)
        Probabilities over the last axis; NumPy, torch or JAX. Each distribution sums to 1 within 1e-8 (float32: 1e-5).

    Returns
    -------
    array (*batch)
        Exact, in nats: from 0, all on one outcome, to log K, uniform. Divide by log 2 for bits.

    Raises
    ------
    ValueError
        For a probability that is negative, nan or infinite, or a distribution that does not sum to 1.

    See Also
    --------
    mutual_information : What two discrete variables have in common.
    Categorical : The same distributions, with draws and divergences.
    kl : Divergence of one distribution from another.

    References
    ----------
    Shannon (1948), "A mathematical theory of communication", section 6.

    Examples
    --------
    >>> from varinf import entropy
    >>> entropy([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]).round(4)
    array([0.6931, 0.    ])
    """
    p = probabilities(p, "p", axes=1)
    xp, weight = namespace(p), wide(p)
    log_p = xp.log(xp.where(weight > 0, weight, 1.0))  # finite where p is 0, so that the term is 0
    return settle(0.0 - xp.sum(weight * log_p, axis=-1), p)


def probabilities(p, name, axes):
    """`p` as an array of probabilities that sum to 1 over its last `axes` axes; refused otherwise."""
    p = as_array(p, name)
    if p.ndim < axes or 0 in p.shape[p.ndim - axes :]:
        shape = ", ".join(["*batch", "X", "Y"][: axes + 1]) if axes == 2 else "*batch, K"
        raise ValueError(
            f"{name} has shape {tuple(p.shape)}; give probabilities ({shape}), at least one outcome an axis"
        )
    xp = namespace(p)
    refuse_where(
        ~((p >= 0) & xp.isfinite(p)),
        p,
        name,
        "values that are negative, nan or infinite",
        "probabilities are 0 or more",
    )
    total = xp.sum(wide(p), axis=tuple(range(-axes, 0)))
    allowed = 1e-8 if p.dtype == xp.float64 else 1e-5
    if holds(xp.any(xp.abs(total - 1) > allowed)):
        off = to_numpy(total).reshape(-1)
        worst = float(off[abs(off - 1).argmax()])
        over = f"over its last {'two axes' if axes == 2 else 'axis'}"
        raise ValueError(
            f"{name} sums to {worst:.10g} {over}, not to 1 within {allowed:g}: divide counts or weights by their sum"
        )
    return p
