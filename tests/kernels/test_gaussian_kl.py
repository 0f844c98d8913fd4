"""gaussian_kl beyond its case rows: edges, failing pivots by name, bad scaling, differences, autodiff."""

import array_api_strict
import numpy as np
import pytest
from cases import CASES, _diagonal_oracle, _full_oracle, as_tuple
from test_parity import twins

from varinf._kernels import gaussian_kl as reference

TWINS = [pytest.param(twin, id=level) for level, twin in twins("gaussian_kl")]
ROWS = [case for case in CASES if case.kernel == "gaussian_kl"]


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_rows_or_no_features(twin, dtype):
    for n, d in ((0, 3), (4, 0), (0, 0)):
        loc, scale, matrix = np.zeros((n, d), dtype), np.ones((n, d), dtype), np.zeros((n, d, d), dtype)
        for log_power in (False, True):
            for rows in (n, 1):
                p = np.zeros((rows, d), dtype), np.ones((rows, d), dtype)
                np.testing.assert_array_equal(twin.diagonal_diagonal(loc, scale, *p, log_power), np.zeros(n, dtype))
                kl, d_loc, d_scale = twin.diagonal_diagonal_gradient(loc, scale, *p, log_power)
                assert (kl.shape, d_loc.shape, d_scale.shape) == ((n,), (n, d), (n, d))
            np.testing.assert_array_equal(twin.diagonal_standard(loc, scale, log_power), np.zeros(n, dtype))
            assert [y.shape for y in twin.diagonal_standard_gradient(loc, scale, log_power)] == [(n,), (n, d), (n, d)]
        np.testing.assert_array_equal(twin.full_full(loc, matrix, loc, matrix), np.zeros(n, dtype))
        assert [y.shape for y in twin.full_full_gradient(loc, matrix, loc, matrix)] == [(n,), (n, d), (n, d, d)]
        np.testing.assert_array_equal(
            twin.full_full_from_covariances(loc, matrix, loc, matrix, 0.0), np.zeros(n, dtype)
        )
        for bad in twin.cholesky(matrix, 0.0)[1:]:
            np.testing.assert_array_equal(bad, np.full(n, -1))


@pytest.mark.parametrize("twin", TWINS)
def test_exactly_zero_at_equality_and_infinite_at_a_point_mass(twin):
    loc, scale = np.array([[3.0, -1e5, 0.1]]), np.array([[1e-7, 2.0, 1e9]])
    assert twin.diagonal_diagonal(loc, scale, loc, scale, False) == 0
    assert twin.diagonal_diagonal(loc, np.log(scale), loc, np.log(scale), True) == 0
    assert twin.diagonal_standard(np.zeros((1, 40)), np.ones((1, 40)), False) == 0
    for extreme in (0.0, 1e200):
        assert twin.diagonal_standard(np.zeros((1, 2)), np.array([[1.0, extreme]]), False) == np.inf
    for extreme in (-np.inf, 1e4):
        assert twin.diagonal_standard(np.zeros((1, 2)), np.array([[0.0, extreme]]), True) == np.inf


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_failing_pivots_are_named_and_spoil_their_row_only(twin, dtype):
    rng = np.random.default_rng(0)
    factor = np.tril(rng.normal(size=(7, 6, 6))) + 6 * np.eye(6)
    good = np.tril(factor @ factor.mT).astype(dtype)
    good += np.tril(good, -1).mT
    cov = good.copy()
    cov[1, 0, 0] = 0
    cov[2, 3, 3] = -1
    cov[3, 5, 5] = np.nan
    cov[4, 4, 2] = np.nan  # enters the pivot of its own row
    cov[5, 2, 2] = np.inf
    cov[6, 5, :5] = cov[6, 4, :5]  # two equal features, but for
    cov[6, 5, 5] = cov[6, 4, 4] - dtype(0.5)  # a variance that says otherwise
    cov[6, 5, 4] = cov[6, 4, 4]
    cov += np.tril(cov, -1).mT - np.triu(cov, 1)  # symmetric but for nan
    tril, bad, _ = twin.cholesky(cov, 1e-3)
    np.testing.assert_array_equal(bad, [-1, 0, 3, 5, 4, 2, 5])
    assert np.isnan(tril[1:]).all()
    np.testing.assert_allclose(tril[0], factor[0], rtol=1e-5)
    loc = np.zeros((7, 6), dtype)
    kl = twin.full_full_from_covariances(loc, cov, loc, good, 1e-3)
    np.testing.assert_array_equal(np.isnan(kl), bad >= 0)
    assert abs(kl[0]) < 1e-5
    np.testing.assert_array_equal(np.isnan(twin.full_full_from_covariances(loc, good, loc, cov, 1e-3)), bad >= 0)
    assert np.isnan(twin.full_full_from_covariances(loc, good, loc[:1], cov[2:3], 1e-3)).all()


