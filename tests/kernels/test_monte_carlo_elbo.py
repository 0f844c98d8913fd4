"""monte_carlo_elbo beyond its case rows: edges, huge logits, own draws, spread far below the mean, autodiff."""

from itertools import pairwise

import array_api_strict
import mpmath
import numpy as np
import pytest
from cases import CASES, _elbo_oracle, _observed, as_tuple
from test_parity import twins

from varinf._kernels import monte_carlo_elbo as reference
from varinf._kernels import random_normal

LIKELIHOODS = ("bernoulli", "normal", "poisson")
TWINS = [pytest.param(twin, id=level) for level, twin in twins("monte_carlo_elbo")]
COMPILED = [twin for twin in TWINS if twin.id != "reference"]
ROWS = [case for case in CASES if case.kernel == "monte_carlo_elbo"]


def inputs(shape, likelihood, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    parts = _observed(rng, shape, likelihood), rng.normal(size=shape), rng.normal(size=shape) / 2 - 1
    return tuple(y.astype(dtype) for y in parts)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_no_rows_no_features_one_draw(twin, likelihood):
    for n, d in ((0, 3), (4, 0), (0, 0)):
        x = np.zeros((n, d))
        for draws in (1, 3):
            for outputs in (
                twin.elbo(x, x, x, np.zeros((draws, n, d)), likelihood, 1.0),
                twin.elbo_own_draws(x, x, x, draws, 1, 2, likelihood, 1.0),
            ):
                assert [y.shape for y in outputs] == [(n,), (n,), (n,), (n, d), (n, d)]
                np.testing.assert_array_equal(outputs[0], np.zeros(n))
                np.testing.assert_array_equal(outputs[1], np.full(n, np.nan if draws == 1 else 0))
            value, slope = twin.log_likelihood_gradient(x, np.zeros((draws, n, d)), likelihood, 1.0)
            assert slope.shape == (draws, n, d)
            np.testing.assert_array_equal(value, np.zeros((draws, n)))
    x, loc, log_scale = inputs((3, 2), likelihood)
    outputs = twin.elbo_own_draws(x, loc, log_scale, 1, 1, 2, likelihood, 1.0)
    assert np.isnan(outputs[1]).all()
    assert all(np.isfinite(y).all() for i, y in enumerate(outputs) if i != 1)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bernoulli_at_huge_logits(twin, dtype):
    logits = np.array([1e4, -1e4, 1e30, -1e30, 0, 40], dtype)
    parameter, x = np.repeat(logits, 3)[None, :, None], np.tile([0, 1, 0.25], 6)[:, None].astype(dtype)
    value, slope = twin.log_likelihood_gradient(x, parameter, "bernoulli", 1.0)
    z, t = parameter[0, :, 0].astype(np.longdouble), x[:, 0].astype(np.longdouble)
    with np.errstate(over="ignore"):  # exp(1e30) is inf, and 1 / (1 + inf) is 0
        sigmoid = 1 / (1 + np.exp(-z))
    rtol = {np.float32: 1e-6, np.float64: 1e-15}[dtype]
    np.testing.assert_allclose(value[0], (-t * np.logaddexp(0, -z) - (1 - t) * np.logaddexp(0, z)).astype(float), rtol)
    np.testing.assert_allclose(slope[0, :, 0], (t - sigmoid).astype(float), rtol, atol=rtol)
    np.testing.assert_array_equal(value, twin.log_likelihood(x, parameter, "bernoulli", 1.0))


@pytest.mark.parametrize("twin", TWINS)
def test_poisson_constant_over_its_range(twin):
    """log Gamma(x + 1), whole and not, below and above where the series starts."""
    x = np.concatenate([np.arange(40.0), [7.999999, 8.000001, 0.5, 1e-9, 1234.5, 1e9, 1e80]])
    value = twin.log_likelihood(x[:, None], np.zeros((1, len(x), 1)), "poisson", 1.0)[0]
    exact = np.array([float(-1 - mpmath.loggamma(mpmath.mpf(y) + 1)) for y in x])
    np.testing.assert_allclose(value, exact, rtol=2e-15, atol=1e-14)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "draws"), [((1, 1), 3000), ((3, 7), 200), ((300, 41), 3), ((2, 9000), 2)])
