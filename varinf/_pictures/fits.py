"""Pictures of fits and of their diagnoses."""

import numpy as np

from varinf._pictures.style import ELBO, KL
from varinf.inference.diagnose import SHOWN


def fit(figure, result):
    """The objective on its way, and the ELBO of where it ended, from fresh draws."""
    axes, elbo = figure.add_subplot(), result.elbo
    climbed = np.array([step.objective for step in result.history])
    axes.plot(np.arange(1, len(climbed) + 1), climbed, "o-", color=KL, ms=3, label="objective")
    value, error = float(elbo.value), 1.96 * float(elbo.stderr)
    axes.axhline(value, color=ELBO, lw=1.6, label="ELBO of q from fresh draws, ± 1.96 se")
    axes.axhspan(value - error, value + error, color=ELBO, alpha=0.25, lw=0)
    ended = "converged" if result.converged else "NOT converged"
    axes.set_title(f"{result.family} fit, {result.method}: {ended}")
    stochastic = result.method == "stochastic"
    axes.set(xlabel="level, each of half the step size" if stochastic else "looks that improved", ylabel="nats")
    high = np.isfinite(climbed)
    if high.sum() > 4 and np.isfinite(value):  # a start from far below would flatten the rest: it is named instead
        last = climbed[high][len(climbed[high]) // 2 :]
        low, top = min(last.min(), value - error), max(last.max(), value + error)
        floor = low - max(0.3 * (top - low), 1e-3)
        if climbed[high].min() < floor:
            axes.set_ylim(floor, top + 0.1 * (top - floor))
            start = f"objective from {climbed[high].min():.4g}"
            axes.annotate(start, (1, floor), xytext=(6, 4), textcoords="offset points")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, loc="lower right")


def diagnosis(figure, result):
    """Mean and standard deviation of each parameter by q, and corrected by the weights."""
    axes, names = figure.add_subplot(), result.names[:SHOWN]
    i = np.arange(len(names))
    for by, mean, sd, colour, shift in (
        ("q", result.q_mean, result.q_sd, KL, -0.13),
        ("corrected", result.mean, result.sd, ELBO, 0.13),
    ):
        axes.errorbar(i + shift, mean[: len(i)], sd[: len(i)], fmt="o", color=colour, ms=4, label=f"{by}, ± sd")
    sign = "≤" if result.k_hat <= result.threshold else ">"
    title = f"k_hat {result.k_hat:.2f} {sign} {result.threshold:.2f}: {'' if result.trusted else 'not '}to be trusted"
    more = f", the first {SHOWN} of {len(result.names):,}" if len(result.names) > SHOWN else ""
    axes.set(title=title + more, ylabel="parameter, in its own units")
    axes.set_xticks(i, names, rotation=30 if len(names) > 5 else 0, ha="right" if len(names) > 5 else "center")
    axes.legend(frameon=False)