@pytest.mark.parametrize("twin", TWINS)
def test_features_of_very_different_scale(twin):
    """Substitution is componentwise stable: units of 1e-8 beside units of 1e8 cost nothing."""
    rng = np.random.default_rng(1)
    units = 10.0 ** np.array([8, -8, 3, 0, -5])
    tril_q, tril_p = (np.tril(rng.normal(size=(3, 5, 5)) / 3, -1) + np.eye(5) for _ in range(2))
    loc_q, loc_p = rng.normal(size=(2, 3, 5))
    expected = _full_oracle(loc_q, tril_q, loc_p, tril_p)[0]
    scaled = twin.full_full(loc_q * units, tril_q * units[:, None], loc_p * units, tril_p * units[:, None])
    np.testing.assert_allclose(scaled, expected.astype(float), rtol=1e-13)


@pytest.mark.parametrize("twin", TWINS)
def test_a_row_does_not_depend_on_its_neighbours(twin):
    rng = np.random.default_rng(2)
    loc, log_scale = rng.normal(size=(2, 70, 37))
    part = slice(13, 48)
    for function in (twin.diagonal_standard, twin.diagonal_standard_gradient):
        whole, alone = function(loc, log_scale, True), function(loc[part], log_scale[part], True)
        for a, b in zip(as_tuple(whole), as_tuple(alone), strict=True):
            if twin is reference:
                np.testing.assert_allclose(a[part], b, rtol=1e-14, atol=1e-14)
            else:
                np.testing.assert_array_equal(a[part], b)


def batch(rng, rows, rows_p, dim):
    """loc_q, tril_q, loc_p, tril_p, and the same with covariances, symmetric to the last bit."""
    factors, covariances = [], []
    for n in (rows, rows_p):
        loc, tril = rng.normal(size=(n, dim)), np.tril(rng.normal(size=(n, dim, dim)), -1) / dim
        tril += np.exp(rng.normal(size=(n, 1, dim)) / 3) * np.eye(dim)
        cov = np.tril(tril @ tril.mT)
        factors += [loc, tril]
        covariances += [loc, cov + np.tril(cov, -1).mT]
    return factors, covariances


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_size_of_matrix_and_of_batch(twin, dtype):
    """Panels of 4 rows, groups of up to 8 matrices, one by one above 64 features: with every remainder."""
    rng = np.random.default_rng(7)
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if dtype is np.float64 else {"rtol": 1e-6, "atol": 1e-6}
    sizes = [(d, 3) for d in (*range(1, 14), 31, 32, 63, 64, 65)] + [(d, n) for d in (2, 5) for n in range(1, 18)]
    for dim, rows in sizes:
        for rows_p in {1, rows}:
            factors, covariances = ([y.astype(dtype) for y in z] for z in batch(rng, rows, rows_p, dim))
            for function, arguments in (
                ("full_full", factors),
                ("full_full_gradient", factors),
                ("full_full_from_covariances", (*covariances, 0.0)),
                ("cholesky", (covariances[1], 0.0)),
            ):
                expected = as_tuple(getattr(reference, function)(*arguments))
                for a, b in zip(as_tuple(getattr(twin, function)(*arguments)), expected, strict=True):
                    np.testing.assert_allclose(a, b, **tolerance, err_msg=f"{function}, {rows} of {dim}")


