"""Where saying nothing stops to be a local minimum: against perturbations, closed forms, and the global threshold."""

import math

import numpy as np
import pytest
from joints import flipped, random_joint

import varinf as vi
from varinf.tradeoffs.joint_distribution import informations, reduced


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.3, 0.45])
def test_symmetric_bits(epsilon):
    assert vi.critical_beta(flipped(epsilon)) == pytest.approx(1 / (1 - 2 * epsilon) ** 2, rel=1e-12)


def test_no_small_step_from_nothing_pays_below_it_and_one_does_above():
    p_xy = random_joint(6, 4, seed=3)
    joint, critical = reduced(p_xy).joint, vi.critical_beta(p_xy)
    rng = np.random.default_rng(0)
    tilt = 1e-3 * rng.normal(size=(2000, 6))
    encoders = np.stack([(1 + tilt) / 2, (1 - tilt) / 2], axis=1)
    I_TX, I_TY = informations(joint, encoders)
    ratio = I_TX / I_TY
    assert ratio.min() > critical * (1 - 1e-4)
    left = np.linalg.svd(p_xy / np.sqrt(np.outer(joint.p_x, joint.p_y)))[0][:, 1] / np.sqrt(joint.p_x)
    best = np.stack([(1 + 1e-3 * left) / 2, (1 - 1e-3 * left) / 2])
    I_TX, I_TY = informations(joint, best)
    assert I_TX / I_TY == pytest.approx(critical, rel=1e-4)


def test_independence_has_no_threshold():
    assert vi.critical_beta(np.outer([0.2, 0.8], [0.5, 0.3, 0.2])) == math.inf
    assert vi.critical_beta([[0.5, 0.5]]) == math.inf


def test_it_is_local_alone():
    """A rare x that tells its y all but surely: worth naming at a beta where no small step pays."""
    p_xy = np.array([[0.02, 0.0], [0.78, 0.2]])
    assert vi.critical_beta(p_xy) == pytest.approx(196)
    assert vi.information_bottleneck(p_xy, 16.0).I_TX == pytest.approx(0, abs=1e-9)
    assert vi.information_bottleneck(p_xy, 30.0).objective < -0.01
