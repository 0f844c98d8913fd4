"""One beta: closed forms, the lower convex envelope by linear programming, laws, degenerate tables, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joints import by_linear_programme, entropy, flipped, partitions, random_joint
from scipy.optimize import brentq

import varinf as vi
from varinf.tradeoffs.bottleneck_iterations import begun
from varinf.tradeoffs.deterministic_bottleneck import hard
from varinf.tradeoffs.information_bottleneck import settled
from varinf.tradeoffs.joint_distribution import informations, reduced


def h(p):
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


def symmetric(epsilon, beta):
    """(I_TX, I_TY) for a bit flipped with probability epsilon: T is X flipped with probability a, where J is flat."""

    def slope(a):  # of I(T;Y) beta less I(T;X) in a
        b = a * (1 - epsilon) + (1 - a) * epsilon
        return beta * (1 - 2 * epsilon) * np.log((1 - b) / b) - np.log((1 - a) / a)

    a = brentq(slope, 1e-12, 0.4999)
    return np.log(2) - h(a), np.log(2) - h(a * (1 - epsilon) + (1 - a) * epsilon)


@pytest.mark.parametrize(("epsilon", "beta"), [(0.1, 1.7862113320), (0.1, 1.6), (0.1, 5.0), (0.3, 7.0), (0.02, 1.2)])
def test_symmetric_bits(epsilon, beta):
    found = vi.information_bottleneck(flipped(epsilon), beta)
    assert found.converged
    assert (found.I_TX, found.I_TY) == pytest.approx(symmetric(epsilon, beta), abs=1e-8)


def test_half_a_bit():
    found = vi.information_bottleneck(flipped(0.1), 1.7862113320).to("bits")
    assert found.I_TX == pytest.approx(0.5, abs=1e-8)
    assert found.I_TY == pytest.approx(0.3026841347, abs=1e-8)
    assert found.to("nats").I_TX == pytest.approx(np.log(2) / 2, abs=1e-8)
    assert found.to("bits").beta == found.beta


@pytest.mark.parametrize(("shape", "steps"), [((2, 3), 2000), ((3, 2), 150), ((3, 4), 150), ((4, 3), 34)])
@pytest.mark.parametrize("factor", [0.8, 1.1, 2.0, 6.0])
def test_against_the_lower_convex_envelope(shape, steps, factor):
    """Global, and by another road: no encoder does better than the envelope of the cost of p(x|t)."""
    for seed in range(2):
        p_xy = random_joint(*shape, 0.7, seed=seed)
        beta = max(1.01, factor * vi.critical_beta(p_xy))
        found = vi.information_bottleneck(p_xy, beta)
        envelope = by_linear_programme(p_xy, beta, steps)
        assert found.converged
        # How far the grid's envelope may lie above the true one: what entropies bend in a cell, h log(1/h) at corners.
        assert envelope - 2 * beta / steps**1.5 - 1e-6 < found.objective < envelope + 1e-9


@pytest.mark.parametrize("beta", [2.0, 5.0, 20.0])
def test_informations_are_those_of_the_encoder_returned(beta):
    p_xy = random_joint(7, 4, seed=3)
    found = vi.information_bottleneck(p_xy, beta)
    np.testing.assert_allclose(found.encoder.sum(axis=1), 1, atol=1e-12)
    assert found.I_TX == pytest.approx(vi.mutual_information(found.encoder * p_xy.sum(axis=1)[:, None]), abs=1e-12)
    assert found.I_TY == pytest.approx(vi.mutual_information(found.encoder.T @ p_xy), abs=1e-12)
    np.testing.assert_allclose(found.weight, p_xy.sum(axis=1) @ found.encoder, atol=1e-12)
    np.testing.assert_allclose(found.decoder * found.weight[:, None], found.encoder.T @ p_xy, atol=1e-12)
    assert (np.diff(found.weight) <= 0).all()
    assert found.objective == pytest.approx(found.values.min(), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(2, 5), st.floats(0.2, 30.0), st.integers(0, 10**6))
def test_laws(x, y, beta, seed):
    p_xy = random_joint(x, y, 0.5, seed)
    found = vi.information_bottleneck(p_xy, beta, restarts=2)
    assert found.I_TY <= found.I_TX + 1e-12  # data processing
    assert found.I_TY <= vi.mutual_information(p_xy) + 1e-12
    assert found.objective <= 1e-12  # saying nothing costs nothing
    joint = reduced(p_xy).joint
    rng = np.random.default_rng(seed)
    encoder = found.encoder[:, rng.permutation(found.clusters)]
    other = encoder * np.exp(0.1 * rng.normal(size=encoder.shape))  # a neighbour does no better
    I_TX, I_TY = informations(joint, (other / other.sum(axis=1, keepdims=True)).T)
    assert I_TX - beta * I_TY >= found.objective - 1e-9


def test_zeros_copies_and_symbols_that_never_occur_change_nothing():
    plain = random_joint(4, 3, seed=4)
    plain[0, 1] = plain[2, 0] = 0
    plain /= plain.sum()
    longer = np.zeros((6, 4))
    longer[[0, 2, 3, 5], :3] = plain
    longer[1, :3], longer[0, :3] = 0.3 * plain[0], 0.7 * plain[0]
    for beta in (1.5, 3.0, 10.0):
        one, other = vi.information_bottleneck(plain, beta), vi.information_bottleneck(longer, beta)
        assert (one.I_TX, one.I_TY) == pytest.approx((other.I_TX, other.I_TY), abs=1e-7)
        np.testing.assert_allclose(other.encoder[0], other.encoder[1])
        np.testing.assert_allclose(other.encoder[4], other.weight)  # an x that never occurs: q(t)
        assert other.decoder.shape[1] == 4


@pytest.mark.parametrize("p_xy", [[[1.0]], [[0.3, 0.7]], [[0.3], [0.7]], np.outer([0.2, 0.8], [0.6, 0.4])])
def test_nothing_to_say(p_xy):
    found = vi.information_bottleneck(p_xy, 10.0)
    assert (found.I_TX, found.I_TY) == pytest.approx((0, 0), abs=1e-12)
    assert found.clusters == 1
    assert found.converged


def test_a_function_of_x_is_told_whole_above_beta_1():
    p_xy = np.array([[0.2, 0, 0], [0.1, 0, 0], [0, 0.3, 0], [0, 0, 0.4]])
    found = vi.information_bottleneck(p_xy, 1.01)
    wanted = vi.entropy([0.3, 0.3, 0.4])
    assert (found.I_TX, found.I_TY) == pytest.approx((wanted, wanted), abs=1e-9)
    assert vi.information_bottleneck(p_xy, 0.99).I_TX == 0


@pytest.mark.parametrize("beta", [300.0, 1e3, 1e5])
def test_prices_beyond_the_range_of_exponents(beta):
    """A price of exp(-beta H(Y|x)) = 0: the best says all but what hardly differs, and no start seems to do better."""
    p_xy = random_joint(30, 20, 5.0, seed=1)
    found = vi.information_bottleneck(p_xy, beta)
    all_of_it = entropy(p_xy.sum(axis=1)) - beta * vi.mutual_information(p_xy)
    assert found.converged
    assert -beta * vi.mutual_information(p_xy) <= found.objective <= all_of_it + 1e-9 * beta
    assert found.values.min() >= found.objective - 1e-9 * beta
    assert found.values.max() < 0  # no start ends with nothing


def test_a_start_that_says_nothing_is_left():
    """The fixed point at which all methods of alternation stay is none of ours."""
    p_xy = random_joint(6, 4, 0.3, seed=5)
    joint = reduced(p_xy).joint
    nothing = begun(joint.p_y[None])._replace(value=20.0 * vi.entropy(joint.p_y), residual=0.0)
    _, encoder = settled(joint, 20.0, nothing, 6, 1e-9, 5000)
    I_TX, I_TY = informations(joint, encoder)
    assert I_TX - 20 * I_TY == pytest.approx(
        vi.information_bottleneck(p_xy, 20.0).objective, abs=1e-3
    )  # a local minimum


@pytest.mark.parametrize("clusters", [1, 2, 3])
def test_fewer_clusters(clusters):
    p_xy = random_joint(7, 4, seed=6)
    found = vi.information_bottleneck(p_xy, 1e4, clusters)
    assert found.clusters <= clusters
    joint = reduced(p_xy).joint  # at so high a price the best encoder is a partition: all are tried
    values = [
        I_TX - 1e4 * I_TY for I_TX, I_TY in (informations(joint, hard(p)) for p in partitions(7) if p.max() < clusters)
    ]
    assert found.objective <= min(values) + 1e-6


def test_deterministic_is_the_best_partition():
    for seed in range(3):
        p_xy = random_joint(7, 4, seed=seed)
        joint = reduced(p_xy).joint
        for beta in (1.5, 4.0, 20.0):
            found = vi.information_bottleneck(p_xy, beta, deterministic=True)
            values = [I_TX - beta * I_TY for I_TX, I_TY in (informations(joint, hard(p)) for p in partitions(7))]
            assert found.objective == pytest.approx(min(values), abs=1e-12)
            assert set(np.unique(found.encoder)) <= {0.0, 1.0}


def test_what_did_not_converge_says_so():
    found = vi.information_bottleneck(random_joint(10, 6, seed=7), 3.0, tolerance=0.0, iterations=8)
    assert not found.converged
    assert "NOT converged" in repr(found)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"beta": -1.0}, "beta=-1.0"),
        ({"beta": np.inf}, "finite"),
        ({"clusters": 0}, "clusters=0"),
        ({"restarts": 0}, "restarts=0"),
    ],
)
def test_options_that_do_not_fit(options, says):
    with pytest.raises(ValueError, match=says):
        vi.information_bottleneck(**{"p_xy": flipped(0.1), "beta": 2.0} | options)
