"""The information bottleneck at many betas at once: its curve, the jumps that prices leave out, and the splits."""

import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from varinf._arrays import as_array, generator, is_numpy, positive_integer, refuse_where
from varinf.estimate import NATS_PER_BIT
from varinf.information.mutual_information import mutual_information
from varinf.tradeoffs.bottleneck_iterations import FIRST_ROUND, advance, begun, chunks, encode, finish
from varinf.tradeoffs.bottleneck_segments import segments
from varinf.tradeoffs.bottleneck_starts import LOWER, merged, starts
from varinf.tradeoffs.critical_beta import critical_beta
from varinf.tradeoffs.deterministic_bottleneck import best_partition, frontier, hard
from varinf.tradeoffs.information_bottleneck import (
    ITERATIONS,
    TOLERANCE,
    checked_clusters,
    result,
    settled,
    silent,
)
from varinf.tradeoffs.joint_distribution import informations, reduced

POINTS = 40
FROM, TO = 0.7, 50.0  # of the critical beta: where betas begin and end that nobody named
HEAT = 3  # iterations, after which the starts at a beta are two
NEAR = 1e-4  # residual at which the two are compared
EXCHANGES = 10  # rounds in which a beta may take over an encoder that another one found


class Split(NamedTuple):
    """Between two betas that were looked at, the number of clusters changed."""

    above: float
    below: float
    clusters_before: int
    clusters_after: int


@dataclass(frozen=True, eq=False)
class BottleneckCurve:
    """Encoders from saying nothing to saying all that counts, in the plane of I(T;X) and I(T;Y).

    Parameters
    ----------
    points : tuple of Bottleneck
        By I(T;X), ascending, and with it by beta. Of the deterministic variant, all partitions met that no other
        dominates, with beta nan where no beta prefers them, as they lie below the concave hull.
    deterministic : bool
        Whether each x goes to one cluster whole, so that I(T;X) is H(T).
    converged : bool
        Whether the iterations of every point converged; of the deterministic variant, whether the walk ended.

    See Also
    --------
    information_bottleneck_curve : What returns it.

    Examples
    --------
    >>> from varinf import information_bottleneck_curve
    >>> curve = information_bottleneck_curve([[0.45, 0.05], [0.05, 0.45]], betas=[1.5, 1.8, 4.0]).to("bits")
    >>> curve.I_TY.round(3)
    array([0.   , 0.312, 0.529])
    >>> curve.clusters
    array([1, 2, 2])
    """

    points: tuple
    deterministic: bool
    converged: bool
    _reduction: Any

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        return self.points[index]

    @property
    def beta(self):
        """Of each point (n,); free of units."""
        return np.array([point.beta for point in self.points])

    @property
    def I_TX(self):
        """Of each point (n,), in `units`."""
        return np.array([point.I_TX for point in self.points])

    @property
    def I_TY(self):
        """Of each point (n,), in `units`."""
        return np.array([point.I_TY for point in self.points])

    @property
    def clusters(self):
        """How many values T takes at each point (n,)."""
        return np.array([point.clusters for point in self.points])

    @property
    def limit(self):
        """I(X;Y), the most that I(T;Y) can be, in `units`."""
        found = float(mutual_information(self._reduction.table))
        return found / (NATS_PER_BIT if self.units == "bits" else 1.0)

    @property
    def units(self):
        """What informations are shown in, "nats" or "bits"."""
        return self.points[0].units

    @property
    def splits(self):
        """`Split`s (above, below, clusters_before, clusters_after): betas between which clusters come or go."""
        pairs = itertools.pairwise(self.points)
        return tuple(Split(a.beta, b.beta, a.clusters, b.clusters) for a, b in pairs if a.clusters != b.clusters)

    @cached_property
    def segments(self):
        """Straight pieces (tuple of `Segment`), which no beta traces: solutions jump over them. Found when asked for.

        Between neighbours of the curve, at the beta whose price makes them equal: where no encoder is better than
        either, every mixture of the two is a solution too. Where Y is a function of X, all of the curve is one, at 1.
        None for the deterministic variant, whose points between two others are partitions of their own.
        """
        if self.deterministic:
            return ()
        found = segments(self._reduction, [point.to("nats") for point in self.points])
        return tuple(segment.to(self.units) for segment in found)

    def to(self, units):
        """The same curve with informations in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show them in; a bit is log 2 nats. Betas stay as they are.

        Returns
        -------
        BottleneckCurve
            With the informations of all points converted.
        """
        return replace(self, points=tuple(point.to(units) for point in self.points))

    def __repr__(self):
        kind = "partitions" if self.deterministic else "encoders"
        ended = "" if self.converged else ", NOT converged"
        low, high = self.points[0], self.points[-1]
        span = f"I(T;X) {low.I_TX:.4g} to {high.I_TX:.4g}, I(T;Y) {low.I_TY:.4g} to {high.I_TY:.4g} {self.units}"
        return f"BottleneckCurve({len(self)} {kind}, {span}{ended})"


