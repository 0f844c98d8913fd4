"""The curve: laws, agreement with single betas, jumps and splits, partitions below the hull."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joints import flipped, partitions, random_joint

import varinf as vi
from varinf.tradeoffs.deterministic_bottleneck import hard
from varinf.tradeoffs.joint_distribution import informations, reduced


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 8), st.integers(2, 6), st.integers(0, 10**6))
def test_laws(x, y, seed):
    p_xy = random_joint(x, y, 0.6, seed)
    curve = vi.information_bottleneck_curve(p_xy, restarts=2, rng=seed)
    I_TX, I_TY, beta = curve.I_TX, curve.I_TY, curve.beta
    assert curve.converged
    assert (np.diff(beta) > 0).all()
    assert (np.diff(I_TX) > -1e-7).all()
    assert (np.diff(I_TY) > -1e-7).all()
    assert (I_TY <= np.minimum(I_TX, vi.mutual_information(p_xy)) + 1e-12).all()
    values = I_TX - beta[:, None] * I_TY  # of each point at each price: none is better than the one found for it
    assert (values.diagonal() <= values.min(axis=1) + 1e-8).all()


def test_each_point_is_that_of_its_beta():
    p_xy = random_joint(20, 8, 0.5, seed=1)
    curve = vi.information_bottleneck_curve(p_xy, betas=[30.0, 2.0, 4.0, 8.0])
    assert curve.beta.tolist() == [2, 4, 8, 30]
    for point in curve:
        alone = vi.information_bottleneck(p_xy, point.beta)
        assert point.objective == pytest.approx(alone.objective, abs=1e-9)
        assert point.objective == pytest.approx(point.values[0], abs=1e-9)


def test_racing_loses_nothing():
    for concentration in (0.3, 1.0, 5.0):
        p_xy = random_joint(30, 10, concentration, seed=2)
        betas = np.linspace(0.7, 20, 12) * vi.critical_beta(p_xy)
        raced = vi.information_bottleneck_curve(p_xy, betas)
        whole = [vi.information_bottleneck(p_xy, beta) for beta in betas.tolist()]
        assert all(a.objective <= b.objective + 1e-7 for a, b in zip(raced, whole, strict=True))


def test_a_smooth_table_is_followed_to_its_ends():
    """Neighbouring x say nearly the same: the objective is flat, and clusters part and meet slowly."""
    i = np.arange(24)
    p_xy = np.exp(-0.5 * ((i[:, None] - i) / 2) ** 2)
    curve = vi.information_bottleneck_curve(p_xy / p_xy.sum(), restarts=2)
    assert curve.converged
    assert (np.diff(curve.I_TX) > -1e-9).all()


def test_bits():
    curve = vi.information_bottleneck_curve(flipped(0.1), betas=[1.7862113320]).to("bits")
    assert curve.units == "bits"
    assert curve[0].I_TY == pytest.approx(0.3026841347, abs=1e-8)
    assert curve.beta[0] == 1.7862113320


@pytest.mark.parametrize("deterministic", [False, True])
def test_the_limit_is_what_x_says_of_y(deterministic):
    p_xy = random_joint(6, 4, 0.5, seed=3).astype(np.float32)  # which sums to 1 within its own precision
    curve = vi.information_bottleneck_curve(p_xy / p_xy.sum(), [50.0], deterministic=deterministic)
    exact = float(vi.mutual_information(p_xy / p_xy.sum()))
    assert curve.limit == pytest.approx(exact, abs=1e-6)  # float32's
    assert curve.to("bits").limit == pytest.approx(curve.limit / np.log(2), rel=1e-14)


def test_prices_at_which_nothing_is_worth_keeping():
    curve = vi.information_bottleneck_curve(flipped(0.1), betas=[0.0, 1.0])
    assert curve.converged and curve.clusters.tolist() == [1, 1] and not curve.I_TX.any()


def test_splits_say_where_clusters_come_apart():
    curve = vi.information_bottleneck_curve(flipped(0.1), betas=[1.4, 1.5, 1.6, 3.0])
    (split,) = curve.splits
    assert (split.above, split.below) == (1.5, 1.6)  # 1.5625 lies between them
    assert (split.clusters_before, split.clusters_after) == (1, 2)


def test_there_is_one_split_and_no_cluster_without_mass():
    curve = vi.information_bottleneck_curve(flipped(0.1), np.linspace(1, 4, 61))
    (split,) = curve.splits
    assert split.above < 1.5625 <= split.below
    assert min(point.weight.min() for point in curve) > 0.05


def test_betas_by_themselves_span_the_curve():
    p_xy = random_joint(6, 4, 0.5, seed=3)
    curve = vi.information_bottleneck_curve(p_xy)
    assert len(curve) == 40
    assert curve.I_TY[0] < 0.2 * vi.mutual_information(p_xy)
    assert curve.I_TY[-1] > 0.97 * vi.mutual_information(p_xy)
    assert len(vi.information_bottleneck_curve(np.outer([0.5, 0.5], [0.2, 0.8]))) == 40  # independent: all nothing


@pytest.mark.parametrize("seed", range(3))
def test_partitions_below_the_hull_are_there(seed):
    p_xy = random_joint(7, 4, 0.7, seed=seed)
    joint = reduced(p_xy).joint
    curve = vi.information_bottleneck_curve(p_xy, deterministic=True)
    assert curve.converged
    assert curve.segments == ()
    H, I = np.array([informations(joint, hard(p)) for p in partitions(7)]).T
    for point in curve:
        assert not ((point.I_TX > H + 1e-9) & (point.I_TY <= I + 1e-12)).any()  # nothing as good costs less
    priced = ~np.isnan(curve.beta)
    assert priced.any() and not priced.all()
    for point in curve:
        if not np.isnan(point.beta):
            assert point.objective <= (H - point.beta * I).min() + 1e-9
        assert point.I_TX == pytest.approx(vi.entropy(point.weight), abs=1e-12)


@pytest.mark.parametrize("clusters", [1, 2, 3])
def test_partitions_have_no_more_clusters_than_allowed(clusters):
    curve = vi.information_bottleneck_curve(random_joint(6, 4, seed=4), clusters=clusters, deterministic=True)
    assert curve.clusters.max() == clusters


def test_a_curve_says_what_it_is():
    text = repr(vi.information_bottleneck_curve(flipped(0.1), betas=[1.2, 3.0]))
    assert text.startswith("BottleneckCurve(2 encoders")
    short = vi.information_bottleneck_curve(random_joint(10, 6, seed=7), betas=[3.0], tolerance=0.0, iterations=8)
    assert not short.converged
    assert "NOT converged" in repr(short)


@pytest.mark.parametrize("betas", [[], [-1.0], [np.nan], [[1.0, 2.0]]])
def test_betas_that_are_none(betas):
    with pytest.raises(ValueError, match="betas"):
        vi.information_bottleneck_curve(flipped(0.1), betas)
