"""The low-rank family beyond what all families share: factors that one scale hides, and its start."""

import numpy as np

from varinf.inference.affine_map import AffineMap
from varinf.inference.low_rank import LowRank


def test_recentred_scales_are_those_of_the_features():
    """Where a feature has next to no noise of its own its coordinates must not shrink with it."""
    family, dim = LowRank(1), 3
    theta = np.concatenate([np.zeros(dim), [-12.0, 0.0, 0.0], [2.0, 0.0, 1.0]])
    again, to = family.recentre(theta, AffineMap(np.zeros(dim), np.ones(dim)))
    np.testing.assert_allclose(to.scale**2, family.member(again, to).variance)


def test_the_start_leaves_the_saddle():
    theta = LowRank(4).start(6)
    factor = theta[12:].reshape(6, 4)
    assert np.linalg.matrix_rank(factor) == 4