def information_bottleneck_curve(
    p_xy,
    betas=None,
    clusters=None,
    restarts=8,
    rng=0,
    *,
    deterministic=False,
    tolerance=TOLERANCE,
    iterations=ITERATIONS,
):
    """The curve of the information bottleneck: least I(T;X) for each I(T;Y), at many betas.

    Parameters
    ----------
    p_xy : array (X, Y)
        Joint probabilities, rows are x; they sum to 1 within 1e-8.
    betas : array (n,), optional
        Prices, 0 or more, in any order; without them, 40 from 0.7 to 50 times `critical_beta`, in equal ratios.
    clusters : int, optional
        Most values that T may take. The number of x suffices for the best encoders, and is the default.
    restarts : int
        Starts at each beta: the first from the encoder that says all, the others at random. After 3 iterations the best
        of the others goes on, if the first is not ahead of it after 6.
    rng : None, int, SeedSequence or Generator
        For the random starts.
    deterministic : bool
        Trade H(T) for I(T;Y) by partitions of X, and return all that none other dominates.
    tolerance : float
        Residual at which a point has converged.
    iterations : int
        Of a point at most.

    Returns
    -------
    BottleneckCurve
        With `points`, and beta, I_TX, I_TY and clusters of each, `segments` and `splits`. Points are local minima; a
        beta takes over what another found where that is lower.

    Raises
    ------
    ValueError
        For a probability that is negative, nan or infinite, a table that does not sum to 1, or betas below 0.

    See Also
    --------
    information_bottleneck : One beta, with every start taken to its end.
    rate_distortion_curve : The same trade with a distortion that is given.
    plot : The curve with its tangent, and clusters that split along beta.

    References
    ----------
    Tishby, Pereira, Bialek (1999), "The information bottleneck method"; Kolchinsky, Tracey, Van Kuyk (2019), "Caveats
    for information bottleneck in deterministic scenarios"; Tan, Tegmark (2022), "Pareto-optimal clustering with the
    primal deterministic information bottleneck".

    Examples
    --------
    >>> from varinf import information_bottleneck_curve
    >>> copy = information_bottleneck_curve([[0.5, 0.0], [0.0, 0.5]], betas=[0.5, 2.0])  # Y = X
    >>> copy.I_TX.round(4), copy.I_TY.round(4)
    (array([0.    , 0.6931]), array([0.    , 0.6931]))
    >>> copy.segments[0].beta  # between them every mixture is as good, at this one beta
    1.0
    """
    reduction = reduced(p_xy)
    joint, clusters = reduction.joint, checked_clusters(clusters, reduction.joint)
    restarts, rng = positive_integer(restarts, "restarts"), generator(rng)
    betas = _betas(betas, p_xy)
    if deterministic:
        points, converged = _partitions(reduction, betas, clusters, restarts, rng)
        return BottleneckCurve(points, True, converged, reduction)
    positive = betas[betas > 1]
    tables = [starts(joint, beta, clusters, restarts, rng) for beta in positive]
    found = _raced(joint, positive, tables, iterations)
    found = finish(joint, positive, found, tolerance, iterations)
    found = _exchanged(joint, positive, found, tolerance, iterations)
    points = [silent(reduction, beta) for beta in betas[betas <= 1].tolist()]
    for beta, problem in zip(positive.tolist(), found, strict=True):
        best, encoder = settled(joint, beta, problem, clusters, tolerance, iterations)
        values = np.array([best.value - beta * joint.H_Y])
        end = best.residual <= tolerance, best.residual, best.iterations
        points.append(result(reduction, beta, encoder, values, *end))
    converged = all(point.converged for point in points)
    return BottleneckCurve(tuple(points), False, converged, reduction)


