"""Straight pieces: where Y is a function of X, where solutions jump, and what the squared functional says of them."""

import numpy as np
import pytest
from joints import flipped, random_joint
from scipy.optimize import minimize

import varinf as vi
from varinf.tradeoffs.joint_distribution import informations, reduced

FUNCTION = np.array([[0.2, 0, 0], [0.1, 0, 0], [0, 0.3, 0], [0, 0, 0.4]])


def test_the_whole_curve_of_a_function_of_x():
    curve = vi.information_bottleneck_curve(FUNCTION, betas=[0.5, 2.0, 5.0])
    (segment,) = curve.segments
    assert segment.beta == pytest.approx(1, abs=1e-9)
    assert segment.start.I_TX == 0
    assert segment.end.I_TX == pytest.approx(vi.entropy([0.3, 0.3, 0.4]), abs=1e-9)
    for share in (0.0, 0.25, 0.7, 1.0):
        point = segment.at(share)
        assert point.I_TX == pytest.approx(share * segment.end.I_TX, abs=1e-9)
        assert point.I_TY == pytest.approx(point.I_TX, abs=1e-9)
        assert vi.mutual_information(point.encoder.T @ FUNCTION) == pytest.approx(point.I_TY, abs=1e-9)
        assert vi.mutual_information(point.encoder.T * FUNCTION.sum(axis=1)) == pytest.approx(point.I_TX, abs=1e-9)


def test_the_squared_functional_has_its_minimum_there():
    """By gradient-free search over encoders with three clusters: I(T;X)² − c I(T;Y) is least at the mixture."""
    p_xy, rng = np.eye(2) / 2, np.random.default_rng(0)
    (segment,) = vi.information_bottleneck_curve(p_xy, betas=[3.0]).segments
    joint = reduced(p_xy).joint
    for share in (0.3, 0.8):
        point = segment.at(share)
        price = 2 * segment.beta * point.I_TX

        def squared(logits, price=price):
            encoder = np.exp(logits.reshape(3, 2))
            I_TX, I_TY = informations(joint, encoder / encoder.sum(axis=0))
            return I_TX**2 - price * I_TY

        ends = [minimize(squared, rng.normal(size=6), method="L-BFGS-B", tol=1e-14).fun for _ in range(10)]
        assert min(ends) == pytest.approx(point.I_TX**2 - price * point.I_TY, abs=1e-7)
        assert min(ends) >= point.I_TX**2 - price * point.I_TY - 1e-12


def test_an_erasure_channel_jumps_above_beta_1():
    """Y is X or, with probability e, nothing: I(T;Y) = (1 - e) I(T;X) for every T, a straight line at 1 / (1 - e)."""
    e = 0.4
    p_xy = np.array([[1 - e, 0, e], [0, 1 - e, e]]) / 2
    (segment,) = vi.information_bottleneck_curve(p_xy, betas=[1.2, 1.6, 1.8, 4.0]).segments
    assert segment.beta == pytest.approx(1 / (1 - e), abs=1e-9)
    assert (segment.start.I_TX, segment.end.I_TX) == pytest.approx((0, np.log(2)), abs=1e-9)


def test_a_piece_within_a_curve():
    """Two blocks that never mix: which of them it is comes at beta 1, what is noisy within them later and smoothly."""
    p_xy = np.zeros((4, 4))
    p_xy[:2, :2] = 0.6 * np.array([[0.45, 0.05], [0.05, 0.45]])
    p_xy[2:, 2:] = 0.4 * np.array([[0.4, 0.1], [0.1, 0.4]])
    (segment,) = vi.information_bottleneck_curve(p_xy, np.geomspace(0.9, 20, 30)).segments
    assert segment.beta == pytest.approx(1, abs=1e-6)
    assert segment.end.I_TX == pytest.approx(vi.entropy([0.6, 0.4]), abs=1e-6)


def test_a_smooth_curve_has_none():
    assert vi.information_bottleneck_curve(flipped(0.1), betas=[1.6, 2.0, 4.0]).segments == ()


def test_pieces_convert_and_shares_are_checked():
    (segment,) = vi.information_bottleneck_curve(FUNCTION, betas=[2.0]).to("bits").segments
    assert segment.end.units == "bits"
    assert segment.at(0.5).units == "bits"
    assert segment.end.I_TX == pytest.approx(vi.entropy([0.3, 0.3, 0.4]) / np.log(2), abs=1e-9)
    with pytest.raises(ValueError, match="share"):
        segment.at(1.5)


def test_random_tables_are_searched_in_reasonable_time_and_consistently():
    for seed in range(3):
        curve = vi.information_bottleneck_curve(random_joint(12, 5, 0.5, seed), restarts=2)
        for segment in curve.segments:
            lowest = vi.information_bottleneck(random_joint(12, 5, 0.5, seed), segment.beta).objective
            assert lowest == pytest.approx(segment.start.I_TX - segment.beta * segment.start.I_TY, abs=1e-5)
