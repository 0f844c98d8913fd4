"""What the normals promise beyond other families: transform, and densities from noise."""

import numpy as np
import pytest

from varinf._arrays import standard_normal
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.low_rank_normal import LowRankNormal

LOC, SCALE = np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([[0.5, 2.0], [1.0, 0.1]])
NORMALS = [
    DiagonalNormal(LOC, SCALE),
    FullNormal(LOC, np.array([[1.0, 0.0], [-0.5, 2.0]]) * SCALE[:, :, None]),
    LowRankNormal(LOC, np.ones((2, 2, 3)), SCALE),
]


@pytest.mark.parametrize("q", NORMALS, ids=repr)
def test_sample_is_the_transform_of_the_stream(q):
    noise = standard_normal((5, 2, q.noise_dim), 7)
    np.testing.assert_allclose(q.sample(5, rng=7), q.transform(noise), rtol=1e-14, atol=1e-15)  # fused or in two steps
    z, log_q = q.sample_and_log_prob(5, rng=7)
    np.testing.assert_array_equal(z, q.transform(noise))
    np.testing.assert_allclose(log_q, q.log_prob(z), rtol=1e-12)


@pytest.mark.parametrize("q", NORMALS, ids=repr)
def test_covariance_factor_and_entropy_agree(q):
    np.testing.assert_allclose(q.scale_tril @ np.swapaxes(q.scale_tril, 1, 2), q.covariance, rtol=1e-13)
    np.testing.assert_allclose(np.diagonal(q.covariance, axis1=1, axis2=2), q.variance, rtol=1e-13)
    expected = (q.dim * (1 + np.log(2 * np.pi)) + np.linalg.slogdet(q.covariance)[1]) / 2
    np.testing.assert_allclose(q.entropy(), expected, rtol=1e-12)


@pytest.mark.parametrize("q", NORMALS, ids=repr)
def test_noise_of_another_shape_is_refused(q):
    for shape in [(2, q.noise_dim + 1), (1, q.noise_dim), (5, 1, q.noise_dim), (q.noise_dim,)]:
        with pytest.raises(ValueError, match="noise has shape"):
            q.transform(np.zeros(shape))