def _betas(betas, p_xy):
    if betas is None:
        critical = critical_beta(p_xy)
        critical = critical if math.isfinite(critical) else 1.0
        return np.geomspace(FROM * critical, TO * critical, POINTS)
    betas = as_array(betas, "betas")
    if not is_numpy(betas) or betas.ndim != 1 or betas.size == 0:
        raise ValueError(f"betas has shape {tuple(betas.shape)}: give a NumPy array or list of one price or more")
    refuse_where(
        ~((betas >= 0) & np.isfinite(betas)), betas, "betas", "values below 0, nan or inf", "prices are 0 or more"
    )
    return np.sort(betas.astype(np.float64))


def _raced(joint, betas, tables, iterations):
    """One start at each beta: the first, or the best of the others if it leads lower.

    The first, from the encoder that says all, takes time to come down, and is seldom beaten in the end.
    """
    rest = len(tables[0]) - 1 if tables else 0  # starts beside the first
    ahead = advance(joint, betas, [begun(each[0]) for each in tables], FIRST_ROUND)
    others = [begun(table) for each in tables for table in each[1:]]
    others = advance(joint, np.repeat(betas, rest), others, HEAT, accelerated=False)
    on = list(range(len(betas)))  # the beta of each that goes on
    for i in range(len(betas) if rest else 0):
        best = _lowest(others[rest * i : rest * (i + 1)])
        if best.value <= ahead[i].value:
            ahead.append(best)
            on.append(i)
    ends = finish(joint, betas[on], ahead, NEAR, iterations)
    return [_lowest([end for i, end in zip(on, ends, strict=True) if i == own]) for own in range(len(betas))]


def _lowest(problems):
    return min(problems, key=lambda one: one.value)


def _exchanged(joint, betas, problems, tolerance, iterations):
    """Each beta may go on from the encoder of another, where that is better than its own as it stands."""
    problems, here = list(problems), np.arange(len(betas))
    for _ in range(EXCHANGES if problems else 0):
        I_TX, I_TY = np.empty((2, len(problems)))
        for chunk, tables in chunks(problems, len(joint.p_x)):
            I_TX[chunk], I_TY[chunk] = informations(joint, encode(joint, betas[chunk], tables)[0])
        values = I_TX - betas[:, None] * I_TY
        source = values.argmin(axis=1)
        gains = np.nonzero(values[here, source] < values[here, here] - LOWER)[0]
        if not len(gains):
            break
        begin = [begun(problems[source[i]].table) for i in gains]
        for i, found in zip(gains, finish(joint, betas[gains], begin, tolerance, iterations), strict=True):
            if found.value < problems[i].value:
                problems[i] = found
    return problems


def _partitions(reduction, betas, clusters, restarts, rng):
    """(points, whether the walk ended) of the deterministic variant."""
    joint, seeds = reduction.joint, [np.zeros(len(reduction.joint.p_x), dtype=int)]
    if clusters >= len(joint.p_x):
        seeds.append(np.arange(len(joint.p_x)))
    for beta in betas:
        seeds.append(best_partition(joint, beta, clusters, restarts, rng)[0])
        seeds += [merged(joint, beta, k).argmax(axis=0) for k in {min(2, clusters), clusters} if k < len(joint.p_x)]
    partitions, H, I, ended = frontier(joint, seeds, clusters)
    points = [
        result(reduction, beta, hard(labels), np.array([h - beta * i]))
        for labels, h, i, beta in zip(partitions, H, I, _prices(H, I), strict=True)
    ]
    return tuple(points), ended


def _prices(H, I):
    """The least beta at which each point (H ascending) has the lowest H − beta I; nan below the concave hull."""
    prices, hull = np.full(len(H), np.nan), [0]
    for i in range(1, len(H)):
        while len(hull) > 1 and _price(H, I, hull[-1], i) <= _price(H, I, hull[-2], hull[-1]):
            hull.pop()
        hull.append(i)
    prices[0] = 0.0
    for a, b in itertools.pairwise(hull):
        prices[b] = _price(H, I, a, b)
    return prices


def _price(H, I, a, b):
    return (H[b] - H[a]) / (I[b] - I[a])
