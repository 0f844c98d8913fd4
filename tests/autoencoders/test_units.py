"""Units of a network: there and back, and the density that changes with them."""

import numpy as np
import pytest
from scipy import stats

from varinf.autoencoders.units import Units


@pytest.fixture
def X():
    return 1e6 + 1e-2 * np.random.default_rng(0).normal(size=(500, 3))


def test_what_is_seen_is_about_0_and_of_size_1(X):
    seen = Units.of(X, True, "float32").seen(X)
    assert seen.dtype == np.float32
    assert np.abs(seen.mean(axis=0)).max() < 1e-6 and seen.std() == pytest.approx(1, rel=1e-6)


def test_there_and_back(X):
    units = Units.of(X, True, "float64")
    np.testing.assert_allclose(units.back(units.scored(X)), X, rtol=1e-15)
    assert (units.of_scored(units.scored(X)) == units.seen(X)).all()
    units = Units.of(X, False, "float64")
    assert (units.scored(X) == X).all() and (units.back(X) == X).all()
    assert (units.of_scored(units.scored(X)) == units.seen(X)).all()


def test_the_offset_is_that_of_the_density(X):
    units = Units.of(X, True, "float64")
    here = stats.norm.logpdf(X, units.centre, 0.02).sum(axis=1)
    there = stats.norm.logpdf(units.scored(X), 0, units.noise(0.02)).sum(axis=1)
    np.testing.assert_allclose(there + units.offset, here, atol=1e-6)
    assert Units.of(X, False, "float64").offset == 0.0
    assert units.noise(None) is None and Units.of(X, False, "float64").noise(0.5) == 0.5


def test_constant_data_have_a_unit():
    assert Units.of(np.ones((4, 2)), True, "float32").unit == 1.0