@pytest.mark.parametrize("twin", [t for t in TWINS if t.id != "reference"])
@pytest.mark.parametrize("dim", [1, 2, 3, 9, 33])
def test_a_matrix_does_not_depend_on_its_neighbours(twin, dim):
    """Bit by bit: wherever it stands, and whatever stands beside it."""
    rng = np.random.default_rng(8)
    factors, covariances = batch(rng, 21, 21, dim)
    spoilt = [y.copy() for y in covariances]
    for n, value in ((3, np.nan), (4, -1.0), (13, 0.0), (14, 1e-310), (20, np.inf)):
        spoilt[1][n, dim - 1, dim - 1] = value
    untouched = np.delete(np.arange(21), (3, 4, 13, 14, 20))
    for function, arguments in (
        ("full_full", factors),
        ("full_full_gradient", factors),
        ("full_full_from_covariances", covariances),
        ("cholesky", covariances[1:2]),
    ):
        more = () if arguments is factors else (1e-8,)
        call = getattr(twin, function)
        whole = as_tuple(call(*arguments, *more))
        for start, stop in ((0, 1), (2, 7), (5, 21), (9, 18)):
            alone = as_tuple(call(*(y[start:stop] for y in arguments), *more))
            for a, b in zip(whole, alone, strict=True):
                np.testing.assert_array_equal(a[start:stop], b)
        if arguments is factors:
            continue
        beside = as_tuple(call(*(spoilt if len(arguments) > 1 else spoilt[1:2]), *more))
        for a, b in zip(whole, beside, strict=True):
            np.testing.assert_array_equal(a[untouched], b[untouched])


@pytest.mark.parametrize("twin", TWINS)
def test_full_matrices_at_equality_and_at_the_ends_of_the_range(twin):
    rng = np.random.default_rng(9)
    for dim in (1, 2, 7, 40):
        factors, covariances = batch(rng, 10, 10, dim)
        assert np.all(twin.full_full(*factors[:2], *factors[:2]) == 0)
        assert np.all(twin.full_full_from_covariances(*covariances[:2], *covariances[:2], 0.0) == 0)
    loc, tril = np.zeros((2, 2)), np.stack([np.eye(2), np.diag([1.0, 0.0])])
    np.testing.assert_array_equal(twin.full_full(loc, tril, loc[:1], tril[:1]), [0, np.inf])
    for scale in (1e-155, 1e-140, 1e140, 1e153):  # variances from the subnormal to the largest
        unit = np.array([[[2.0, 0.0], [1.0, 3.0]]])
        expected = reference.full_full_from_covariances(loc[:1], unit @ unit.mT, loc[:1], np.eye(2)[None], 0.0)
        cov = scale**2 * (unit @ unit.mT)
        kl = twin.full_full_from_covariances(loc[:1], cov, loc[:1], scale**2 * np.eye(2)[None], 1e-8)
        np.testing.assert_allclose(kl, expected, rtol=1e-13 if scale > 1e-150 else 1e-3)
        kl = twin.full_full(loc[:1], scale * unit, loc[:1], scale * np.eye(2)[None])
        np.testing.assert_allclose(kl, expected, rtol=1e-13)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dim", [5, 70])
