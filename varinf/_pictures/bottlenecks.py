"""Pictures of information bottlenecks: curves with a tangent, clusters that split, directions that join, encoders."""

from itertools import pairwise

import numpy as np

from varinf._pictures.style import ELBO, KL, REFERENCE, ink, legend_below, line_through, name_points, scale_of, table
from varinf.tradeoffs.critical_beta import critical_beta
from varinf.tradeoffs.gaussian_bottleneck import gaussian_bottleneck_curve

THINNEST, WIDEST = 0.8, 8.0  # points: the line of an empty cluster, and what one that holds everything adds
BEYOND = 1.2  # times the first and last betas: where their axis ends, and the lines of partitions
DIGITS = 9  # of scores that count: by less, two clusters do not differ
NAMED = 5  # directions at most, if their critical betas stand beside them
SMALL = 1e-9  # of information: nothing
CROWDED = 60  # partitions: beyond, their marks are smaller
GRID = 200  # betas at which a direction is drawn, beside the curve's own


def encoder(figure, result):
    """What goes into which cluster, and what a cluster says."""
    left, right = figure.subplots(1, 2)
    table(figure, left, result.encoder, "x", "cluster t")
    left.set_title("encoder q(t|x)")
    table(figure, right, result.decoder, "cluster t", "y")
    right.set_title("decoder q(y|t)")
    ended = "" if result.converged else ", NOT converged"
    found = f"I(T;X) {result.I_TX:.4g}, I(T;Y) {result.I_TY:.4g} {result.units}"
    figure.suptitle(f"β = {result.beta:.4g}: {found}{ended}", fontsize="large")


def curve(figure, result):
    """The plane of I(T;X) and I(T;Y); beside it the clusters along beta."""
    left, right = _panels(figure)
    (_partitions if result.deterministic else _encoders)(left, result)
    _clusters(right, result)
    legend_below(figure, left)


def gaussian(figure, result):
    """The plane with the places where directions join; beside it what each of them keeps, along beta."""
    left, right = _panels(figure)
    order = np.argsort(result.beta)
    beta, x, y = result.beta[order], result.I_TX[order], result.I_TY[order]
    left.plot(x, y, "-" if len(x) > 1 else "o", color=ELBO, lw=1.6, label="the curve")
    _frame(left, x, y, result.limit, result.units)
    _tangent(left, beta, x, y)
    left.set_title("the curve")
    joined = result.critical_betas[result.critical_betas < beta[-1]]
    right.set(xlabel="β", ylabel=f"I(T;X) of a direction ({result.units})", title="directions along β")
    if len(joined):
        met = _independent(result.correlations, joined, result.units)
        left.plot(met.I_TX, met.I_TY, "o", color=KL, ms=5, zorder=4, label="a direction joins, at its critical β")
        if len(joined) <= NAMED:
            rounded = [float(f"{critical:.3g}") for critical in joined]
            name_points(left, "β", rounded, met.I_TX, met.I_TY, offset=(7, -9))
        scale_of(right, joined[0] / BEYOND, beta[-1] * BEYOND)
    for correlation, critical in zip(result.correlations, joined, strict=False):
        at = np.union1d(np.geomspace(critical, beta[-1], GRID), beta[beta > critical])
        kept = _independent([correlation], at, result.units)
        right.plot(kept.beta, kept.I_TX, "-", color=ELBO, lw=1.4)
        right.plot(critical, 0.0, "o", color=KL, ms=5, clip_on=False, zorder=3)
    legend_below(figure, left)


def _panels(figure):
    """The plane and what goes along beta, with room for a legend below."""
    figure.set_figheight(4.6)
    return figure.subplots(1, 2)


def _independent(correlations, betas, units):
    """The curve of pairs with these correlations, at other betas."""
    one = np.eye(len(correlations))
    return gaussian_bottleneck_curve(one, np.diag(correlations), one, betas=betas).to(units)


# The plane -----------------------------------------------------------------------------------------------------------


def _frame(axes, x, y, limit, units):
    """What no encoder passes: I(T;Y) is at most I(T;X), and at most I(X;Y)."""
    end = min(limit, float(np.max(x))) if np.max(x) > SMALL else limit
    axes.plot([0, end], [0, end], ":", color=ink(), lw=1.0, label="I(T;Y) = I(T;X)")
    axes.axhline(limit, color=ink(), lw=1.2, label=f"I(X;Y) = {limit + 0.0:.4g} {units}")
    axes.set(xlabel=f"I(T;X) ({units})", ylabel=f"I(T;Y) ({units})")


def _tangent(axes, beta, x, y):
    """At the point nearest to half of what is said of Y."""
    inner = np.flatnonzero((beta > 0) & (y > SMALL) & (y < y.max()))
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