def test_own_draws_are_the_stream_of_random_normal(twin, dtype, shape, draws):
    """Many draws in one block; several tiles; a row wider than a tile. Bit for bit within a twin."""
    x, loc, log_scale = inputs(shape, "bernoulli", dtype)
    normals = random_normal if twin is reference else dict(twins("random_normal"))[twin.__name__.split(".")[2][1:]]
    noise = normals.normals(5, 6, 0, draws * x.size, np.dtype(dtype).char).reshape(draws, *shape)
    own = twin.elbo_own_draws(x, loc, log_scale, draws, 5, 6, "bernoulli", 1.0)
    given = twin.elbo(x, loc, log_scale, noise, "bernoulli", 1.0)
    for a, b in zip(own, given, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "draws"), [((12, 1), 5), ((300, 41), 3), ((40, 7), 20), ((5, 5000), 9)])
def test_shares_of_the_rows_are_the_whole(twin, dtype, shape, draws):
    """Workers may split the rows as they like: the same bits. NumPy sums in an order that depends on the shape."""
    arguments = inputs(shape, "bernoulli", dtype)
    rest = draws, 5, 6, "bernoulli", 1.0
    whole = twin.elbo_own_draws(*arguments, *rest)
    rng = np.random.default_rng(6)
    for pieces in (1, 2, 4):
        cuts = np.concatenate([[0], np.sort(rng.integers(0, shape[0] + 1, pieces)), [shape[0]]])
        shares = [
            twin.elbo_own_draws(*(y[a:b] for y in arguments), *rest, first_row=int(a), rows=shape[0])
            for a, b in pairwise(cuts)
        ]
        for i, expected in enumerate(whole):
            rtol, atol = (1e-13, 1e-14) if twin is reference else (0, 0)
            np.testing.assert_allclose(np.concatenate([share[i] for share in shares]), expected, rtol, atol)


@pytest.mark.parametrize("twin", TWINS)
def test_rows_outside_of_all_rows_are_refused(twin):
    x = np.zeros((4, 3))
    for first_row, rows in ((-1, 9), (6, 9), (0, 3), (1, None)):
        with pytest.raises(ValueError, match="x has 4 rows"):
            twin.elbo_own_draws(x, x, x, 2, 1, 2, "normal", 1.0, first_row=first_row, rows=rows)


WIDTHS = (*range(1, 42), 63, 64, 65, 255, 256, 257, 511, 512, 513, 1030, 4000)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logits", ["zero", "far", "mixed"])
def test_a_product_for_a_row_keeps_the_digits_of_its_factors(twin, dtype, logits):
    """Logits of 0 make products of 2^4000; at 30 and more, 1 + exp -z is 1, and yet the sum of exp -z must come."""
    rng = np.random.default_rng(7)
    rtol = {np.float32: 1e-6, np.float64: 5e-15}[dtype]
    for width in WIDTHS:
        z = {"zero": 0 * rng.normal(size=(1, 3, width)), "far": rng.uniform(30, 80, size=(1, 3, width))}
        z = z.get(logits, rng.normal(size=(1, 3, width)) * 10 ** rng.uniform(-2, 2, size=(1, 3, width))).astype(dtype)
        x = (z[0] >= 0).astype(dtype)  # no term then cancels another
        exact = -np.log1p(np.exp(-np.abs(z.astype(np.longdouble)))).sum(axis=2)
        value = twin.log_likelihood(x, z, "bernoulli", 1.0)
        np.testing.assert_allclose(value.astype(np.longdouble), exact, rtol=rtol)


@pytest.mark.parametrize("twin", COMPILED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 50, 300])
def test_nan_stays_in_its_row(twin, dtype, width):
    x, loc, log_scale = inputs((9, width), "bernoulli", dtype)
    clean = twin.elbo_own_draws(x, loc, log_scale, 3, 1, 2, "bernoulli", 1.0)
    loc[4, -1], loc[6, 0] = np.nan, np.nan
    others = [0, 1, 2, 3, 5, 7, 8]
    for got, expected in zip(twin.elbo_own_draws(x, loc, log_scale, 3, 1, 2, "bernoulli", 1.0), clean, strict=True):
        np.testing.assert_array_equal(got[others], expected[others])
        assert got.ndim == 2 or np.isnan(got[[4, 6]]).all()


@pytest.mark.parametrize("twin", COMPILED)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_row_does_not_depend_on_its_neighbours(twin, likelihood):
    x, loc, log_scale = inputs((300, 41), likelihood)
    noise = np.random.default_rng(1).normal(size=(4, 300, 41))
    part = slice(117, 250)
    whole = twin.elbo(x, loc, log_scale, noise, likelihood, 0.5)
    alone = twin.elbo(x[part], loc[part], log_scale[part], noise[:, part], likelihood, 0.5)
    for a, b in zip(whole, alone, strict=True):
        np.testing.assert_array_equal(a[part], b)


