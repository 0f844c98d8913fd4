"""Barber and Agakov's bound: information from below by a decoder's log density, where the entropy is known."""

import math

from varinf._aggregate import pooled_degrees
from varinf._arrays import as_array, finite_number, holds, namespace, refuse_where, to_numpy
from varinf.diagnostics import caveats
from varinf.estimate import Direction, Estimate
from varinf.families.family import settle, wide
from varinf.information.scores import finite_or_nan


def barber_agakov(log_q_x_given_z, entropy_x):
    """Lower bound on I(X;Z): the entropy H(X) plus the mean of log q(x_n|z_n) for any decoder q.

    The gap is E KL(p(x|z) || q(x|z)). It needs H(X) exactly: an entropy that is too high makes no bound.

    Parameters
    ----------
    log_q_x_given_z : array (N,)
        Log density (or log probability) of each datum given its own code, in nats, N independent pairs. -inf is data.
    entropy_x : float or Estimate
        H(X) in nats. A float is taken to be exact. An Estimate brings its error along, and its direction decides: one
        that is exact or a lower bound gives a lower bound on the information, any other none.

    Returns
    -------
    Estimate
        Of "I(X;Z)", direction lower (neither if the entropy is from above or unknown), with the entropy's bias, in
        nats; the error is that of the mean and the entropy's together. The direction holds for a decoder that was not
        fitted on these data.

    Raises
    ------
    ValueError
        For log densities that are not one axis of at least one, nan or +inf among them, or an entropy that is no single
        finite number.

    See Also
    --------
    rate : The upper side, of an encoder.
    entropy : H(X) of a table, exactly.
    infonce : Without an entropy.

    References
    ----------
    Barber, Agakov (2003), "The IM algorithm: a variational approach to information maximization".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.choice([-1.0, 1.0], size=20_000)  # H(X) = log 2
    >>> z = x + rng.normal(size=20_000)
    >>> log_q = -np.log1p(np.exp(-2 * x * z))  # the posterior itself: the bound is tight, I = 0.3368
    >>> b = vi.barber_agakov(log_q, np.log(2))
    >>> b.direction.value, round(float(b), 2)
    ('lower', 0.33)
    """
    like = as_array(log_q_x_given_z, "log_q_x_given_z")
    xp, n = namespace(like), math.prod(like.shape)
    if like.ndim != 1 or n == 0:
        raise ValueError(f"log_q_x_given_z has shape {tuple(like.shape)}; give one number per datum, (N,)")
    logs = wide(like)
    mean = xp.mean(logs)
    if not holds(mean < math.inf):
        refuse_where(
            ~(logs < math.inf), logs, "log_q_x_given_z", "values that are nan or +inf", "a log density is below +inf"
        )
    entropy, error, degrees, direction, bias = _entropy(entropy_x)
    spread = finite_or_nan(logs) - finite_or_nan(mean)
    square = xp.sum(spread * spread) / (n * (n - 1)) if n > 1 else mean * math.nan
    squares = xp.stack([square, xp.zeros_like(square) + error**2])
    return Estimate(
        settle(entropy + mean, like),
        settle(xp.sqrt(xp.sum(squares)), like),
        quantity="I(X;Z)",
        estimand=f"H(X) + E log q(x|z) over {n:,} data",
        direction=direction,
        bias=bias,
        draws=n,
        degrees=pooled_degrees(squares, (n - 1, degrees)),
        objective="barber_agakov",
        rules=(caveats.one_draw, _conditions),
    )


def _entropy(entropy_x):
    """Its value, error, degrees of freedom; and the direction and bias of what it is added to."""
    if not isinstance(entropy_x, Estimate):
        return finite_number(entropy_x, "entropy_x"), 0.0, math.inf, Direction.LOWER, "none"
    if entropy_x.shape:
        raise ValueError(f"entropy_x holds a batch of shape {entropy_x.shape}; give the entropy of X, one number")
    entropy = entropy_x.to("nats")
    value, error = (float(to_numpy(x)) for x in (entropy.value, entropy.stderr))
    if not math.isfinite(value):
        raise ValueError(f"entropy_x is an Estimate of {value}; give the entropy of X, one finite number")
    below = entropy.direction in (Direction.EXACT, Direction.LOWER)
    direction = Direction.LOWER if below else Direction.NEITHER
    return value, error, entropy.degrees, direction, entropy.bias


def _conditions(estimate):
    if estimate.direction == Direction.NEITHER:
        return "the entropy is not known to be exact or too low, so this is no bound"
    return "the entropy must be exact, or too low, and the decoder not fitted on these data"