def _partitions(axes, result):
    x, y, hull = result.I_TX, result.I_TY, np.isfinite(result.beta)
    size = 4.0 if len(x) <= CROWDED else 2.5
    style = {"color": ELBO, "ms": size, "lw": 1.2, "zorder": 3}
    axes.plot(x[hull], y[hull], "o-", **style, label="partitions that some β prefers")
    if not hull.all():
        below = {"mfc": "none", "mec": KL, "label": "undominated, below the hull"}
        axes.plot(x[~hull], y[~hull], "o", ms=size, **below)
    _frame(axes, x, y, result.limit, result.units)
    axes.set(xlabel=f"I(T;X) = H(T) ({result.units})")
    axes.set_title("partitions" + ("" if result.converged else ": NOT all looked at"))


# Clusters along beta --------------------------------------------------------------------------------------------------


def _clusters(axes, result):
    """Each cluster at the middle of its share of all, from the one that it came out of; as wide as its weight."""
    from matplotlib.collections import LineCollection

    axes.set(xlabel="β", ylabel="shares q(t), stacked", title="clusters along β")
    points = [point for point in result.points if point.beta > 0 or (result.deterministic and point.beta == 0)]
    if not points:
        axes.set_title("clusters along β: none above 0")
        return
    p_x, betas = result._reduction.table.sum(axis=1), np.array([point.beta for point in points])
    shared = [_shared(before, after, p_x) for before, after in pairwise(points)]
    places = _stacked(points, shared, _scores(result._reduction.table))
    lines, weights = (_steps if result.deterministic else _branches)(points, places, shared, betas)
    ends = betas[betas > 0] if np.any(betas > 0) else np.array([1.0])
    scale_of(axes, ends[0] / BEYOND, ends[-1] * BEYOND)
    widths = THINNEST + WIDEST * np.array(weights)
    axes.add_collection(LineCollection(lines, linewidths=widths, colors=ELBO, capstyle="round"))
    if len(points) == 1 and not result.deterministic:
        axes.scatter(
            np.full(len(places[0]), betas[0]), places[0], s=4 * (THINNEST + WIDEST * points[0].weight) ** 2, c=ELBO
        )
    axes.set_ylim(-0.02, 1.02)
    critical, (first, last) = critical_beta(result._reduction.table), axes.get_xlim()
    if first <= critical <= last and not result.deterministic:
        axes.axvline(critical, color=KL, lw=1.2, ls="--", zorder=3)
        axes.set_xlabel(f"β; dashed: the critical one, {critical:.3g}")


def _stacked(points, shared, scores):
    """The middle of each cluster's share, children within what was their parent's, siblings by what they say of Y."""
    places, rank = [], None
    for i, point in enumerate(points):
        keys = (point.decoder @ scores).round(DIGITS).T[::-1]
        order = np.lexsort(keys if rank is None else [*keys, rank[np.argmax(shared[i - 1], axis=0)]])
        rank = np.argsort(order)
        below = np.cumsum(point.weight[order])[rank]
        places.append(below - point.weight / 2)
    return places


def _branches(points, places, shared, betas):
    """(lines, weights) from each cluster back to its parent, and on from each without a child to where most of it went.

    The parent is the cluster at the beta before that most of it was in.
    """
    lines, weights = [], []
    for i, mass in enumerate(shared):
        parents, heirs = np.argmax(mass, axis=0), np.argmax(mass, axis=1)
        alone = [k for k in range(len(mass)) if k not in parents]
        pairs = [*zip(parents, range(len(parents)), strict=True), *((k, heirs[k]) for k in alone)]
        lines += [[(betas[i], places[i][a]), (betas[i + 1], places[i + 1][b])] for a, b in pairs]
        weights += [*points[i + 1].weight, *points[i].weight[alone]]
    return lines, weights


def _steps(points, places, shared, betas):
    """(lines, weights): each partition from the beta that prefers it to the next, and thin lines where x move."""
    inner = betas[1:] if len(betas) > 1 else np.array([1.0])
    ends = np.concatenate([[inner[0] / BEYOND], betas[1:], [inner[-1] * BEYOND]])
    lines, weights = [], []
    for i, (point, at) in enumerate(zip(points, places, strict=True)):
        lines += [[(ends[i], place), (ends[i + 1], place)] for place in at]
        weights += point.weight.tolist()
        if i > 0:
            moved = np.argwhere(shared[i - 1] > 0)
            lines += [[(ends[i], places[i - 1][a]), (ends[i], at[b])] for a, b in moved]
            weights += [0.0] * len(moved)
    return lines, weights


def _shared(before, after, p_x):
    """The probability (T, T') of being in a cluster before and in another after."""
    return before.encoder.T @ (p_x[:, None] * after.encoder)


def _scores(p_xy):
    """Two f(y) of mean 0 and variance 1 that correlate most with functions of x, (Y, 2); 0 where there are fewer."""
    p_x, p_y = p_xy.sum(axis=1), p_xy.sum(axis=0)
    roots = [np.sqrt(np.where(p > 0, p, 1.0)) for p in (p_x, p_y)]
    right = np.linalg.svd(p_xy / roots[0][:, None] / roots[1], full_matrices=False)[2]
    scores = np.zeros((len(p_y), 2))
    for k, f in enumerate(right[1:3] / roots[1]):
        scores[:, k] = f * np.sign(f[np.argmax(np.abs(f))])
    return scores
