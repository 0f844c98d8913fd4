"""Pictures of rate and distortion: the curve between chords and tangents, and a channel."""

import numpy as np

from varinf._pictures.style import ELBO, KL, REFERENCE, ink, line_through, table
from varinf.estimate import NATS_PER_BIT

GRID = 400  # distortions at which the limits are drawn, beside those of the points


def curve(figure, result):
    """Chords above, tangents below, the ends by name, one tangent with its slope."""
    axes, D, R = figure.add_subplot(), result.distortion, result.rate
    at = np.union1d(np.linspace(D[0], D[-1], GRID), D)
    low, high = result.rate_at(at)
    axes.fill_between(at, low, high, color=REFERENCE, alpha=0.5, lw=0, label="between tangents and chords")
    axes.plot(at, high, color=ELBO, lw=1.4, label="chords: reached by mixing channels")
    axes.plot(at, low, ":", color=ink(), lw=1.0, label="tangents: no channel goes below")
    axes.plot(D[1:-1], R[1:-1], "o", color=ELBO, ms=3)
    ends = f"ends: least distortion {D[0]:.4g}, and rate 0 from {D[-1]:.4g} on"
    axes.plot(D[[0, -1]], R[[0, -1]], "o", color=KL, ms=6, clip_on=False, zorder=3, label=ends)
    touched = np.flatnonzero(np.isfinite(result.slope) & (result.slope > 0) & (R > 0) & (R < R[0]))
    if len(touched):
        i = touched[np.argmin(np.abs(R[touched] - R[0] / 2))]
        slope = result.slope[i] / (1.0 if result.units == "nats" else NATS_PER_BIT)
        name = f"tangent of slope −{result.slope[i]:.3g} nats per unit of distortion"
        box, style = ((D[0], D[-1]), (0.0, R[0])), {"color": KL, "lw": 1.4, "zorder": 3}
        line_through(axes, (D[i], R[i] - result.gap[i]), -slope, *box, ls="--", label=name, **style)
        axes.plot(D[i], R[i], "s", color=KL, ms=5, zorder=4)
    missed = np.count_nonzero(~np.asarray(result.converged))
    ended = f"; {missed} NOT converged" if missed else ""
    title = f"{len(D)} points, tangents and chords at most {result.sandwich:.1g} {result.units} apart{ended}"
    axes.set(xlabel="distortion", ylabel=f"rate ({result.units})", title=title)
    axes.legend(frameon=False, loc="upper right", fontsize="small")


def channel(figure, result):
    """The channel that reaches a point, as an image."""
    axes = figure.add_subplot()
    table(figure, axes, result.channel, "x", "y")
    ended = "" if result.converged else f", NOT converged (gap {result.gap:.1g})"
    where = f"rate {result.rate:.4g} {result.units}, distortion {result.distortion:.4g}"
    axes.set_title(f"channel p(y|x) at slope {result.slope:.4g}: {where}{ended}")
