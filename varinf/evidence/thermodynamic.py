"""The thermodynamic identity: log p(x) is the integral of E[log w] along the geometric path from q to the posterior."""

import math
from dataclasses import dataclass

import numpy as np

from varinf._aggregate import influence_of_both
from varinf._arrays import as_array, as_arrays, check_posterior_draws, is_numpy
from varinf._kernels._precision import float64_inside
from varinf._pool import run_all
from varinf._text import describe
from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Draws, as_number, log_mean_error, mean_error, relative_variance
from varinf.estimate import Direction, Estimate
from varinf.evidence.elbo import elbo_of
from varinf.evidence.eubo import eubo


@dataclass(frozen=True, eq=False, repr=False)
class Thermodynamic:
    """Result of `thermodynamic`.

    Attributes
    ----------
    betas : tuple of B floats
        Places on the path.
    curve : Estimate of shape (B, *batch)
        E_β[log w] at each of them; non-decreasing in β but for noise.
    log_evidence : Estimate of shape (*batch)
        The integral of the curve over [0, 1], in closed form rather than by a rule over `betas`. Of annealed chains,
        `annealed_evidence`, it is the trapezoid rule over their temperatures.
    lower, upper : Estimate of shape (*batch)
        The ends of the curve: ELBO and EUBO.
    """

    betas: tuple
    curve: Estimate
    log_evidence: Estimate
    lower: Estimate
    upper: Estimate

    @property
    def caveats(self):
        """Those of the integral, its ends and its curve, each once."""
        parts = (self.log_evidence, self.lower, self.upper, self.curve)
        return tuple(dict.fromkeys(text for part in parts for text in part.caveats))

    def __str__(self):
        ends = (("beta = 0", self.lower), ("integral", self.log_evidence), ("beta = 1", self.upper))
        return "\n".join(describe(estimate, f"{name + ':':<10}") for name, estimate in ends)

    def __repr__(self):
        return f"<Thermodynamic: {self}>"


def thermodynamic(log_weights, log_weights_at_posterior_draws, betas=None, *, axis=0, shared_draws=False, workers=None):
    """Log evidence and its thermodynamic curve, from draws of q and of the posterior.

    On the path π_β(z) ∝ q(z) w(z)^β, with w = p(x, z)/q(z | x), the derivative of log ∫ q w^β is E_β[log w], so that

        log p(x) = ∫₀¹ E_β[log w] dβ,

    the ELBO at the left end and the EUBO at the right. For β <= 1/2 the expectation is taken over the draws from q with
    weights w^β, beyond over the posterior's with weights w^(β − 1): no power of a weight above 1/2 is averaged, and the
    integral of each half is known exactly, log mean w^½ over q's draws and −log mean w^(−½) over the posterior's. Their
    sum is the bridge estimate of Meng and Wong with the geometric bridge.

    Parameters
    ----------
    log_weights : array (draws, *batch)
        Values of log p(x, z) − log q(z | x) in nats at draws from q; NumPy, torch or JAX. -inf: a draw of probability
        zero.
    log_weights_at_posterior_draws : array (posterior draws, *batch)
        The same at independent draws from the posterior. +inf: q has density zero there.
    betas : array (B,), optional
        Places between 0 and 1 at which to give the curve; 0, 0.1, …, 1 if None. The integral does not depend on them.
    axis : int
        The axis of the draws, in both.
    shared_draws : bool
        The columns of a batch were computed from common draws.
    workers : int, optional
        Threads over the batch and over `betas`, for NumPy arrays: None or 1 serial, -1 all cores. The result is the
        same for any number.

    Returns
    -------
    Thermodynamic
        `log_evidence` is of direction "exact": its estimand, at infinite draws of both kinds, is log p(x) itself. Its
        bias is "unknown": q's half is biased low, the posterior's high, and `bias_estimate` is their sum to first
        order. The error is the delta method's, of both halves together. `k_hat` is the larger of those of w^½ under q
        and w^(−½) under the posterior: half the tail index of the weights, so that the interval holds for weights far
        too heavy for `iwelbo`, until q and the posterior hardly overlap, when the caveat speaks. `curve` holds plain
        means at β = 0 and 1 and, in between, self-normalised averages, biased by O(1/draws), with delta-method errors.
        ``curve[i]`` is a batch over the data, which averages like one.

    Raises
    ------
    ValueError
        For no draws, nan, +inf at q's draws, -inf at the posterior's, batches of different shapes (both are named),
        or betas outside [0, 1].

    See Also
    --------
    elbo : The left end of the curve, a lower bound.
    eubo : The right end of the curve, an upper bound.
    iwelbo : A lower bound from draws of q alone.
    jackknife_evidence : The log evidence from draws of q alone.

    References
    ----------
    Gelman, Meng (1998), "Simulating normalizing constants: from importance sampling to bridge sampling to path
    sampling", eq. 10. Meng, Wong (1996), "Simulating ratios of normalizing constants via a simple identity", section
    3. Masrani, Le, Wood (2019), "The thermodynamic variational objective", eqs. 5 and 6: ELBO and EUBO are the coarsest
    left and right Riemann sums of the integral.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> rng = np.random.default_rng(0)  # log w ~ N(-v/2, v) at q's draws is N(v/2, v) at the posterior's; log p(x) = 0
    >>> t = vi.thermodynamic(rng.normal(-2, 2, 10_000), rng.normal(2, 2, 10_000), betas=[0, 0.5, 1])
    >>> np.asarray(t.curve).round(1)  # ELBO, midpoint, EUBO
    array([-2. , -0.1,  2. ])
    >>> print(t.log_evidence)
    0.002 ± 0.018 nats, estimate of log p(x) (20,000 draws, k_hat 0.30)
    """
    name = "log_weights_at_posterior_draws"
    x, y = as_arrays(log_weights=log_weights, log_weights_at_posterior_draws=log_weights_at_posterior_draws)
    left, right = Draws(x, axis, workers=workers), Draws(y, axis, name, posterior=True, workers=workers)
    if left.batch_shape != right.batch_shape:
        raise ValueError(
            f"log_weights has shape {tuple(x.shape)} but {name} has shape {tuple(y.shape)}; they must agree but for "
            f"the number of draws on axis {left.axis}"
        )
    betas = _checked(betas)
    check_posterior_draws(y, name)
    return Thermodynamic(
        betas,
        _curve(left, right, betas, shared_draws),
        _integral(left, right, shared_draws),
        elbo_of(left, shared_draws),
        eubo(y, axis=axis, shared_draws=shared_draws, workers=workers),
    )


