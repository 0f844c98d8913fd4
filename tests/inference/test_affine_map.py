"""The map of a fit's coordinates: forward, directions, gradients and determinant belong to one matrix."""

import numpy as np
import pytest

from varinf.inference.affine_map import AffineMap


@pytest.mark.parametrize("scale", [np.array([2.0, 0.5]), np.array([[2.0, 0.0], [-3.0, 0.5]])], ids=["vector", "tril"])
def test_one_matrix(scale):
    matrix = np.diag(scale) if scale.ndim == 1 else scale
    to = AffineMap(np.array([1.0, -1.0]), scale)
    z = np.random.default_rng(0).normal(size=(3, 2))
    np.testing.assert_allclose(to.of(z), to.shift + z @ matrix.T)
    np.testing.assert_allclose(to.turn(z), z @ matrix.T)
    np.testing.assert_allclose(to.pull(z), z @ matrix)
    assert to.log_det == pytest.approx(np.linalg.slogdet(matrix)[1])
