"""The sweep over the weight of the rate: order, collapse by name, held-out data, options, errors."""

import math

import numpy as np
import pytest

import varinf as vi


def data(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return 3 * np.eye(3)[y] + rng.normal(size=(n, 3)), y


@pytest.fixture(scope="module")
def plane():
    return vi.vib_plane(*data(), [0.01, 0.3, 10.0], vi.VIB(2, (16,)), held_out=data(200, 1), rng=0, learning_rate=1e-2)


def test_rates_fall_and_collapse_is_named(plane):
    rates = [float(p.rate) for p in plane]
    assert rates[0] > rates[1] > rates[2] and len(plane) == 3
    assert plane.collapsed == (10.0,) and plane[2].model.collapsed
    lines = str(plane).splitlines()
    assert len(lines) == 5 and lines[3].endswith("  collapsed") and max(map(len, lines)) <= 80
    assert lines[4] == "collapsed: predicts the class frequencies"
    assert lines[1].endswith("in use") and max(map(len, lines)) < 105


def test_held_out_data_make_it_a_bound_for_the_population(plane):
    inside = vi.vib_plane(*data(), [0.01], vi.VIB(2, (4,)), epochs=2, rng=0)[0]
    assert (inside.rate.quantity, inside.label_information.quantity) == ("I(n;Z)", "I(y_n;Z)")
    assert (plane[0].rate.quantity, plane[0].label_information.quantity) == ("I(X;Z)", "I(Y;Z)")
    assert all(p.label_information.is_bound and p.rate.is_bound for p in (inside, *plane))
    known = vi.vib_plane(*data(), [0.1], vi.VIB(1, ()), held_out=data(9), entropy=math.log(3), epochs=1, rng=0)[0]
    assert known.label_information.ceiling == math.log(3)


def test_bits(plane):
    bits = plane.to("bits")
    assert float(bits[0].rate) == pytest.approx(float(plane[0].rate) / math.log(2))
    assert bits.units == "bits" and "(bits)" in str(bits) and bits.collapsed == plane.collapsed
    assert [p.rate_weight for p in bits] == [0.01, 0.3, 10.0]


def test_options_are_carried_and_the_one_given_is_left_alone():
    vib = vi.VIB(2, (8, 5), decoder_hidden=(4,), activation="tanh", draws=2, dtype="float64")
    model = vi.vib_plane(*data(), [0.5], vib, epochs=1, rng=0)[0].model
    assert model._options() == vib._options() | {"rate_weight": 0.5}
    assert vib.rate_weight == 0.01 and "not fitted" in repr(vib)
    assert vi.vib_plane(*data(), [0], epochs=1, rng=0)[0].model.latent_dim == 16


def test_the_same_seed_gives_the_same_plane():
    a, b = (vi.vib_plane(*data(), [0.1], vi.VIB(1, ()), epochs=1, rng=3)[0] for _ in range(2))
    assert a.label_information.value == b.label_information.value and a.leave_one_out.value == b.leave_one_out.value


def test_progress_counts_weights():
    seen = []
    vi.vib_plane(*data(), [0.1, 0.2], vi.VIB(1, ()), epochs=1, rng=0, progress=lambda *c: seen.append(c))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("weights", "how", "message"),
    [
        ([], {}, "rate_weights is empty"),
        ([0.1, -1.0], {}, "rate_weights=-1.0: use 0 or a positive number"),
        ([0.1], {"held_out": np.zeros((3, 3))}, "held_out must be the pair"),
        ([0.1], {"entropy": 1.0}, "entropy is that of these labels"),
    ],
)
def test_refusals(weights, how, message):
    with pytest.raises(ValueError, match=message):
        vi.vib_plane(*data(), weights, vi.VIB(1, ()), epochs=1, **how)
