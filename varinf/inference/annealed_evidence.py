"""Annealed importance sampling: a lower bound on log p(x) from chains that lead from q to a target, and the curve."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from varinf._arrays import as_array, check_posterior_draws, positive_integer
from varinf._progress import reporter
from varinf._sandwich import Sandwich
from varinf._text import describe
from varinf.diagnostics import caveats
from varinf.diagnostics.draws import Draws, log_mean_error
from varinf.estimate import Direction, Estimate
from varinf.evidence.elbo import elbo
from varinf.evidence.evaluate import streams
from varinf.evidence.iwelbo import iwelbo
from varinf.evidence.markov import upper_limit
from varinf.evidence.thermodynamic import Thermodynamic
from varinf.inference.annealing import Path, forward, ladder, reverse, tune

PILOT = 50  # chains that tune the step sizes


@dataclass(frozen=True, eq=False, repr=False)
class Annealed:
    """Result of `annealed_evidence`.

    Attributes
    ----------
    lower : Estimate
        Of "log p(x)" in nats, direction lower: the log of the chains' mean weight.
    upper : Estimate or None
        Direction upper, from chains in reverse, where posterior draws were given.
    thermodynamic : Thermodynamic
        The curve E_β[log w] at the temperatures, from the weighted chains, its ends ELBO and EUBO, and its integral by
        the trapezoid rule, which is a bound in neither direction.
    log_weights : array (chains,)
        Log weights of the chains, for `varinf.summarize`, `varinf.psis` and their kin; the mean weight is unbiased.
    draws : array (chains, free_dim)
        Where the chains end, in free coordinates: draws of the posterior with these weights.
    temperatures, step_sizes : array (T + 1,)
        Of the frozen kernels; the first step size is not used.
    acceptance : array (T + 1,)
        Mean acceptance at each temperature; nan at the first, where nothing moves.
    """

    lower: Estimate
    upper: Any
    thermodynamic: Thermodynamic
    log_weights: Any
    draws: Any
    temperatures: Any
    step_sizes: Any
    acceptance: Any

    @property
    def sandwich(self):
        """Both sides as a `Sandwich`; None where no posterior draws were given."""
        if self.upper is None:
            return None
        exact = "the posterior draws from which chains go back are exact and independent"
        return Sandwich(self.lower, self.upper, (exact,))

    @property
    def caveats(self):
        """Those of the bounds, each once."""
        return tuple(dict.fromkeys(text for side in (self.lower, self.upper) if side for text in side.caveats))

    def __str__(self):
        steps, moved = len(self.temperatures) - 1, self.acceptance[1:]
        lines = [f"annealed over {steps:,} temperatures, acceptance {moved.min():.2f} to {moved.max():.2f}"]
        lines.append(describe(self.lower, "lower:    "))
        if self.upper is not None:
            lines.append(describe(self.upper, "upper:    "))
        return "\n".join([*lines, describe(self.thermodynamic.log_evidence, "integral: ")])

    def __repr__(self):
        return f"<Annealed: {self}>"


def annealed_evidence(
    target,
    q,
    *,
    temperatures=100,
    chains=200,
    moves=1,
    leapfrog=8,
    posterior_draws=None,
    rng=None,
    progress=False,
):
    """Lower bound on log p(x) by annealed importance sampling: chains from q to the posterior, each with one weight.

    On the path log f_b(z) = (1 - b) log q(z) + b log p(z) each chain starts from a draw of q, is moved at every
    temperature b by Hamiltonian Monte Carlo that leaves f_b invariant, and gathers

        log w = Σ_t (b_t - b_(t-1)) (log p(z_(t-1)) - log q(z_(t-1))).

    The mean weight is the normaliser of p exactly, however badly the chains mix: what they do badly makes the weights
    heavy and the bound loose. Step sizes are tuned by a pilot run of 50 chains with draws of their own and are then
    frozen, since kernels that looked at the chains they move would bias the weights.

    Parameters
    ----------
    target : Target
        Log density log p(x, z) over free coordinates; with a gradient, if there is one.
    q : family or Fit
        Where chains start: any family with draws and a density, most often that of a fit.
    temperatures : int or array (T + 1,)
        Steps from q to the target, on a sigmoid, which puts more of them near both ends; or increasing values from 0
        to 1.
    chains : int
        Independent chains, whose weights are averaged. They are moved all at once: memory grows with chains ·
        free_dim, and not with the temperatures.
    moves : int
        Moves at each temperature.
    leapfrog : int
        Gradients for each move. A trajectory is at most 2 standard deviations of q long.
    posterior_draws : array (n, dim), optional
        Exact and independent draws of the posterior, as parameters (`Target.log_prob` takes their free coordinates).
        Simulated data come with one, see `annealed_sandwich`. From each a chain goes back to q for the upper side.
    rng : None, int, SeedSequence or Generator
        Seed or generator of all draws: pilot, chains and reverse chains have a stream each.
    progress : bool or callable (done, total)
        Over temperatures of pilot, chains and reverse chains.

    Returns
    -------
    Annealed
        `lower`, an Estimate of "log p(x)": direction lower, the IWELBO of the chains' weights; `upper`, None without
        posterior draws: minus log mean 1/w of reverse chains, an upper bound in expectation; `thermodynamic`, the
        curve on the way and its integral; `log_weights`.

    Raises
    ------
    TypeError
        If the target is none, or q is no family.
    ValueError
        If q is not one distribution over the target's free coordinates, temperatures do not increase from 0 to 1, log p
        is +inf, or -inf at a posterior draw.

    See Also
    --------
    annealed_sandwich : Both sides on simulated data: how much the lower side leaves open.
    fit : Gives q.
    iwelbo : The bound without the chains in between.
    thermodynamic : The curve from draws of both ends.

    Notes
    -----
    log p(x, z) that is nan counts as -inf: such a draw has weight zero, such a move is refused. A gradient that is not
    finite counts as zero in a trajectory, which stays reversible and is judged by its end.

    References
    ----------
    Neal (2001), "Annealed importance sampling". Grosse, Ghahramani, Adams (2015), "Sandwiching the marginal likelihood
    using bidirectional Monte Carlo". Neal (2011), "MCMC using Hamiltonian dynamics".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> def log_prob(z):  # an unnormalised Student t of 3 degrees of freedom in 2 dimensions
    ...     return -2.5 * np.log1p(np.sum(z * z, axis=1) / 3)
    >>> target = vi.Target(log_prob, 2, gradient=lambda z: -5 * z / (3 + np.sum(z * z, axis=1, keepdims=True)))
    >>> q = vi.DiagonalNormal([2.0, 2.0], [0.5, 0.5])
    >>> a = vi.annealed_evidence(target, q, rng=0)
    >>> a.lower.direction.value, a.lower.is_bound
    ('lower', True)
    >>> bool(abs(a.lower.value - np.log(2 * np.pi)) < 5 * a.lower.stderr)  # its normaliser is 2 pi
    True
    """
    path, betas = Path(target, q), ladder(temperatures)
    chains, moves = positive_integer(chains, "chains"), positive_integer(moves, "moves")
    leapfrog, exact = positive_integer(leapfrog, "leapfrog"), None
    if posterior_draws is not None:
        exact = target.unconstrain(as_array(posterior_draws, "posterior_draws"))
    last, of_pilot, of_chains, of_reverse = len(betas) - 1, *map(np.random.default_rng, streams(rng, 3))
    with reporter(progress, last * (2 if exact is None else 3), "annealing") as done:
        kernels = tune(path, betas, PILOT, moves, leapfrog, of_pilot, done)
        curve = _Curve(betas, lambda t: done(last + t))
        log_w, z = forward(path, kernels, chains, of_chains, curve.seen)
        upper = None
        if exact is not None:
            upper = upper_of(reverse(path, kernels, exact, of_reverse, lambda t: done(2 * last + t)))
    return Annealed(lower_of(log_w), upper, curve.result(), log_w, z, betas, kernels.step_sizes, curve.acceptance)


def lower_of(log_w):
    """The bound from chains that started from q: log mean w, (chains, *batch) -> (*batch)."""
    named = f"annealed bound of {len(log_w):,} chain{'s' * (len(log_w) > 1)}"
    return replace(iwelbo(log_w), estimand=named, objective="annealed_evidence")


def upper_of(log_w):
    """The bound from independent chains that started from posterior draws: -log mean 1/w, (n, *batch) -> (*batch)."""
    check_posterior_draws(log_w, "log weights of reverse chains")
    draws = Draws(log_w, 0, "log weights of reverse chains", posterior=True)
    moments = draws.moments(-1.0)
    stderr = log_mean_error(moments, np)
    return Estimate(
        -moments.log_mean,
        stderr,
        quantity="log p(x)",
        estimand=f"reverse annealed bound of {len(log_w):,} chain{'s' * (len(log_w) > 1)}",
        direction=Direction.UPPER,
        draws=len(log_w),
        degrees=len(log_w) - 1,
        bias_estimate=stderr * stderr / 2,
        objective="annealed_evidence",
        k_hat_of="1/w",
        tail=lambda: draws.k_hat(-1.0),
        influence=lambda: -draws.influence(-1.0),
        markov=upper_limit(draws),
        rules=(caveats.one_draw, caveats.missed_mass, _heavy_inverse),
    )


def _heavy_inverse(estimate):
    return caveats.heavy_weights(estimate, usually="too high")


class _Curve:
    """E_b[log p - log q] at each temperature, of the weighted chains, and its integral; chains are looked at once."""

    def __init__(self, betas, done):
        self.betas, self._done = betas, done
        self.means, self.errors, self.acceptance = (np.full(len(betas), np.nan) for _ in range(3))
        ends = np.concatenate([betas[:1], betas, betas[-1:]])
        self._shares = (ends[2:] - ends[:-2]) / 2  # the trapezoid rule's
        self._influence, self._first = 0.0, None

    def seen(self, t, log_ratio, log_w, acceptance):
        if t == 0:
            self._first = log_ratio
        top = np.max(log_w)
        weights = np.exp(log_w - top) if top > -math.inf else np.full(len(log_w), np.nan)
        weights /= np.sum(weights)
        f = np.where(weights > 0, log_ratio, 0.0)
        with np.errstate(invalid="ignore"):
            self.means[t] = np.sum(weights * f) if top > -math.inf else np.nan
            influence = len(f) * weights * (f - self.means[t])
            self.errors[t] = _error(influence)
            self._influence = self._influence + self._shares[t] * influence
        self.acceptance[t] = acceptance
        self._done(t)

    def result(self):
        chains = len(self._first)
        about = {"draws": chains, "degrees": chains - 1}
        looks = Estimate(
            self.means,
            self.errors,
            quantity="E_beta[log w]",
            estimand="E_beta[log w]",
            direction=Direction.EXACT,
            bias="unknown",
            shared_draws="first axis",
            rules=(caveats.one_draw, caveats.zero_weights),
            **about,
        )
        named = f"trapezoid rule over {len(self.betas):,} temperatures"
        with np.errstate(invalid="ignore"):
            integral = np.sum(self._shares * self.means), _error(self._influence)
        rules = {"rules": (caveats.one_draw, caveats.zero_weights)}
        inside = Estimate(*integral, "log p(x)", named, Direction.NEITHER, bias="unknown", **about, **rules)
        end = self.means[-1], self.errors[-1], "log p(x)", "EUBO", Direction.UPPER
        upper = Estimate(*end, bias="unknown", objective="eubo", **about, rules=(caveats.one_draw,))
        return Thermodynamic(tuple(self.betas.tolist()), looks, inside, elbo(self._first), upper)


def _error(influence):
    n = len(influence)
    return math.sqrt(np.sum(influence**2) / n / (n - 1)) if n > 1 else math.nan
