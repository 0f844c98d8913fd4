"""The χ upper bound, and why its estimate is refused under heavy tails."""

import warnings

import numpy as np

from varinf._arrays import finite_number, to_numpy
from varinf.diagnostics.draws import Draws
from varinf.diagnostics.psis import k_threshold
from varinf.evidence.renyi_bound import power_mean


class HeavyTailError(ValueError):
    """The weights are too heavy-tailed for the estimate that was asked for.

    A ValueError. Its text gives the tail index, the threshold, and what to do instead.

    See Also
    --------
    cubo : What raises it, unless told to warn or to go on.
    psis : The tail index.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = 2 * np.random.default_rng(0).exponential(size=1_000)  # the tail index of w is 2, of w^2 is 4
    >>> try:
    ...     vi.cubo(log_w)
    ... except vi.HeavyTailError as error:
    ...     print(str(error).partition(":")[0])
    k_hat of w^2 is 3.49, above 0.67
    """


def cubo(log_weights, order=2, *, on_heavy_tail="raise", axis=0, shared_draws=False, workers=None):
    """Upper bound by the χ divergence, (1/order) · log mean w^order.

    Parameters
    ----------
    log_weights : array (draws, *batch), or `draws` of one
        Values of log p(x, z) − log q(z | x) in nats, z drawn from q; NumPy, torch or JAX.
    order : float > 1
        Order of the χ divergence; 2 is usual.
    on_heavy_tail : {"raise", "warn", "ignore"}
        What to do when k̂ of w^order is above its threshold, or cannot be told from fewer than 25 draws: the mean is
        then ruled by draws that were not seen, and the value falls below log p(x) itself. Values that cannot be
        looked at, as under jit, pass.
    axis : int
        The axis of the draws.
    shared_draws : bool
        The columns of a batch were computed from common draws.
    workers : int, optional
        Threads over the batch, for NumPy arrays: None or 1 serial, -1 all cores. The result is the same for any number.

    Returns
    -------
    Estimate
        Of "log p(x)" in nats, shape (*batch). The estimand, at infinite draws, is an upper bound; the estimate from
        finite draws is biased low, so `is_bound` is False. `k_hat` is that of w^order.

    Raises
    ------
    HeavyTailError
        A ValueError; see `on_heavy_tail`.
    ValueError
        For no draws, nan, +inf, or an order that is not above 1.

    See Also
    --------
    eubo : An upper bound in expectation, where the posterior can be drawn from.
    renyi_bound : The same for order = 1 − alpha, without the refusal.
    psis : The tail index, of w itself.
    HeavyTailError : What is raised under heavy tails.

    References
    ----------
    Dieng, Tran, Ranganath, Paisley, Blei (2017), "Variational inference via χ upper bound minimization", eq. 3.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = np.random.default_rng(0).normal(-0.005, 0.1, size=10_000)  # log p(x) = 0
    >>> b = vi.cubo(log_w)
    >>> b.direction.value, b.bias, b.is_bound
    ('upper', 'low', False)
    """
    order = finite_number(order, "order")
    if order <= 1:
        raise ValueError(f"order={order:g}: an upper bound needs an order above 1 (order 1 is the iwelbo)")
    if on_heavy_tail not in ("raise", "warn", "ignore"):
        raise ValueError(f"on_heavy_tail={on_heavy_tail!r}: use 'raise', 'warn' or 'ignore'")
    draws = Draws.of(log_weights, axis, workers)
    estimate = power_mean(draws, order, f"CUBO of order {order:g}", "cubo", shared_draws)
    if on_heavy_tail != "ignore" and to_numpy(draws.x) is not None:
        _judge(estimate, order, on_heavy_tail)
    return estimate


def _judge(estimate, order, on_heavy_tail):
    threshold = k_threshold(estimate.draws)
    k_hat = np.atleast_1d(estimate.k_hat)
    bad = ~(k_hat <= threshold)  # nan too
    if not np.any(bad):
        return
    worst = k_hat[bad][np.argmax(np.nan_to_num(k_hat[bad], nan=np.inf))]
    where = f" in {np.count_nonzero(bad)} of {bad.size} columns" if bad.size > 1 else ""
    known = "cannot be told from so few draws" if np.isnan(worst) else f"is {worst:.2f}, above {threshold:.2f}"
    text = (
        f"k_hat of w^{order:g} {known}{where}: the plug-in CUBO is ruled by draws that were not seen and can lie below "
        "log p(x). Improve q, use eubo with posterior draws, or pass on_heavy_tail='ignore'"
    )
    if on_heavy_tail == "raise":
        raise HeavyTailError(text)
    warnings.warn(text, RuntimeWarning, stacklevel=3)
