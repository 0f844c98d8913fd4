"""A convex falling curve between its tangents and its chords, refined where the two lie farthest apart.

A point at slope s is (x, y) on or above the curve, with a tangent at most `gap` below it: the curve lies on or above
y − gap − s (· − x). So written, steep tangents keep their digits near their points, as intercepts would not. Between
neighbours, the curve lies below their chord and above both tangents; the farthest that chord and tangents can lie apart
is where the tangents meet. A solve at the slope of the chord either finds that the chord is the curve (a straight
segment) or a point between, and both new triangles are smaller.

At slope inf the tangent is the vertical line through the leftmost point.
"""

import heapq
import math
from typing import Any, NamedTuple


class Point(NamedTuple):
    """What a solve at a slope says: a point, its tangent, and whatever else came with it."""

    slope: float
    x: float
    y: float
    gap: float = 0.0
    source: Any = None


def refined(solve, left, right, tolerance, limit):
    """Points from `left` (the larger slope) to `right` such that chords and tangents are at most `tolerance` apart.

    Parameters
    ----------
    solve : callable
        Of a slope and its two neighbours, `solve(slope, left, right)`; gives a Point.
    left, right : Point
        The ends of the curve.
    tolerance : float
        In units of y.
    limit : int
        At most so many solves.

    Returns
    -------
    list of Point
        In order of falling slope.

    Examples
    --------
    >>> from varinf.tradeoffs.convex_curve import Point, refined
    >>> def solve(s, left, right):  # y = 1 / x: the tangent of slope -s touches at x = s ** -0.5
    ...     return Point(s, s**-0.5, s**0.5)
    >>> points = refined(solve, solve(4.0, None, None), solve(0.25, None, None), 0.01, 100)
    >>> len(points), points[4].slope
    (15, 2.0)
    """
    points = {0.0: left, 1.0: right}  # by place: halves, quarters, eighths …
    waiting = []

    def wait(a, b):
        apart = sandwich(points[a], points[b])
        if apart > tolerance:
            heapq.heappush(waiting, (-apart, a, b))

    wait(0.0, 1.0)
    for _ in range(limit):
        if not waiting:
            break
        _, a, b = heapq.heappop(waiting)
        slope, middle = chord_slope(points[a], points[b]), (a + b) / 2
        if not points[b].slope < slope < points[a].slope or not a < middle < b:
            continue  # rounding, or unconverged ends: nothing more is to be learnt between them
        points[middle] = solve(slope, points[a], points[b])
        wait(a, middle)
        wait(middle, b)
    return [points[place] for place in sorted(points)]


def chord_slope(left, right):
    """−dy/dx between two points; nan where they are one."""
    return (left.y - right.y) / (right.x - left.x) if right.x > left.x else math.nan


def sandwich(left, right):
    """The farthest that the chord lies above both tangents."""
    if not right.x > left.x:
        return 0.0
    width, fall = right.x - left.x, (left.y - left.gap) - (right.y - right.gap)
    if math.isinf(left.slope):
        along = 0.0
    elif left.slope > right.slope:
        along = min(max((fall - right.slope * width) / (left.slope - right.slope), 0.0), width)
    else:
        return 0.0
    chord = left.y - chord_slope(left, right) * along
    return chord - (right.y - right.gap + right.slope * (width - along))