@pytest.mark.parametrize("twin", TWINS)
def test_standard_error_where_the_mean_is_far_above_the_spread(twin):
    """r is about -5e9 with a spread of 10: a sum of squares less a squared sum would be off by thousands."""
    rng = np.random.default_rng(2)
    arguments = np.full((1, 1), 1e5), np.zeros((1, 1)), np.full((1, 1), np.log(1e-4)), rng.normal(size=(400, 1, 1))
    expected = _elbo_oracle(*arguments, "normal", 1.0)[1]
    assert 0.1 < expected[0] < 1
    np.testing.assert_allclose(twin.elbo(*arguments, "normal", 1.0)[1], expected.astype(float), rtol=1e-6)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_gradients_against_differences_of_the_elbo(twin, likelihood):
    rng = np.random.default_rng(3)
    x, loc, log_scale = inputs((5, 4), likelihood)
    noise = rng.normal(size=(6, 5, 4))
    v, w = rng.normal(size=(2, 5, 4)).astype(np.longdouble)
    step = np.longdouble(1e-6)
    values = []
    for sign in (1, -1):
        parts = _elbo_oracle(x, loc + sign * step * v, log_scale + sign * step * w, noise, likelihood, 0.7)
        values.append(parts[0] - parts[2])
    slope = (values[0] - values[1]) / (2 * step)
    d_loc, d_log_scale = twin.elbo(x, loc, log_scale, noise, likelihood, 0.7)[3:]
    np.testing.assert_allclose((d_loc * v + d_log_scale * w).sum(axis=1).astype(float), slope.astype(float), rtol=1e-8)


@pytest.mark.parametrize("twin", TWINS)
def test_unknown_likelihood_and_no_draws(twin):
    x = np.zeros((2, 3))
    noise = np.zeros((1, 2, 3))
    calls = (
        lambda name: twin.elbo(x, x, x, noise, name, 1.0),
        lambda name: twin.elbo_own_draws(x, x, x, 2, 1, 2, name, 1.0),
        lambda name: twin.log_likelihood(x, noise, name, 1.0),
        lambda name: twin.log_likelihood_gradient(x, noise, name, 1.0),
    )
    for call in calls:
        for name in ("Bernoulli", None):
            with pytest.raises(ValueError, match="use 'bernoulli', 'normal' or 'poisson'"):
                call(name)


@pytest.mark.parametrize("twin", COMPILED)
def test_shapes_that_do_not_fit_are_refused(twin):
    x = np.zeros((4, 3))
    with pytest.raises(ValueError, match=r"noise has shape \(2, 4, 2\) and x has shape \(4, 3\)"):
        twin.elbo(x, x, x, np.zeros((2, 4, 2)), "normal", 1.0)
    with pytest.raises(ValueError, match="S >= 1"):
        twin.elbo(x, x, x, np.zeros((0, 4, 3)), "normal", 1.0)
    with pytest.raises(ValueError, match="draws is 0"):
        twin.elbo_own_draws(x, x, x, 0, 1, 2, "normal", 1.0)
    with pytest.raises(ValueError, match=r"parameter has shape \(4, 3\)"):
        twin.log_likelihood(x, x, "normal", 1.0)


@pytest.mark.parametrize("case", [row for row in ROWS if row.function != "elbo_own_draws"], ids=lambda case: case.name)
def test_reference_needs_the_array_api_alone(case):
    arguments = case.make(np.random.default_rng(4), np.dtype("float64"), (4, 5))
    strict = [array_api_strict.asarray(y) if isinstance(y, np.ndarray) else y for y in arguments]
    function = getattr(reference, case.function)
    for a, b in zip(as_tuple(function(*strict)), as_tuple(function(*arguments)), strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_torch_differentiates_the_reference_to_the_same_gradients(likelihood):
    torch = pytest.importorskip("torch")
    x, loc, log_scale = map(torch.tensor, inputs((5, 4), likelihood))
    noise = torch.tensor(np.random.default_rng(5).normal(size=(6, 5, 4)))
    leaves = loc.requires_grad_(), log_scale.requires_grad_()
    reconstruction, _, kl, *gradients = reference.elbo(x, *leaves, noise, likelihood, 0.7)
    for a, b in zip(torch.autograd.grad((reconstruction - kl).sum(), leaves), gradients, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)
