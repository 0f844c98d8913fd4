"""How far a fit can be trusted: by its own importance weights, and by fits from elsewhere."""

import math
import textwrap
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf._progress import reporter
from varinf.diagnostics.effective_sample_size import effective_sample_size, importance_weights
from varinf.diagnostics.psis import psis
from varinf.evidence.iwelbo import iwelbo
from varinf.inference.fit import fit as fit_again
from varinf.inference.layout import numbers
from varinf.inference.result import Fit

FAR = (3.0, 100.0)  # standard deviations of q, the least and the most by which restarts are dispersed
APART = 1.0  # optima whose means lie so far apart, in the smaller standard deviation, are two
SCALED = 2.0  # ... or whose standard deviations differ by such a factor
RIVAL = 5.0  # nats: an optimum less far below holds more than a hundredth of what q's holds
TIED = 1e-6  # nats, which are rounding
SHOWN = 12  # rows of the printed table
CLOSE = 0.5  # of the draws, or more, are effective where q is called close
EASY = 0.5  # k_hat up to which averages behave as if weights had a variance, which they have


class Optimum(NamedTuple):
    """A distinct end of fits from dispersed starts: q, its ELBO, and how many of the starts ended there."""

    q: Any
    elbo: Any
    count: int


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Result of `diagnose`.

    Attributes
    ----------
    k_hat : float
        Tail index of the weights p / q over draws of q.
    threshold : float
        Above it averages over these draws, reweighted, are not reliable.
    effective_draws : float
        Of the smoothed weights, 1 / Σ w².
    draws : int
        Draws of q.
    names : tuple of str
        Of the parameters; of the target's own variables, where it has them.
    mean, sd, stderr : array (dim,)
        Moments of the posterior by Pareto smoothed importance sampling, and the standard error of `mean`.
    q_mean, q_sd : array (dim,)
        Moments of q, from the same draws.
    log_evidence : Estimate
        IWELBO of all draws, a lower bound on the log normaliser.
    optima : tuple of Optimum
        Distinct ends of restarts, the best first; the fit's own alone without restarts.
    restarts : int
        Fits from dispersed starts.
    trusted : bool
        Whether the fit has converged, k_hat is below its threshold, and no restart ended elsewhere with a bound that is
        as good or nearly so.
    advice : str
        What it comes to, and what to do.

    See Also
    --------
    varinf.psis : Where k_hat comes from.
    """

    k_hat: float
    threshold: float
    effective_draws: float
    draws: int
    names: tuple
    mean: Any
    sd: Any
    stderr: Any
    q_mean: Any
    q_sd: Any
    log_evidence: Any
    optima: tuple
    restarts: int
    trusted: bool
    advice: str

    def __str__(self):
        width = min(20, max(len(name) for name in self.names[:SHOWN]))
        sign = "<=" if self.k_hat <= self.threshold else ">"
        effective = f"{self.effective_draws:,.0f} effective of {self.draws:,} draws"
        lines = [f"k_hat {self.k_hat:.2f} {sign} {self.threshold:.2f}; {effective}"]
        if not self.k_hat <= self.threshold:
            lines.append("at this k_hat the reweighted moments on the left are not reliable:")
        lines.append(f"{'':<{width}} {'mean':>11} {'± ':>9} {'sd':>10}   {'q: mean':>11} {'q: sd':>10}")
        columns = zip(self.names, self.mean, self.stderr, self.sd, self.q_mean, self.q_sd, strict=True)
        for count, (name, *values) in enumerate(columns):
            if count == SHOWN and len(self.names) > SHOWN + 1:
                lines.append(f"... and {len(self.names) - SHOWN:,} more")
                break
            mean, stderr, sd, q_mean, q_sd = values
            row = f"{name[:width]:<{width}} {mean:>11.4g} {stderr:>9.2g} {sd:>10.3g}"
            lines.append(f"{row}   {q_mean:>11.4g} {q_sd:>10.3g}")
        if self.restarts:
            lines.append(f"{self.restarts} restarts, {len(self.optima)} distinct optima:")
            lines += [f"  ELBO {o.elbo.value:.2f} ± {o.elbo.stderr:.2g}, {o.count} times" for o in self.optima[:SHOWN]]
        return "\n".join([*lines, *textwrap.wrap(self.advice, 80)])

    __repr__ = __str__


def diagnose(fit, draws=10_000, *, restarts=0, rng=None, progress=False):
    """Say how far a fit can be trusted, and what to do next.

    Draws of q are weighted by p / q. Where the weights have no heavy tail, averages over the reweighted draws are
    those of the posterior, as far as q reaches: no weight tells of a mode where q never draws. Restarts look for such.

    Parameters
    ----------
    fit : Fit
        Result of `fit`.
    draws : int
        Draws of q.
    restarts : int
        Fits from starts dispersed by 3 to 100 standard deviations of q about it, to look for other optima.
    rng : None, int, SeedSequence or Generator
        Seed or generator of draws and starts.
    progress : bool or callable (done, total)
        Over restarts.

    Returns
    -------
    Diagnosis
        With `k_hat`, `effective_draws`, corrected moments, `optima`, `trusted` and `advice`; prints as a table.

    Raises
    ------
    TypeError
        If it is no fit.

    See Also
    --------
    fit : What is diagnosed.
    sandwich : A bracket on the evidence, where posterior draws are at hand.

    References
    ----------
    Yao, Vehtari, Simpson, Gelman (2018), "Yes, but did it work?: evaluating variational inference".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> target = vi.Target(lambda z: -np.sum(z**2, axis=1) / 2, 2, gradient=lambda z: -z, names=["a", "b"])
    >>> d = vi.diagnose(vi.fit(target, rng=0), rng=1)
    >>> d.trusted, d.k_hat < d.threshold
    (True, True)
    """
    if not isinstance(fit, Fit):
        raise TypeError(f"fit={fit!r}: give the result of vi.fit")
    rng, draws = generator(rng), positive_integer(draws, "draws")
    restarts = 0 if restarts == 0 else positive_integer(restarts, "restarts")
    z, log_w = fit.weighted_draws(draws, rng)
    names, x = _columns(fit.target.named(fit.target.constrain(z)))
    smoothed = psis(log_w) if np.isfinite(log_w).any() else None
    moments = _moments(x, smoothed)
    k_hat = math.inf if smoothed is None else float(smoothed.k_hat)
    threshold = -math.inf if smoothed is None else smoothed.threshold
    optima = _optima(fit, restarts, rng, progress)
    rivals = [o for o in optima if not _same(o.q, fit.q) and o.elbo.value > fit.elbo.value - RIVAL]
    trusted = fit.converged and k_hat <= threshold and not rivals
    return Diagnosis(
        k_hat=k_hat,
        threshold=threshold,
        draws=draws,
        names=names,
        **moments,
        q_mean=x.mean(axis=0),
        q_sd=x.std(axis=0),
        log_evidence=iwelbo(log_w),
        optima=optima,
        restarts=restarts,
        trusted=trusted,
        advice=_advice(fit, k_hat, threshold, moments["effective_draws"] / draws, optima, restarts),
    )


def _columns(named):
    """(names, array (S, numbers)) of draws as arrays by name."""
    names = [number for name, value in named.items() for number in numbers(name, value.shape[1:])]
    return tuple(names), np.column_stack([value.reshape(len(value), -1) for value in named.values()])


def _moments(x, smoothed):
    """Moments of reweighted draws x (S, dim), with the standard error of the mean by the delta method."""
    if smoothed is None:
        none = np.full(x.shape[1], np.nan)
        return {"mean": none, "sd": none, "stderr": none, "effective_draws": 0.0}
    w = np.asarray(importance_weights(smoothed.log_weights))
    mean = w @ x
    away = (x - mean) ** 2
    return {
        "mean": mean,
        "sd": np.sqrt(w @ away),
        "stderr": np.sqrt(w**2 @ away),
        "effective_draws": float(effective_sample_size(smoothed.log_weights)),
    }


def _optima(fit, restarts, rng, progress):
    """Distinct ends of fits from dispersed starts, and of the fit itself, the highest ELBO first."""
    found = [Optimum(fit.q, fit.elbo, 1)]
    loc, sd = np.asarray(fit.q.loc), _spread(fit.q)
    with reporter(progress, restarts, "restarts") as done:
        for r, far in enumerate(np.geomspace(*FAR, restarts) if restarts > 1 else [FAR[0]] * restarts):
            start = loc + far * sd * rng.standard_normal(loc.shape)
            again = fit_again(fit.target, fit.family, fit.method, start=start, rng=rng, **fit.options)
            done(r + 1)
            if not again.converged:
                continue
            for i, optimum in enumerate(found):
                if _same(optimum.q, again.q):
                    found[i] = optimum._replace(count=optimum.count + 1)
                    break
            else:
                found.append(Optimum(again.q, again.elbo, 1))
    return tuple(sorted(found, key=lambda optimum: -np.nan_to_num(optimum.elbo.value, nan=-math.inf)))


def _better(elbo, other):
    return elbo.value - other.value > 3 * math.hypot(elbo.stderr, other.stderr) + TIED


def _spread(q):
    """Standard deviations of q's coordinates; scales of those that have none."""
    variance = np.asarray(q.variance)
    return np.where(np.isfinite(variance), np.sqrt(variance), getattr(q, "scale", 1.0))


