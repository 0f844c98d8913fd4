"""The plain number log mean exp over the draws, for those who want no estimate around it."""

from varinf.diagnostics.draws import Draws


def log_mean_exp(log_weights, *, axis=0, workers=None):
    """Logarithm of the mean of exp(log w) over the draws, as a plain number.

    What is otherwise written ``logsumexp(x) - log(S)``, in one pass. `iwelbo` returns the same value with its standard
    error, its direction and its caveats, and is what one wants for a bound.

    Parameters
    ----------
    log_weights : array (draws, *batch), or `draws` of one
        Values of log p(x, z) − log q(z | x) in nats, or any other logarithms; NumPy, torch or JAX. -inf is a weight of
        zero.
    axis : int
        The axis of the draws.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    float or array (*batch)
        Logarithm of the mean weight, log (1/S) Σ w, of the input's library and dtype; -inf where every weight is zero.
        Its gradient is the normalised weights.

    Raises
    ------
    ValueError
        For no draws, nan or +inf: how many, and where the first one is.

    See Also
    --------
    iwelbo : The same value, as a lower bound on log p(x) with its error.
    importance_weights : Its gradient.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> round(float(vi.log_mean_exp(np.log([1.0, 2.0, 3.0]) - 1000)), 4)  # log 2 - 1000
    -999.3069
    """
    return Draws.of(log_weights, axis, workers).log_mean()
