"""gaussian_kl is kl between full normals, checks included, without the normals."""

import numpy as np
import pytest

from varinf.divergences.gaussian_kl import gaussian_kl
from varinf.divergences.kl import kl
from varinf.families.full_normal import FullNormal


def normals(rng, batch, dim, dtype=np.float64):
    loc, factor = rng.normal(size=(*batch, dim)), rng.normal(size=(*batch, dim, 2 * dim))
    return loc.astype(dtype), (factor @ factor.mT / dim).astype(dtype)


def test_by_general_solves_and_determinants():
    rng = np.random.default_rng(0)
    for dim in (1, 2, 8, 40, 70):
        loc_q, cov_q = normals(rng, (3,), dim)
        loc_p, cov_p = normals(rng, (3,), dim)
        difference = loc_p - loc_q
        squares = np.trace(np.linalg.solve(cov_p, cov_q), axis1=1, axis2=2)
        squares += np.einsum("ni,ni->n", difference, np.linalg.solve(cov_p, difference[..., None])[..., 0])
        expected = (squares - dim + np.linalg.slogdet(cov_p)[1] - np.linalg.slogdet(cov_q)[1]) / 2
        np.testing.assert_allclose(gaussian_kl(loc_q, cov_q, loc_p, cov_p), expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
def test_as_kl_of_full_normals(batch, dtype):
    rng = np.random.default_rng(1)
    q = normals(rng, batch, 3, dtype)
    for p in (normals(rng, batch, 3, dtype), normals(rng, (), 3, dtype)):
        value = gaussian_kl(*q, *p)
        assert value.shape == batch and value.dtype == dtype
        expected = kl(*(FullNormal(loc, covariance=cov) for loc, cov in (q, p)))
        np.testing.assert_allclose(value, expected, rtol=1e-5 if dtype is np.float32 else 1e-12)
    np.testing.assert_array_equal(gaussian_kl(*q, *q), np.zeros(batch))


def test_integers_and_lists():
    assert gaussian_kl([0, 0], [[2, 0], [0, 1]], [1, 0], [[1, 0], [0, 1]]) == pytest.approx(1 - np.log(2) / 2)


def test_differentiates_as_torch_and_jax():
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    rng = np.random.default_rng(2)
    arrays = [*normals(rng, (4,), 3), *normals(rng, (4,), 3)]
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    value = gaussian_kl(*tensors)
    np.testing.assert_allclose(value.detach().numpy(), gaussian_kl(*arrays), rtol=1e-11)
    value.sum().backward()
    precision_p = np.linalg.inv(arrays[3])
    np.testing.assert_allclose(
        tensors[0].grad.numpy(), np.einsum("nij,nj->ni", precision_p, arrays[0] - arrays[2]), rtol=1e-9
    )
    # of a symmetric matrix the derivative is (Sp^-1 - Sq^-1) / 2, however it lies in the two triangles
    slope = tensors[1].grad.numpy()
    expected = (precision_p - np.linalg.inv(arrays[1])) / 2
    np.testing.assert_allclose((slope + slope.mT) / 2, expected, rtol=1e-8, atol=1e-9)
    with jax.enable_x64(True):
        traced = jax.jit(gaussian_kl)(*map(jax.numpy.asarray, arrays))
    np.testing.assert_allclose(np.asarray(traced), gaussian_kl(*arrays), rtol=1e-11)


def test_an_overflow_is_the_answer_and_no_error():
    assert gaussian_kl([1e200], [[1.0]], [0.0], [[1.0]]) == np.inf


@pytest.mark.parametrize("side", ["q", "p"])
def test_what_is_no_normal_distribution_is_named(side):
    def refused(change, match, dim=3):
        arrays = dict(zip(("loc_q", "covariance_q", "loc_p", "covariance_p"), good(dim), strict=True))
        change(arrays[f"loc_{side}"], arrays[f"covariance_{side}"])
        with pytest.raises(ValueError, match=match):
            gaussian_kl(**arrays)

    def good(dim):
        rng = np.random.default_rng(3)
        return *normals(rng, (11,), dim), *normals(rng, (11,), dim)

    def put(which, index, value):
        return lambda *arrays: arrays[which].__setitem__(index, value)

    for dim in (3, 70):
        refused(put(0, (4, 1), np.nan), rf"loc_{side} has 1 values that are nan or infinite .* \(4, 1\)", dim)
        refused(put(0, (4, 1), np.inf), rf"loc_{side} has 1 values that are nan or infinite", dim)
        refused(
            put(1, (9, 0, 2), np.nan), rf"covariance_{side} has 1 values that are nan or infinite .* \(9, 0, 2\)", dim
        )
        refused(put(1, (9, 2, 2), -1.0), rf"covariance_{side}\[9\] is not positive definite: pivot 2 of {dim}", dim)
        refused(put(1, (2, 0, 1), 0.3), rf"\|covariance_{side} - its transpose\| has 2 values beyond rounding", dim)


def test_rounding_between_the_triangles_passes():
    rng = np.random.default_rng(4)
    loc, cov = normals(rng, (9,), 5)
    inverse = np.linalg.inv(np.linalg.inv(cov))
    assert (inverse != inverse.mT).any()
    np.testing.assert_allclose(gaussian_kl(loc, inverse, loc, cov), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("shapes", "match"),
    [
        (((4, 3), (4, 3), (4, 3), (4, 3, 3)), r"covariance_q has shape \(4, 3\), but loc \(4, 3\) needs \(4, 3, 3\)"),
        (((4, 3), (4, 3, 3), (3,), (4, 3, 3)), r"covariance_p has shape \(4, 3, 3\), but loc \(3,\) needs \(3, 3\)"),
        (((4, 3), (4, 3, 3), (2, 3), (2, 3, 3)), r"loc_q has shape \(4, 3\) but loc_p has \(2, 3\)"),
        (((3,), (3, 3), (4, 3), (4, 3, 3)), r"loc_q has shape \(3,\) but loc_p has \(4, 3\)"),
        (((4, 3), (4, 3, 3), (2,), (2, 2)), r"loc_q has shape \(4, 3\) but loc_p has \(2,\)"),
        (((), (3, 3), (3,), (3, 3)), r"loc_q is a single number"),
    ],
)
def test_shapes_that_do_not_fit(shapes, match):
    with pytest.raises(ValueError, match=match):
        gaussian_kl(*(np.ones(shape) for shape in shapes))
