"""Barber and Agakov's bound on the ±1 channel; what the entropy decides."""

import numpy as np
import pytest

import varinf as vi
from varinf.estimate import Estimate

TRUTH = 0.3368308203  # of z = x + N(0, 1), x = ±1


def of_channel(rng, n, slope=2.0):
    x = rng.choice([-1.0, 1.0], size=n)
    return vi.barber_agakov(-np.logaddexp(0, -slope * x * (x + rng.normal(size=n))), np.log(2))


def test_posterior_is_tight_and_another_decoder_below():
    rng = np.random.default_rng(0)
    found = [of_channel(rng, 5000) for _ in range(100)]
    values = np.array([float(b) for b in found])
    z = (values.mean() - TRUTH) / (values.std(ddof=1) / 10)
    assert abs(z) < 5 and values.std() / 10 < 1e-3
    assert np.mean([b.stderr for b in found]) == pytest.approx(values.std(ddof=1), rel=0.36)  # 5 errors of an sd
    assert all(b.is_bound and b.direction == "lower" and b.quantity == "I(X;Z)" for b in found)
    assert np.mean([float(of_channel(rng, 5000, slope=6.0)) for _ in range(100)]) < TRUTH - 0.05


@pytest.mark.parametrize(
    ("direction", "bias", "expected", "is_bound"),
    [
        ("exact", "none", "lower", True),
        ("lower", "low", "lower", True),
        ("exact", "high", "lower", False),
        ("upper", "none", "neither", False),
        ("neither", "none", "neither", False),
    ],
)
def test_entropy_decides(direction, bias, expected, is_bound):
    entropy = Estimate(1.0, 0.3, "H(X)", "H(X)", direction, bias, draws=10, degrees=9, units="bits")
    log_q = np.array([-1.0, -2.0, -1.5, -0.5])
    found = vi.barber_agakov(log_q, entropy)
    assert found.direction == expected and found.is_bound == is_bound
    assert float(found) == pytest.approx(np.log(2) - 1.25)
    own = log_q.std(ddof=1) / 2
    assert found.stderr == pytest.approx(np.hypot(own, 0.3 * np.log(2))) and 3 <= found.degrees <= 12
    assert ("no bound" in found.caveats[-1]) == (expected == "neither")


def test_edges():
    assert float(vi.barber_agakov([-np.inf, -1.0], 1.0)) == -np.inf
    one = vi.barber_agakov([-1.0], 1.5)
    assert float(one) == 0.5 and np.isnan(one.stderr) and "one datum" in one.caveats[0]
    for wrong in (np.zeros((2, 2)), np.zeros(0), -1.0):
        with pytest.raises(ValueError, match="log_q_x_given_z has shape"):
            vi.barber_agakov(wrong, 1.0)
    for wrong in ([np.nan], [np.inf]):
        with pytest.raises(ValueError, match="log_q_x_given_z"):
            vi.barber_agakov(wrong, 1.0)
    with pytest.raises(ValueError, match="entropy_x"):
        vi.barber_agakov([0.0], np.inf)
    with pytest.raises(ValueError, match="entropy_x is an Estimate of"):
        vi.barber_agakov([0.0], Estimate(np.nan, 0.0, "H(X)", "H(X)", "exact"))
    with pytest.raises(ValueError, match="entropy_x holds a batch"):
        vi.barber_agakov([0.0], vi.elbo(np.zeros((3, 2))))
