"""One point of the plane: its numbers are those of the functions that it gathers, in nats and in bits."""

import math

import numpy as np
import pytest

import varinf as vi
from varinf.autoencoders import information_point as module


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 240)
    X = 2 * np.eye(3)[y] + rng.normal(size=(240, 3))
    vib = vi.VIB(2, (8,)).fit(X[:120], y[:120], 30, rng=0, learning_rate=1e-2)
    return vib, X[120:], y[120:]


def test_its_numbers_are_the_functions_own(made):
    vib, X, y = made
    point = vib.information_plane(X, y, draws=4000, rng=0)
    assert point.rate.value == vib.rate(X).value and point.model is vib and point.rate_weight == 0.01
    other = vib.label_information(X, y, draws=4000, rng=5)
    assert float(point.label_information) == pytest.approx(float(other), abs=0.01)
    assert point.calibration.error == pytest.approx(1 - vib.score(X, y, draws=4000, rng=1), abs=0.02)
    assert point.index_information.quantity == "I(n;Z)" and point.leave_one_out.quantity == "I(X;Z)"
    assert [p.direction.value for p in (point.rate, point.label_information, point.leave_one_out)] == [
        "upper",
        "lower",
        "upper",
    ]


def test_leave_one_out_is_that_of_the_whole_matrix(made, monkeypatch):
    vib, X, _ = made
    q = vib.encode(X)
    z = q.sample(1, np.random.default_rng(3))[0]
    matrix = np.array([[float(q[i].log_prob(code)) for code in z] for i in range(len(q))])
    expected = vi.leave_one_out(matrix)
    for at_once in (module._AT_ONCE, 500):
        monkeypatch.setattr(module, "_AT_ONCE", at_once)
        found = module._leave_one_out(q, np.random.default_rng(3), "population")
        assert float(found) == pytest.approx(float(expected), rel=1e-5)
        assert float(found.stderr) == pytest.approx(float(expected.stderr), rel=1e-4)


def test_leave_one_out_is_left_away_where_it_costs_too_much(made, monkeypatch):
    vib, X, y = made
    monkeypatch.setattr(module, "AFFORDABLE", 100)
    point = vib.information_plane(X, y, draws=2, rng=0)
    assert point.leave_one_out is None and point.to("bits").leave_one_out is None
    assert "leave-one-out" not in str(point)


def test_over_the_data_set_every_quantity_is_the_data_sets(made):
    vib, X, y = made
    point = vib.information_plane(X, y, over="dataset", draws=50, rng=0)
    assert point.rate.quantity == point.leave_one_out.quantity == point.index_information.quantity == "I(n;Z)"
    assert point.label_information.quantity == "I(y_n;Z)"
    assert float(point.label_information) < float(point.index_information) < float(point.rate)
    with pytest.raises(ValueError, match="entropy is that of these labels"):
        vib.information_plane(X, y, entropy=1.0, over="dataset")


def test_bits(made):
    vib, X, y = made
    point = vib.information_plane(X, y, draws=5, rng=0)
    bits = point.to("bits")
    for name in ("rate", "label_information", "index_information", "leave_one_out"):
        assert float(getattr(bits, name)) == pytest.approx(float(getattr(point, name)) / math.log(2))
    assert bits.calibration.log_loss.units == "bits" and bits.rate_weight == point.rate_weight
    assert bits.collapsed == point.collapsed
    assert "bits" in str(bits) and "nats" not in str(bits).replace("caveat", "")


def test_silence_is_judged_in_nats():
    q = vi.DiagonalNormal(np.full((5, 1), 0.13), np.ones((5, 1)))  # 0.0085 nats, 0.0122 bits
    rate = vi.rate(q, over="dataset")
    assert float(rate.to("bits")) > module.SILENT > float(rate)
    point = module.InformationPoint(1.0, rate, None, None, None, None, None)
    assert point.collapsed and module.InformationPoint(1.0, rate.to("bits"), None, None, None, None, None).collapsed
    assert point.state == "collapsed: predicts the class frequencies"
