"""The Jensen-Shannon bound: tight for the log ratio, at most log 2, and the information beside it."""

import copy
import pickle

import critics
import numpy as np

import varinf as vi


def divergence(rho, nodes=160):
    """KL(P||M)/2 + KL(Q||M)/2 for P two unit normals of correlation rho, Q independent ones, M = (P + Q)/2."""
    grid, width = np.linspace(-9, 9, nodes * 6, retstep=True)
    x, y = np.meshgrid(grid, grid)
    q = np.exp(-(x**2 + y**2) / 2) / (2 * np.pi)
    p = np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2))) / (2 * np.pi * np.sqrt(1 - rho**2))
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / m), 0) / 2 + np.where(q > 0, q * np.log(q / m), 0) / 2
    return terms.sum() * width**2


def test_log_ratio_is_tight():
    values, stderr = critics.batches(
        lambda given, marginal: vi.jensen_shannon(given - marginal[None]), 1500, features=1, correlation=0.7
    )
    assert abs(critics.standard_score(values, divergence(0.7))) < 5
    assert values.std() / np.sqrt(1500) < 0.001
    critics.check_error(values, stderr)


def test_ceiling_quantity_and_information():
    s = np.random.default_rng(0).normal(size=(8, 8))
    found = vi.jensen_shannon(s)
    assert found.quantity == "JSD(p(x,y), p(x)p(y))" and found.direction == "lower" and found.is_bound
    assert float(found.information) == float(vi.nwj(s + 1)) and found.information.quantity == "I(X;Y)"
    assert float(vi.jensen_shannon(1000.0 * (2 * np.eye(8) - 1))) == found.ceiling == np.log(2)
    bits = found.to("bits")
    assert bits.information.units == "bits" and bits.ceiling == 1
    assert float(bits.information) == float(vi.nwj(s + 1).to("bits"))


def test_copies_keep_the_information():
    found = vi.jensen_shannon(np.random.default_rng(1).normal(size=(8, 8)))
    for again in (copy.copy(found), pickle.loads(pickle.dumps(found))):
        assert float(again.information) == float(found.information) and again.caveats == found.caveats