def _checked(betas):
    if betas is None:
        return tuple(i / 10 for i in range(11))
    betas = as_array(betas, "betas")
    if betas.ndim != 1 or betas.shape[0] == 0:
        raise ValueError(f"betas has shape {tuple(betas.shape)}; give a vector of numbers between 0 and 1")
    betas = tuple(float(beta) for beta in betas)
    if not all(0 <= beta <= 1 for beta in betas):
        raise ValueError(f"betas={betas}: the path runs from 0 (q) to 1 (the posterior)")
    return betas


def _integral(left, right, shared_draws):
    """log mean w^½ over q's draws − log mean w^(−½) over the posterior's."""
    xp = left.xp
    near, far = left.moments(0.5), right.moments(-0.5)
    # Where neither kind of draw has any weight at the other's places the two halves are 0/0.
    apart = (near.log_mean == -math.inf) & (far.log_mean == -math.inf)
    value = xp.where(apart, xp.nan, near.log_mean) - xp.where(apart, 0.0, far.log_mean)
    high = xp.where(apart, xp.nan, relative_variance(far, xp)) / (2 * far.draws)
    low = xp.where(apart, 0.0, relative_variance(near, xp)) / (2 * near.draws)
    return Estimate(
        as_number(value),
        xp.sqrt(log_mean_error(near, xp) ** 2 + log_mean_error(far, xp) ** 2),
        quantity="log p(x)",
        estimand="thermodynamic integral",
        direction=Direction.EXACT,
        bias="unknown",
        draws=near.draws + far.draws,
        degrees=min(near.draws, far.draws) - 1,
        bias_estimate=as_number(high - low),
        objective="thermodynamic",
        shared_draws=shared_draws,
        k_hat_of="the square root of the weights",
        tail=lambda: np.maximum(left.k_hat(0.5), right.k_hat(-0.5))[()],
        influence=lambda: influence_of_both(left.influence(0.5), right.influence(-0.5)),
        rules=(caveats.one_draw, caveats.zero_weights, caveats.missed_mass, caveats.apart, caveats.heavy_halves),
    )


def _curve(left, right, betas, shared_draws):
    """E_β[log w] at each beta: (B, *batch). The betas share draws whether the data do or not."""
    xp = left.xp
    points = run_all(lambda beta: _point(left, right, beta, xp), betas, left.workers if is_numpy(left.x) else 1)
    return Estimate(
        xp.stack([value for value, _ in points], axis=0),
        xp.stack([error for _, error in points], axis=0),
        quantity="E_beta[log w]",
        estimand="E_beta[log w]",
        direction=Direction.EXACT,
        bias="unknown",
        draws=min(left.count, right.count),
        degrees=min(left.count, right.count) - 1,
        objective="thermodynamic",
        shared_draws=shared_draws or "first axis",
        influence=lambda: xp.stack([_influence(left, right, beta, xp) for beta in betas], axis=1),
        rules=(caveats.one_draw, caveats.zero_weights, caveats.missed_mass),
    )


def _point(left, right, beta, xp):
    """(value, standard error) from the draws that are nearer; the ends are plain means."""
    if beta in (0.0, 1.0):
        moments = (right if beta else left).moments()
        return moments.mean, mean_error(moments, xp)
    f, p = _tilted(left, right, beta, xp)
    return _self_normalised(f, p, xp)[:2]


def _influence(left, right, beta, xp):
    """Each draw's influence on `_point`: none of those that it does not use. (draws of both, *batch)."""
    if beta in (0.0, 1.0):
        used = right if beta else left
        each = used.first() - used.moments().mean
    else:
        each = _self_normalised(*_tilted(left, right, beta, xp), xp)[2]
    unused = xp.zeros_like((left if beta > 0.5 else right).first())
    return influence_of_both(*((unused, -each) if beta > 0.5 else (each, unused)))


def _tilted(left, right, beta, xp):
    """Log weights and the weights that carry them to β, which sum to 1 over axis 0."""
    draws, power = (left, beta) if beta <= 0.5 else (right, beta - 1)
    return draws.first(), xp.moveaxis(draws.weights(power), draws.axis, 0)


@float64_inside
def _self_normalised(f, p, xp):
    """(Σ p f, its delta-method standard error, each draw's influence) with weights p that sum to 1 over axis 0."""
    n = p.shape[0]
    f = xp.where(p > 0, f, 0.0)  # log w is infinite where it counts for nothing
    mean = xp.sum(p * f, axis=0)
    lost = xp.sum(p, axis=0) == 0
    influence = n * p * (f - mean)
    error = xp.sqrt(xp.sum(influence**2, axis=0) / n / (n - 1 if n > 1 else math.nan))
    return xp.where(lost, xp.nan, mean), xp.where(lost, xp.nan, error), influence
