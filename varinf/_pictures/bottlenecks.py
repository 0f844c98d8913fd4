"""Pictures of information bottlenecks: curves with a tangent, clusters that split, directions that join, encoders."""

from itertools import pairwise

import numpy as np

from varinf._pictures.style import ELBO, KL, REFERENCE, ground, ink, line_through, name_points, table
from varinf.tradeoffs.critical_beta import critical_beta
from varinf.tradeoffs.gaussian_bottleneck import gaussian_bottleneck_curve

THINNEST, WIDEST = 0.8, 8.0  # points: the line of an empty cluster, and what one that holds everything adds
BEYOND = 1.5  # times the first and last prices of partitions: what is drawn of the lines before and after
NAMED = 5  # directions whose critical beta stands beside them


def encoder(figure, result):
    """What goes into which cluster, and what a cluster says."""
    left, right = figure.subplots(1, 2)
    table(figure, left, result.encoder, "x", "cluster t")
    left.set_title("encoder q(t|x)")
    table(figure, right, result.decoder, "cluster t", "y")
    right.set_title("decoder q(y|t)")
    ended = "" if result.converged else ", NOT converged"
    found = f"I(T;X) {result.I_TX:.4g}, I(T;Y) {result.I_TY:.4g} {result.units}"
    figure.suptitle(f"β = {result.beta:.4g}: {found}{ended}", fontsize="medium")


def curve(figure, result):
    """The plane of both informations; beside it the clusters along beta."""
    left, right = figure.subplots(1, 2)
    (_partitions if result.deterministic else _encoders)(left, result)
    _clusters(right, result)


def gaussian(figure, result):
    """The plane with the places where directions join; beside it what each of them keeps, along beta."""
    left, right = figure.subplots(1, 2)
    order = np.argsort(result.beta)
    beta, x, y = result.beta[order], result.I_TX[order], result.I_TY[order]
    left.plot(x, y, "-" if len(x) > 1 else "o", color=ELBO, lw=1.6, label="curve")
    _frame(left, x, y, result.limit, result.units)
    _tangent(left, beta, x, y)
    joined = [critical for critical in result.critical_betas if critical <= beta[-1]]
    if joined:
        met = _independent(result.correlations, joined, result.units)
        left.plot(met.I_TX, met.I_TY, "o", color=KL, ms=5, zorder=4, label="a direction joins, at its β")
        few = slice(0, NAMED)
        rounded = [float(f"{critical:.3g}") for critical in joined[few]]
        name_points(left, "β", rounded, met.I_TX[few], met.I_TY[few], offset=(7, -9))
    left.set_title("the curve")
    left.legend(frameon=False, loc="lower right", fontsize="small")
    shades = np.linspace(1.0, 0.35, max(len(joined), 1))
    for i, (critical, shade) in enumerate(zip(joined, shades, strict=False)):
        own = beta[beta > critical]
        kept = _independent(result.correlations[i : i + 1], np.append(critical, own), result.units)
        label = f"direction {i + 1}" if i < NAMED else None
        right.plot(kept.beta, kept.I_TX, "-", color=ELBO, alpha=shade, lw=1.6, label=label)
        right.plot(critical, 0.0, "o", color=KL, ms=5, clip_on=False, zorder=3)
    right.set(xlabel="β", ylabel=f"I(T;X) of each direction ({result.units})", xscale="log", title="directions along β")
    if joined:
        right.legend(frameon=False, loc="upper left", fontsize="small")


def _independent(correlations, betas, units):
    """The curve of pairs with these correlations, at other betas."""
    one = np.eye(len(correlations))
    return gaussian_bottleneck_curve(one, np.diag(correlations), one, betas=betas).to(units)


# The plane -----------------------------------------------------------------------------------------------------------


def _frame(axes, x, y, limit, units):
    """What no encoder passes: I(T;Y) is at most I(T;X), and at most I(X;Y)."""
    reach = max(float(np.max(x)), 1e-9)
    end = min(limit, reach)
    axes.plot([0, end], [0, end], ":", color=ink(), lw=1.0, label="I(T;Y) = I(T;X)")
    axes.axhline(limit, color=ink(), lw=1.2, label=f"I(X;Y) = {limit:.4g} {units}")
    axes.set(xlabel=f"I(T;X) ({units})", ylabel=f"I(T;Y) ({units})")


def _tangent(axes, beta, x, y):
    """At the point nearest to half of what is said of Y."""
    inner = np.flatnonzero((beta > 0) & (y > 1e-9) & (y < y.max()))
    if not len(inner):
        return
    i = inner[np.argmin(np.abs(y[inner] - y.max() / 2))]
    style = {"ls": "--", "color": KL, "lw": 1.4, "label": f"tangent at β = {beta[i]:.3g}: slope 1/β"}
    line_through(axes, (x[i], y[i]), 1 / beta[i], (0.0, x.max()), (0.0, 1.02 * y.max()), **style)
    axes.plot(x[i], y[i], "s", color=KL, ms=5, zorder=4)


