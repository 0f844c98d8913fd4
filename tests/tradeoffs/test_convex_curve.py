"""Curves between tangents and chords: laws of the enclosure, straight segments, corners, and vertical ends."""

import math
from itertools import pairwise

import numpy as np
import pytest

from varinf.tradeoffs.convex_curve import Point, chord_slope, refined, sandwich


def hyperbola(slope, left=None, right=None):
    """y = 1 / x, whose tangent of slope −s touches at 1 / √s."""
    return Point(slope, slope**-0.5, slope**0.5)


def corners(vertices):
    """The solver of a polygon: the vertex of least y + s x, the first where two tie."""

    def solve(slope, left=None, right=None):
        if math.isinf(slope):
            x, y = min(vertices)
            return Point(slope, x, y)
        values = [y + slope * x for x, y in vertices]
        best = int(np.argmin(values))
        return Point(slope, *vertices[best])

    return solve


@pytest.mark.parametrize("tolerance", [0.1, 1e-3])
def test_the_curve_lies_between_and_they_are_as_close_as_asked(tolerance):
    points = refined(hyperbola, hyperbola(9.0), hyperbola(0.01), tolerance, 1000)
    assert all(a.slope > b.slope and a.x < b.x for a, b in pairwise(points))
    assert max(sandwich(a, b) for a, b in pairwise(points)) <= tolerance
    x = np.linspace(points[0].x, points[-1].x, 2001)
    chords = np.interp(x, [p.x for p in points], [p.y for p in points])
    tangents = np.max([p.y - p.slope * (x - p.x) for p in points], axis=0)
    assert np.all(tangents <= 1 / x + 1e-12) and np.all(1 / x <= chords + 1e-12)
    assert np.max(chords - tangents) <= tolerance + 1e-12


def test_the_distance_is_where_the_tangents_meet():
    left, right = hyperbola(4.0), hyperbola(1.0)
    x = 2 / 3  # 4 − 4 x = 2 − x
    assert chord_slope(left, right) == 2.0
    assert sandwich(left, right) == pytest.approx((2 - 2 * (x - 0.5)) - (2 - x))


def test_gaps_lower_the_tangents():
    left, right = hyperbola(4.0)._replace(gap=0.3), hyperbola(1.0)._replace(gap=0.1)
    x = (3.7 - 1.9) / 3  # 4 − .3 − 4 x = 2 − .1 − x
    assert sandwich(left, right) == pytest.approx((2 - 2 * (x - 0.5)) - (1.9 - x))


def test_steep_tangents_keep_their_digits():
    """At slopes of 1e16 beside x = 1 an intercept would be known to 1 only."""
    left, right = Point(1e16, 1.0, 2.0), Point(1e14, 1.0 + 2**-52, 1.0)
    assert 0 < sandwich(left, right) < 1
    assert sandwich(left._replace(slope=math.inf), right) == pytest.approx(2 - (1 + 1e14 * 2**-52))


def test_a_polygon_is_found_exactly_and_its_segments_are_left_alone():
    vertices = [(0.0, 4.0), (1.0, 2.0), (2.0, 1.0), (4.0, 0.0)]
    solve = corners(vertices)
    points = refined(solve, solve(math.inf), solve(0.0), 1e-9, 100)
    assert sorted({(p.x, p.y) for p in points}) == vertices
    assert len(points) < 12


def test_the_limit_holds_and_the_deepest_gap_goes_first():
    points = refined(hyperbola, hyperbola(100.0), hyperbola(0.01), 0.0, 5)
    assert len(points) == 7
    assert points[1:-1] != sorted(points[1:-1], key=lambda p: p.slope)


def test_ends_that_are_one_point_need_nothing():
    end = Point(math.inf, 1.0, 0.0)
    assert refined(None, end, end._replace(slope=0.0), 1e-9, 10) == [end, end._replace(slope=0.0)]
    assert math.isnan(chord_slope(end, end)) and sandwich(end, end) == 0.0
