"""Calibration: bins by hand, errors, and what a calibrated classifier looks like on finite data."""

import numpy as np
import pytest

from varinf.autoencoders.calibration import calibration


def test_bins_by_hand():
    sure = np.array([0.55, 0.58, 0.9, 0.95, 1.0])
    p = np.stack([sure, 1 - sure], axis=1)
    codes = np.array([0, 1, 0, 0, 1])
    c = calibration(np.clip(p, 1e-12, None), codes, 5, np.random.default_rng(0))
    assert list(c.count) == [0, 0, 2, 0, 3]
    assert c.confidence[2] == pytest.approx(0.565) and c.accuracy[2] == pytest.approx(0.5)
    assert c.confidence[4] == pytest.approx(0.95) and c.accuracy[4] == pytest.approx(2 / 3)
    assert np.isnan(c.confidence[0]) and np.isnan(c.accuracy[3])
    assert c.ece == pytest.approx((2 * 0.065 + 3 * (0.95 - 2 / 3)) / 5)
    assert c.error == pytest.approx(0.4) and c.error_stderr == pytest.approx(np.std([0, 1, 0, 0, 1], ddof=1) / 5**0.5)
    assert float(c.log_loss) == pytest.approx(-np.mean(np.log([0.55, 0.42, 0.9, 0.95, 1e-12])))
    assert "error 40.00" in str(c) and len(str(c).splitlines()) == 5


def test_edges_belong_to_the_bin_below_and_none_is_lost():
    p = np.array([[0.6, 0.4], [1.0, 0.0], [0.2, 0.8]])
    c = calibration(p, np.array([0, 0, 1]), 5, np.random.default_rng(0))
    assert list(c.count) == [0, 0, 1, 1, 1]


def calibrated(n, rng, off=1.0):
    """Predictions of three classes, and labels drawn from them; `off` sharpens what is said."""
    logits = rng.normal(size=(n, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    codes = (rng.random(n)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    said = p**off / (p**off).sum(axis=1, keepdims=True)
    return calibration(said, codes, 15, rng)


def test_a_calibrated_classifier_has_the_error_that_finite_data_give_it():
    rng = np.random.default_rng(1)
    found = [calibrated(200, rng) for _ in range(100)]
    differences = np.array([c.ece - c.ece_if_calibrated for c in found])
    error = differences.std(ddof=1) / 10
    assert abs(differences.mean()) < 5 * error
    assert np.mean([c.ece for c in found]) > 20 * error  # although it is far above 0


def test_overconfidence_shows():
    c = calibrated(2000, np.random.default_rng(2), off=3.0)
    assert c.ece > 3 * c.ece_if_calibrated
    big = c.count > 50
    assert (c.accuracy[big] < c.confidence[big]).all()


def test_a_label_of_probability_zero_costs_everything():
    c = calibration(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1, 0]), 5, np.random.default_rng(0))
    assert float(c.log_loss) == np.inf and np.isnan(c.log_loss.stderr) and c.error == 0.5
    one = calibration(np.array([[0.7, 0.3]]), np.array([0]), 5, np.random.default_rng(0))
    assert np.isnan(one.error_stderr) and one.ece == pytest.approx(0.3)
