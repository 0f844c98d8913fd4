"""Each constraint: there and back, its Jacobian and its gradient against differences, densities that integrate to 1."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from varinf.inference.transforms import Interval, Ordered, Simplex, transform

ALL = {
    "positive": Interval(0.0, math.inf),
    "unit_interval": Interval(0.0, 1.0),
    "from 2 to 5": Interval(2.0, 5.0),
    "below -1": Interval(-math.inf, -1.0),
    "ordered": Ordered(),
    "simplex": Simplex(),
}


@pytest.mark.parametrize("how", ALL.values(), ids=ALL)
def test_there_and_back_with_its_jacobian_and_gradient(how):
    rng, size = np.random.default_rng(0), 4
    y = rng.normal(size=(6, how.free(size)))
    x = how.forward(y)
    assert x.shape == (6, size) and how.inside(x)
    np.testing.assert_allclose(how.inverse(x), y, atol=1e-12)
    weights, h = rng.normal(size=size), 1e-5

    def f(y):
        return np.sin(how.forward(y)) @ weights + how.log_det(y)

    steps = h * np.eye(y.shape[1])
    differences = np.stack([(f(y + e) - f(y - e)) / (2 * h) for e in steps], axis=1)
    np.testing.assert_allclose(how.pull(y, x, np.cos(x) * weights), differences, atol=1e-8)
    square = slice(0, how.free(size))  # the density on a simplex is that of all parameters but the last
    jacobian = np.stack([(how.forward(y + e) - how.forward(y - e))[:, square] / (2 * h) for e in steps], axis=2)
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], how.log_det(y), atol=1e-8)


def test_a_density_keeps_its_mass():
    positive, simplex = ALL["positive"], ALL["simplex"]

    def gamma(y):
        return stats.gamma(2.5).pdf(math.exp(y)) * math.exp(positive.log_det(np.array([[y]]))[0])

    assert integrate.quad(gamma, -30, 6)[0] == pytest.approx(1, abs=1e-9)

    def dirichlet(b, a):
        y = np.array([[a, b]])
        x = simplex.forward(y)[0]
        return stats.dirichlet([2.0, 3.0, 1.5]).pdf(x / x.sum()) * math.exp(simplex.log_det(y)[0])

    assert integrate.dblquad(dirichlet, -15, 12, -15, 12, epsabs=1e-5)[0] == pytest.approx(1, abs=1e-5)


def test_extremes_stay_inside():
    for how in ALL.values():
        x = how.forward(np.array([[-600.0, 500.0, 40.0], [30.0, -30.0, 0.0]]))
        assert not np.isnan(x).any()


def test_names():
    assert transform("positive", "a") == Interval(0.0, math.inf)
    assert transform(("interval", 1, 3), "a") == Interval(1.0, 3.0)
    with pytest.raises(ValueError, match="transforms\\['a'\\]='log': use 'positive'"):
        transform("log", "a")
    with pytest.raises(ValueError, match="low must lie below high"):
        transform(("interval", 3, 1), "a")