def _encoders(axes, result):
    beta, x, y = result.beta, result.I_TX, result.I_TY
    axes.plot(x, y, "o-", color=ELBO, ms=3, lw=1.2, label="one point per β")
    straight = result.segments
    if straight:
        prices = ", ".join(f"{segment.beta:.3g}" for segment in straight[:3]) + ", …" * (len(straight) > 3)
        for i, segment in enumerate(straight):
            ends = segment.start, segment.end
            label = f"straight, at β = {prices}" if i == 0 else None
            axes.plot([e.I_TX for e in ends], [e.I_TY for e in ends], color=REFERENCE, lw=5, alpha=0.7, label=label)
    _frame(axes, x, y, result.limit, result.units)
    _tangent(axes, beta, x, y)
    missed = sum(not point.converged for point in result.points)
    axes.set_title("the curve" + (f": {missed} points NOT converged" if missed else ""))
    axes.legend(frameon=False, loc="lower right", fontsize="small")


def _partitions(axes, result):
    x, y, hull = result.I_TX, result.I_TY, np.isfinite(result.beta)
    style = {"color": ELBO, "ms": 4, "lw": 1.2}
    axes.plot(x[hull], y[hull], "o-", **style, label="partitions that some β prefers")
    if not hull.all():
        below = {"mfc": ground(), "mec": KL, "label": "undominated, below the hull", "zorder": 3}
        axes.plot(x[~hull], y[~hull], "o", ms=4, **below)
    _frame(axes, x, y, result.limit, result.units)
    axes.set(xlabel=f"I(T;X) = H(T) ({result.units})")
    axes.set_title("partitions" + ("" if result.converged else ": NOT all looked at"))
    axes.legend(frameon=False, loc="lower right", fontsize="small")


# Clusters along beta --------------------------------------------------------------------------------------------------


def _clusters(axes, result):
    """Where each cluster stands, and which one it came out of; the width of a line is the weight of its cluster."""
    from matplotlib.collections import LineCollection

    axes.set(xlabel="β", ylabel="E[f(Y)|t], f the score that X predicts best", xscale="log", title="clusters along β")
    points = [point for point in result.points if point.beta > 0 or (result.deterministic and point.beta == 0)]
    if not points:
        return
    places = [point.decoder @ _score(result._table) for point in points]
    betas = np.array([point.beta for point in points])
    lines, weights = (_steps if result.deterministic else _branches)(points, places, result._table.sum(axis=1), betas)
    widths = THINNEST + WIDEST * np.array(weights)
    axes.add_collection(LineCollection(lines, linewidths=widths, colors=ELBO, capstyle="round"))
    axes.autoscale_view()
    critical, (first, last) = critical_beta(result._table), axes.get_xlim()
    if first <= critical <= last and not result.deterministic:
        axes.axvline(critical, color=KL, lw=1.2, ls="--", label=f"critical β = {critical:.3g}")
        axes.legend(frameon=False, loc="upper left", fontsize="small")


def _branches(points, places, p_x, betas):
    """(lines, weights): from each cluster at a beta back to the one that most of it was in at the beta before."""
    lines, weights = [], []
    for i, (before, after) in enumerate(pairwise(points)):
        parents = _parents(before, after, p_x)
        lines += [
            [(betas[i], places[i][parent]), (betas[i + 1], place)]
            for parent, place in zip(parents, places[i + 1], strict=True)
        ]
        weights += after.weight.tolist()
    if len(points) == 1:  # a dot each
        lines, weights = [[(betas[0], place)] * 2 for place in places[0]], points[0].weight.tolist()
    return lines, weights


def _steps(points, places, p_x, betas):
    """(lines, weights): each partition from the beta that prefers it to the next, and thin lines where clusters move."""
    inner = betas[1:] if len(betas) > 1 else np.array([1.0])
    ends = np.concatenate([[inner[0] / BEYOND], betas[1:], [inner[-1] * BEYOND]])
    lines, weights = [], []
    for i, (point, at) in enumerate(zip(points, places, strict=True)):
        lines += [[(ends[i], place), (ends[i + 1], place)] for place in at]
        weights += point.weight.tolist()
        if i > 0:
            parents = _parents(points[i - 1], point, p_x)
            lines += [
                [(ends[i], places[i - 1][parent]), (ends[i], place)] for parent, place in zip(parents, at, strict=True)
            ]
            weights += [0.0] * len(at)
    return lines, weights


def _parents(before, after, p_x):
    """Of each cluster after, the one before that most of it was in."""
    return np.argmax(before.encoder.T @ (p_x[:, None] * after.encoder), axis=0)


def _score(p_xy):
    """The f(y) of mean 0 and variance 1 that correlates most with any function of x; 0 where there is none."""
    p_x, p_y = p_xy.sum(axis=1), p_xy.sum(axis=0)
    roots = [np.sqrt(np.where(p > 0, p, 1.0)) for p in (p_x, p_y)]
    _, sigma, right = np.linalg.svd(p_xy / roots[0][:, None] / roots[1], full_matrices=False)
    if len(sigma) < 2:
        return np.zeros(len(p_y))
    f = right[1] / roots[1]
    return f * np.sign(f[np.argmax(np.abs(f))])