def _same(q, other):
    sd, other_sd = _spread(q), _spread(other)
    apart = np.abs(np.asarray(q.loc) - np.asarray(other.loc)) / np.minimum(sd, other_sd)
    return bool(np.all(apart <= APART) and np.all(np.maximum(sd / other_sd, other_sd / sd) <= SCALED))


def _advice(fit, k_hat, threshold, share, optima, restarts):
    if not fit.converged:
        return f"The fit has not converged ({fit.reason}): mend that first."
    if not k_hat <= threshold:
        return f"Do not trust q: its weights have a tail that no number of draws averages out. {_more(fit.family)}"
    if _better(optima[0].elbo, fit.elbo):
        return (
            "A restart ended elsewhere with a higher ELBO: q is not the best of its family. Fit again with "
            "start=optima[0].q.loc."
        )
    close = k_hat <= EASY and share >= CLOSE
    good = "q is close to the posterior" if close else "q differs from the posterior, but not beyond repair"
    good += ", as far as q reaches: averages over its draws, reweighted, are reliable"
    if len(optima) > 1:
        return (
            f"In this mode {good}. But restarts ended in {len(optima) - 1} other optima, which no weight of q's draws "
            "shows: weigh the modes by their ELBOs, or sample with a method that moves between them."
        )
    if restarts:
        return f"{good}, and {restarts} restarts found no other optimum."
    return f"{good}. Other modes were not looked for: restarts=8 would."


def _more(family):
    if family == "diagonal":
        return "Use family='full', or write the model in coordinates that depend less on each other (non-centred)."
    if family.startswith("low_rank"):
        return "Use more factors or family='full', or other coordinates."
    tails = "" if family.startswith("student_t") else " a family with heavier tails,"
    return f"Use other coordinates (non-centred, say),{tails} or MCMC."
