"""Straight pieces of the bottleneck curve, which the solutions at single betas jump over.

At the beta of such a piece its two ends cost the same, and so does every mixture: T drawn as at the one end with
probability 1 − share, as at the other with probability share, and the choice told along. Both informations are then the
same mixtures of those at the ends. No beta prefers one mixture to another; the squared functional I(T;X)² − c I(T;Y)
does, as its level lines are curved, and its minimum at c = 2 beta I(T;X) is the mixture of that I(T;X) (Kolchinsky,
Tracey, Van Kuyk 2019, "Caveats for information bottleneck in deterministic scenarios").
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np

from varinf._arrays import finite_number
from varinf.tradeoffs.bottleneck_iterations import begun, encode, finish
from varinf.tradeoffs.information_bottleneck import ITERATIONS, TOLERANCE, Bottleneck, result, silent

SHORT = 0.05  # of the curve's I(T;X): neighbours that near are not looked between
LEVEL = 1e-6  # of a piece's I(T;X): one that no encoder undercuts by more is straight
DEEP = 8  # times that what lies between two neighbours is cut


@dataclass(frozen=True, eq=False)
class Segment:
    """A straight piece of the curve, at one beta.

    Parameters
    ----------
    beta : float
        Nats about X for a nat about Y along it.
    start, end : Bottleneck
        Where it begins and ends; both are solutions at this beta.

    See Also
    --------
    information_bottleneck_curve : Whose `segments` these are.

    Examples
    --------
    >>> from varinf import information_bottleneck_curve
    >>> copy = information_bottleneck_curve([[0.5, 0.0], [0.0, 0.5]], betas=[2.0]).to("bits")
    >>> half = copy.segments[0].at(0.5)
    >>> round(half.I_TX, 6), round(half.I_TY, 6), half.encoder.shape
    (0.5, 0.5, (2, 3))
    """

    beta: float
    start: Bottleneck
    end: Bottleneck

    def at(self, share):
        """The mixture of both ends.

        Parameters
        ----------
        share : float
            Of the end, from 0 to 1.

        Returns
        -------
        Bottleneck
            The minimum of I(T;X)² − c I(T;Y) at c = 2 beta I(T;X), and one of many minima of the Lagrangian. Its
            clusters are those of the start, then those of the end.
        """
        share = finite_number(share, "share")
        if not 0 <= share <= 1:
            raise ValueError(f"share={share}: use a number from 0, the start, to 1, the end")
        parts = [(1 - share, self.start), (share, self.end)]
        parts = [(part, point) for part, point in parts if part > 0]
        I_TX, I_TY = (sum(part * getattr(point, name) for part, point in parts) for name in ("I_TX", "I_TY"))
        return Bottleneck(
            self.beta,
            I_TX,
            I_TY,
            np.hstack([part * point.encoder for part, point in parts]),
            np.hstack([part * point.weight for part, point in parts]),
            np.vstack([point.decoder for _, point in parts]),
            all(point.converged for _, point in parts),
            max(point.residual for _, point in parts),
            0,
            np.array([I_TX - self.beta * I_TY]),
            self.start.units,
        )

    def to(self, units):
        """The same piece with informations in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show them in; a bit is log 2 nats.

        Returns
        -------
        Segment
            With both ends converted.
        """
        return replace(self, start=self.start.to(units), end=self.end.to(units))


class _Vertex:
    """A point in the plane and a table that the iterations may go on from."""

    def __init__(self, point, table):
        self.point, self.table = point, table

    def far(self, other, length):
        return other.point.I_TX - self.point.I_TX > length and other.point.I_TY > self.point.I_TY


def segments(reduction, points):
    """The `Segment`s between points (in nats, by I(T;X)) and before the first of them."""
    joint, rows = reduction.joint, reduction.row
    member = np.array([np.nonzero(rows == i)[0][0] for i in range(len(joint.p_x))])
    vertices = [_Vertex(point, point.encoder[member].T @ joint.p_xy) for point in (silent(reduction, 1.0), *points)]
    short = SHORT * vertices[-1].point.I_TX
    pairs = [(a, b) for a, b in itertools.pairwise(vertices) if a.far(b, short)]
    found = []
    for _ in range(DEEP):
        if not pairs:
            break
        price = np.array([_price(a.point, b.point) for a, b in pairs])
        lowest = _lowest(joint, price, [(a.table, b.table) for a, b in pairs])
        cut = []
        for (a, b), beta, best in zip(pairs, price.tolist(), lowest, strict=True):
            if _value(a.point, beta) - (best.value - beta * joint.H_Y) <= LEVEL * (b.point.I_TX - a.point.I_TX):
                found.append(Segment(beta, a.point, b.point))
                continue
            encoder = encode(joint, np.array([beta]), best.table[None])[0][0]
            end = best.residual <= TOLERANCE, best.residual, best.iterations
            between = _Vertex(result(reduction, beta, encoder, np.zeros(1), *end), best.table)
            cut += [(one, other) for one, other in ((a, between), (between, b)) if one.far(other, short)]
        pairs = cut
    return sorted(found, key=lambda segment: segment.start.I_TX)


def _price(a, b):
    return max(1.0, (b.I_TX - a.I_TX) / (b.I_TY - a.I_TY))


def _value(point, beta):
    return point.I_TX - beta * point.I_TY


def _lowest(joint, price, tables):
    """At each price, the lowest of where its tables lead."""
    betas = np.repeat(price, [len(each) for each in tables])
    ends = iter(finish(joint, betas, [begun(t) for each in tables for t in each], TOLERANCE, ITERATIONS))
    return [min((next(ends) for _ in each), key=lambda end: end.value) for each in tables]
