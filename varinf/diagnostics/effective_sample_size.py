"""Normalised importance weights and their effective sample size."""

from varinf.diagnostics.draws import Draws, effective_size


def importance_weights(log_weights, *, axis=0, out=None, workers=None):
    """Self-normalised importance weights w / Σ w.

    Parameters
    ----------
    log_weights : array (draws, *batch), or `draws` of one
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX.
    axis : int
        The axis of the draws.
    out : array, shape and dtype of the input, optional
        Where to write the weights, NumPy only; may be the log weights themselves. Of many draws half the time goes into
        getting memory for a new array.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    array, shape of the input
        Non-negative, summing to 1 over the draws; all 0 where every draw has weight zero. It is also the gradient of
        ``iwelbo(log_weights).value``. `out` itself where it is given.

    Raises
    ------
    ValueError
        For no draws, nan or +inf, and an `out` of another shape or dtype.

    See Also
    --------
    psis : Weights whose tail is smoothed, and whether to trust them.
    effective_sample_size : How many equal weights are worth as much.
    iwelbo : The logarithm of their mean before normalisation.

    References
    ----------
    Owen (2013), "Monte Carlo theory, methods and examples", section 9.2.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> vi.importance_weights(np.log([1.0, 1.0, 2.0])).round(6)
    array([0.25, 0.25, 0.5 ])
    """
    return Draws.of(log_weights, axis, workers).weights(out=out)


def effective_sample_size(log_weights, *, axis=0, workers=None):
    """Effective sample size (Σ w)² / Σ w² of importance weights: how many equal ones are worth as much.

    Parameters
    ----------
    log_weights : array (draws, *batch), or `draws` of one
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX.
    axis : int
        The axis of the draws.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    float or array (*batch)
        Between 1 and the number of draws; 0 where every draw has weight zero. It comes from the draws themselves, so
        that it is blind to mass that q missed.

    Raises
    ------
    ValueError
        For no draws, nan or +inf.

    See Also
    --------
    psis : The tail index, which tells whether averages over the weights can be trusted.
    importance_weights : The normalised weights.
    summarize : Both diagnostics beside the bounds.

    References
    ----------
    Kong (1992), "A note on importance sampling using standardized weights".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> round(float(vi.effective_sample_size(np.log([1.0, 1.0, 2.0]))), 4)
    2.6667
    """
    source = Draws.of(log_weights, axis, workers)
    return effective_size(source.moments(), source.xp)
