"""Normalised importance weights and their effective sample size."""

from varinf.diagnostics.draws import Draws


def importance_weights(log_weights, *, axis=0):
    """Self-normalised importance weights w / Σ w.

    Parameters
    ----------
    log_weights : array (draws, *batch)
        log p(x, z) − log q(z | x) in nats.
    axis : int
        The axis of the draws.

    Returns
    -------
    array, shape of the input
        Non-negative, summing to 1 over the draws; all 0 where every draw has weight zero. It is also the gradient of
        ``iwelbo(log_weights).value``.

    Raises
    ------
    ValueError
        For no draws, nan or +inf.

    References
    ----------
    Owen (2013), "Monte Carlo theory, methods and examples", section 9.2.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.importance_weights(np.log([1.0, 1.0, 2.0])).round(6)
    array([0.25, 0.25, 0.5 ])
    """
    return Draws(log_weights, axis).weights()


def effective_sample_size(log_weights, *, axis=0):
    """Effective sample size (Σ w)² / Σ w² of importance weights.

    Parameters
    ----------
    log_weights : array (draws, *batch)
        log p(x, z) − log q(z | x) in nats.
    axis : int
        The axis of the draws.

    Returns
    -------
    float or array (*batch)
        Between 1 and the number of draws; 0 where every draw has weight zero. It comes from the draws themselves, so
        that it is blind to mass that q missed.

    Raises
    ------
    ValueError
        For no draws, nan or +inf.

    References
    ----------
    Kong (1992), "A note on importance sampling using standardized weights".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> round(float(vi.effective_sample_size(np.log([1.0, 1.0, 2.0]))), 4)
    2.6667
    """
    draws = Draws(log_weights, axis)
    return draws.count * draws.xp.exp(-draws.moments().log_inefficiency)