def test_what_is_no_covariance_is_named_by_its_row(twin, dtype, dim):
    rng = np.random.default_rng(10)
    cov = batch(rng, 11, 1, dim)[1][1].astype(dtype)
    cov[1, 2, 4] += dtype(1e-2)
    cov[2, 4, 1] += dtype(1e-2)
    cov[3, 3, 4] = np.nan
    cov[4, 4, 3] = np.inf
    cov[5, 1, 3] = cov[5, 3, 1] = np.inf
    cov[6, 2, 2] = np.nan  # nothing in its column lies within nan
    cov[8, 0, 1] *= 1 + 16 * np.finfo(dtype).eps  # rounding
    tril, bad, rows = twin.cholesky(cov, 1e-3)
    expected = reference.cholesky(cov, 1e-3)  # what is in doubt has the factor and the pivot of its lower triangle
    np.testing.assert_array_equal(bad, expected[1])
    np.testing.assert_allclose(tril, expected[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(rows, [-1, 2, 1, 3, 3, 1, 0, -1, -1, -1, -1])
    loc, whole = np.zeros((11, dim), dtype), cov[:1].repeat(11, 0)
    for arguments in ((loc, cov, loc, whole), (loc, whole, loc, cov)):
        np.testing.assert_array_equal(np.isnan(twin.full_full_from_covariances(*arguments, 1e-3)), rows >= 0)
    for n in range(11):  # one p for all of them
        kl = twin.full_full_from_covariances(loc, whole, loc[:1], cov[n : n + 1], 1e-3)
        np.testing.assert_array_equal(np.isnan(kl), rows[n] >= 0)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dim", [2, 33])
def test_many_small_differences_from_symmetry_are_no_large_one(twin, dim):
    """Entries one by one: all of a row may lie nearly as far as is allowed from those of its column."""
    rng = np.random.default_rng(11)
    loc, cov = batch(rng, 5, 1, dim)[1][:2]
    spread = np.sqrt(np.linalg.diagonal(cov))
    for share, fine in ((0.9, True), (1.1, False)):
        apart = share * 1e-6 * spread[:, :, None] * spread[:, None, :]
        skewed = cov + np.triu(apart, 1)  # the lower triangle is what is used
        kl = twin.full_full_from_covariances(loc, skewed, loc[:1], cov[:1], 1e-6)
        if fine:
            expected = reference.full_full_from_covariances(loc, cov, loc[:1], cov[:1], 1e-6)
            np.testing.assert_allclose(kl, expected, rtol=1e-11, atol=1e-12)
        else:
            assert np.isnan(kl).all()


def diagonal_value(*arguments):
    return _diagonal_oracle(*arguments)[0]


def full_value(*arguments):
    return _full_oracle(*arguments)[0]


def difference(value, arguments, directions):
    """Central difference of `value` in its first arguments, in long double: the truncation error is of order 1e-12."""
    step = np.longdouble(1e-6)
    rest = arguments[len(directions) :]
    ahead, behind = (
        value(*(a + sign * step * v for a, v in zip(arguments, directions, strict=False)), *rest) for sign in (1, -1)
    )
    return (ahead - behind) / (2 * step)


@pytest.mark.parametrize("twin", TWINS)
def test_gradients_against_differences_of_the_value(twin):
    rng = np.random.default_rng(3)
    loc_q, scale_q, loc_p, scale_p = rng.normal(size=(4, 5, 3)) / 2
    v, w = rng.normal(size=(2, 5, 3)).astype(np.longdouble)
    for log_power in (True, False):
        scales = [y if log_power else np.exp(y) for y in (scale_q, scale_p)]
        wide = [y.astype(np.longdouble) for y in (loc_q, scales[0])]
        _, d_loc, d_scale = twin.diagonal_diagonal_gradient(loc_q, scales[0], loc_p, scales[1], log_power)
        slope = difference(diagonal_value, (*wide, loc_p, scales[1], log_power), (v, w))
        np.testing.assert_allclose((d_loc * v + d_scale * w).sum(axis=1).astype(float), slope.astype(float), rtol=1e-9)
    tril_q, tril_p = (
        np.tril(rng.normal(size=(5, 3, 3)) / 3, -1) + np.exp(rng.normal(size=(5, 1, 3))) * np.eye(3) for _ in "qp"
    )
    w = np.tril(rng.normal(size=(5, 3, 3))).astype(np.longdouble)
    _, d_loc, d_tril = twin.full_full_gradient(loc_q, tril_q, loc_p, tril_p)
    assert (d_tril == np.tril(d_tril)).all()
    wide = [y.astype(np.longdouble) for y in (loc_q, tril_q)]
    slope = difference(full_value, (*wide, loc_p, tril_p), (v, w))
    along = (d_loc * v).sum(axis=1) + (d_tril * w).sum(axis=(1, 2))
    np.testing.assert_allclose(along.astype(float), slope.astype(float), rtol=1e-9)


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_reference_needs_the_array_api_alone(case):
    arguments = case.make(np.random.default_rng(4), np.dtype("float64"), (4, 5))
    strict = [array_api_strict.asarray(y) if isinstance(y, np.ndarray) else y for y in arguments]
    function = getattr(reference, case.function)
    for a, b in zip(as_tuple(function(*strict)), as_tuple(function(*arguments)), strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-12, atol=1e-13)


def test_torch_differentiates_the_reference_to_the_same_gradients():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    loc_q, scale_q, loc_p, scale_p = (torch.tensor(y, requires_grad=True) for y in rng.normal(size=(4, 5, 3)))
    kl, *gradients = reference.diagonal_diagonal_gradient(loc_q, scale_q, loc_p, scale_p, True)
    for a, b in zip(torch.autograd.grad(kl.sum(), (loc_q, scale_q)), gradients, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)
    cov = torch.tensor(rng.normal(size=(5, 3, 3)))
    cov = cov @ cov.mT + torch.eye(3, dtype=torch.float64)
    tril_q = reference.cholesky(cov, 1e-8)[0].requires_grad_()
    kl, *gradients = reference.full_full_gradient(loc_q, tril_q, loc_p, 2 * tril_q.detach())
    for a, b in zip(torch.autograd.grad(kl.sum(), (loc_q, tril_q)), gradients, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_jax_compiles_and_differentiates_the_reference():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        rng = np.random.default_rng(6)
        loc_q, loc_p = map(jax.numpy.asarray, rng.normal(size=(2, 5, 3)))
        cov = rng.normal(size=(5, 3, 3))
        cov = jax.numpy.asarray(cov @ np.swapaxes(cov, 1, 2) + np.eye(3))
        tril, bad, rows = jax.jit(reference.cholesky)(cov, 1e-8)
        assert (np.asarray(bad) == -1).all() and (np.asarray(rows) == -1).all()
        value = jax.jit(lambda m, s: reference.full_full(m, s, loc_p, 2 * tril).sum())
        expected = reference.full_full_gradient(loc_q, tril, loc_p, 2 * tril)[1:]
        for a, b in zip(jax.grad(value, argnums=(0, 1))(loc_q, tril), expected, strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("twin", [t for t in TWINS if t.id != "reference"])
def test_shapes_that_do_not_fit_are_refused_by_both_shapes(twin):
    a, m = np.zeros((4, 3)), np.zeros((4, 3, 3))
    with pytest.raises(ValueError, match=r"loc has shape \(4, 3\) and scale has shape \(4, 2\)"):
        twin.diagonal_standard(a, a[:, :2], False)
    with pytest.raises(ValueError, match=r"loc_p has shape \(2, 3\)"):
        twin.diagonal_diagonal(a, a, a[:2], a[:2], False)
    with pytest.raises(ValueError, match=r"loc_p has shape \(2, 3\)"):
        twin.full_full(a, m, a[:2], m[:2])
    with pytest.raises(ValueError, match=r"\(4, 3, 2\): it must be \(N, D, D\)"):
        twin.cholesky(m[:, :, :2], 0.0)
    with pytest.raises(ValueError, match="mismatch"):
        twin.diagonal_standard(a, a.astype(np.float32), False)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("features", [1, 2, 5, 8, 15, 16, 17, 31, 50, 64, 127, 128, 129, 300])
def test_a_row_depends_on_itself_alone(twin, dtype, features):
    """Bit for bit: beside other rows, at the end of the memory, at any place in a group."""
    rng = np.random.default_rng(features)
    loc_q, loc_p = (rng.normal(size=(19, features)).astype(dtype) for _ in range(2))
    scale_q, scale_p = (rng.gamma(2, size=(19, features)).astype(dtype) for _ in range(2))
    scale_q[7] = 1e-30  # beyond what products of scales can hold: this row, and no other, takes another way
    for log_power in (0, 2):
        q, p = (loc_q, 1 * scale_q), (loc_p, 1 * scale_p)
        together = twin.diagonal_diagonal(*q, *p, log_power), twin.diagonal_standard(*q, log_power)
        shared = twin.diagonal_diagonal(*q, *(x[:1] for x in p), log_power)
        for n in range(19):
            own_q, own_p = (tuple(x[n : n + 1].copy() for x in y) for y in (q, p))
            assert twin.diagonal_diagonal(*own_q, *own_p, log_power) == together[0][n]
            assert twin.diagonal_standard(*own_q, log_power) == together[1][n]
            assert twin.diagonal_diagonal(*own_q, *(x[:1].copy() for x in p), log_power) == shared[n]


@pytest.mark.parametrize("twin", TWINS)
def test_scales_beyond_the_range_of_their_product(twin):
    """A product of eight such scales is 0 or infinite; underflow on the way must not be made good by what follows."""
    for scales in ([1e-160] * 20, [1e150] * 20, [1e-120, 1e-120, 1e-120, 1e110, 1e110] * 5, [1e-300, 1e140] * 13):
        scale = np.array([scales])
        loc = np.full_like(scale, 0.5)
        expected = np.sum((0.25 + scale**2 - 1) / 2 - np.log(scale))
        np.testing.assert_allclose(twin.diagonal_standard(loc, scale, 0), [expected], rtol=1e-14)
        assert twin.diagonal_diagonal(loc, scale, loc, scale, 0) == 0
        wider = twin.diagonal_diagonal(0 * loc, scale, scale, 2 * scale, 0)
        np.testing.assert_allclose(wider, [scale.size * ((0.25 + 0.25 - 1) / 2 + np.log(2))], rtol=1e-12)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pairs_that_are_equal_or_nearly_so(twin, dtype):
    """Terms of 1 cancel to KL of 1e-8 and less: what is left is a few roundings of the row."""
    rng = np.random.default_rng(6)
    scale_p, loc_p = np.exp(3 * rng.normal(size=(200, 50))).astype(dtype), rng.normal(size=(200, 50)).astype(dtype)
    np.testing.assert_array_equal(twin.diagonal_diagonal(loc_p, scale_p, loc_p, scale_p, 0), 0)
    for apart in (1e-1, 1e-3, 1e-5):
        scale_q = (scale_p * (1 + apart * rng.normal(size=scale_p.shape))).astype(dtype)
        loc_q = (loc_p + apart * scale_p * rng.normal(size=loc_p.shape)).astype(dtype)
        m, s = loc_p.astype(np.longdouble), scale_p.astype(np.longdouble)
        shift, more = (loc_q - m) / s, (scale_q - s) / s
        expected = np.sum((shift**2 + more * (2 + more)) / 2 - np.log1p(more), axis=1)
        kl = twin.diagonal_diagonal(loc_q, scale_q, loc_p, scale_p, 0)
        assert np.max(np.abs(kl - expected)) < 16 * np.finfo(dtype).eps


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("features", [7, 50, 129, 300])
def test_scales_all_over_the_range_of_floats(twin, features):
    """Some rows keep to what products of floats can hold, and some do not. 2e-6 are 16 roundings of a float."""
    rng = np.random.default_rng(features)
    for low in (-3, -15, -40, -80):
        scale = np.exp(rng.uniform(low, 6, (60, features))).astype(np.float32)
        wide = np.exp(rng.uniform(max(low, -40), 6, scale.shape)).astype(np.float32)
        loc = rng.normal(size=scale.shape).astype(np.float32)
        u, r, s = loc.astype(np.longdouble), scale.astype(np.longdouble), wide.astype(np.longdouble)
        expected = np.sum((u**2 + r**2 - 1) / 2 - np.log(r), axis=1)
        np.testing.assert_allclose(twin.diagonal_standard(loc, scale, 0), expected.astype(float), rtol=2e-6)
        expected = np.sum(((u / s) ** 2 + (r / s) ** 2 - 1) / 2 - np.log(r / s), axis=1).astype(float)
        with np.errstate(over="ignore"):
            kl = twin.diagonal_diagonal(loc, scale, np.zeros_like(loc), wide, 0)
        fits = expected < 1e38
        assert np.any(fits) and np.all(kl[expected > np.finfo(np.float32).max] == np.inf)
        np.testing.assert_allclose(kl[fits], expected[fits], rtol=2e-6)
