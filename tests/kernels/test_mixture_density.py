"""The mixture's log density beyond the case table: that it is a density, its extremes, and the digits that matter."""

import numpy as np
import pytest
from cases import _mixture_oracle
from test_parity import twins

MODULES = [pytest.param(module, id=level) for level, module in twins("mixture_density")]
modules = pytest.mark.parametrize("module", MODULES)


@modules
def test_integrates_to_one(module):
    """Rounded to 1e-12: the trapezoidal rule converges geometrically for an entire function that has died out."""
    rng = np.random.default_rng(0)
    loc, scale = rng.normal(0, 2, size=(70, 1)), np.exp(rng.normal(-0.5, 0.4, size=(70, 1)))
    z = np.linspace(-30, 30, 4001)
    density = np.exp(module.log_density(z[:, None], loc, scale))
    assert abs(density.sum() * (z[1] - z[0]) - 1) < 1e-12


@modules
def test_one_component_is_a_normal(module):
    z = np.array([[-1.0, 0.0, 2.0], [0.5, 0.5, 0.5]])
    loc, scale = np.array([[0.0, 1.0, -1.0]]), np.array([[1.0, 0.5, 3.0]])
    expected = np.sum(-0.5 * ((z - loc) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi), axis=1)
    np.testing.assert_allclose(module.log_density(z, loc, scale), expected, rtol=1e-14)


@modules
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_far_away_is_finite(module, dtype):
    """Where every term of the sum underflows, the logarithm is the nearest component's."""
    z = np.array([[-1e6], [1e6], [3e5]], dtype)
    loc, scale = np.linspace(-3, 3, 200, dtype=dtype)[:, None], np.full((200, 1), 0.1, dtype)
    got = module.log_density(z, loc, scale)
    np.testing.assert_allclose(got, _mixture_oracle(z, loc, scale)[0].astype(float), rtol=1e-6)
    assert np.isfinite(got).all() and got.max() < -1e12


@modules
def test_extremes_of_single_rows(module):
    """nan and infinity stay in their rows."""
    rng = np.random.default_rng(1)
    z, loc, scale = rng.normal(size=(5, 3)), rng.normal(size=(90, 3)), np.exp(rng.normal(size=(90, 3)))
    clean = module.log_density(z, loc, scale)
    z[1, 2], z[3, 0] = np.nan, np.inf
    got = module.log_density(z, loc, scale)
    assert np.isnan(got[1]) and got[3] == -np.inf
    np.testing.assert_array_equal(got[[0, 2, 4]], clean[[0, 2, 4]])


@modules
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_beside_each_other_rise_by_themselves(module, dtype):
    """Some of them at one block of components and some at another: the same bits as alone."""
    rng = np.random.default_rng(6)
    z, loc = rng.normal(size=(41, 2)).astype(dtype), (8 * rng.normal(size=(700, 2))).astype(dtype)
    scale = (0.3 + rng.random(size=(700, 2))).astype(dtype)
    whole = module.log_density(z, loc, scale)
    np.testing.assert_array_equal([module.log_density(row[None], loc, scale)[0] for row in z], whole)
    np.testing.assert_array_equal(module.log_density(z[7:], loc, scale), whole[7:])


@modules
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_largest_term_may_come_at_any_time(module, dtype):
    """Each block of components nearer than all before, or farther; the first so narrow that their squares overflow."""
    z, loc = np.array([[0.0], [3.0], [-40.0]], dtype), np.linspace(30, 0, 331, dtype=dtype)[:, None]
    scale = np.full_like(loc, 0.25)
    for order in (slice(None), slice(None, None, -1)):
        narrow = np.where(np.arange(len(loc)) < 100, 1e-200 if dtype == "float64" else 1e-25, 0.25)[:, None]
        for width in (scale, narrow.astype(dtype)):
            got = module.log_density(z, loc[order], width)
            exact = _mixture_oracle(z, loc[order], width)[0].astype(float)
            np.testing.assert_allclose(got, exact, rtol={"float64": 2e-14, "float32": 1e-6}[dtype])


@modules
def test_empty_extents(module):
    one = np.ones
    assert module.log_density(one((0, 3)), one((2, 3)), one((2, 3))).shape == (0,)
    np.testing.assert_allclose(module.log_density(one((4, 0)), one((7, 0)), one((7, 0))), np.zeros(4), atol=1e-15)
    assert module.log_density(one((0, 0)), one((1, 0)), one((1, 0))).shape == (0,)


@modules
def test_sums_of_differences_keep_their_digits(module):
    """Components 10^6 scales from the origin, where |z|^2 - 2 z.loc + |loc|^2 has lost 12 of 16 digits."""
    rng = np.random.default_rng(2)
    loc, scale = 1e6 + rng.normal(size=(130, 4)), np.exp(0.2 * rng.normal(size=(130, 4)))
    z = 1e6 + rng.normal(size=(9, 4))
    exact = _mixture_oracle(z, loc, scale)[0].astype(float)
    np.testing.assert_allclose(module.log_density(z, loc, scale), exact, rtol=1e-13)
    w = scale**-2.0
    squares = (z * z) @ w.T - 2 * z @ (loc * w).T + (loc * loc * w).sum(axis=1)
    logs = -0.5 * squares - np.log(scale).sum(axis=1)
    expanded = np.log(np.exp(logs - logs.max()).mean(axis=1)) + logs.max() - 2 * np.log(2 * np.pi)
    assert np.abs(expanded - exact).max() > 1e-6  # the error that the test is there to see


@modules
def test_blocks_of_rows_and_components(module):
    """A row's density does not depend on the rows beside it, nor, to rounding, on the order of the components."""
    rng = np.random.default_rng(3)
    z, loc, scale = rng.normal(size=(11, 65)), rng.normal(size=(129, 65)), np.exp(0.3 * rng.normal(size=(129, 65)))
    whole = module.log_density(z, loc, scale)
    np.testing.assert_array_equal([module.log_density(row[None], loc, scale)[0] for row in z], whole)
    order = rng.permutation(129)
    np.testing.assert_allclose(module.log_density(z, loc[order], scale[order]), whole, rtol=1e-14)


@pytest.mark.parametrize("elements", [1, 300, 10_000])
def test_reference_blocks(elements, monkeypatch):
    from varinf._kernels import mixture_density

    rng = np.random.default_rng(4)
    z, loc, scale = rng.normal(size=(11, 3)), rng.normal(size=(20, 3)), np.exp(0.3 * rng.normal(size=(20, 3)))
    whole = mixture_density.log_density(z, loc, scale)
    monkeypatch.setattr(mixture_density, "_ELEMENTS", elements)
    np.testing.assert_array_equal(mixture_density.log_density(z, loc, scale), whole)


def test_reference_is_array_api():
    strict = pytest.importorskip("array_api_strict")
    from varinf._kernels import mixture_density

    rng = np.random.default_rng(5)
    arrays = rng.normal(size=(6, 3)), rng.normal(size=(20, 3)), np.exp(0.3 * rng.normal(size=(20, 3)))
    got = mixture_density.log_density(*(strict.asarray(x) for x in arrays))
    np.testing.assert_allclose(np.asarray(got), mixture_density.log_density(*arrays), rtol=1e-15)


@modules
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("offset", [0, 2**13])
@pytest.mark.parametrize("distance", [60, 68, 69, 1000])
def test_error_on_both_sides_of_the_limit_of_products(module, dtype, offset, distance):
    """The contract's bound, where components lie 1.1 `distance` scales from their mean; all of it moved far away too.

    Locations and draws are whole multiples of 2^-10: they, and their differences, are exact in float32 as in float64,
    so that what is seen is the kernel's own. At 2^13 scales from 0 products without the shift would err 100 times more.
    """
    rng = np.random.default_rng(distance)
    features, unit = 4, 2.0 ** -(np.finfo(dtype).nmant + 1)
    signs = np.tile(rng.permutation(np.repeat([-1, 1], 32))[:, None], features)
    loc, scale = distance * signs + offset, np.full((64, features), 1 / 1.1)
    z = loc[:40] + rng.integers(-2000, 2000, size=(40, features)) / 2.0**10
    z, loc, scale = z.astype(dtype), loc.astype(dtype), scale.astype(dtype)
    x = (z - loc[:40]) / scale[:40]
    bound = 3 * unit * np.sum(abs(x) * (min(distance, 75) * 1.1 + abs(x)), axis=1)
    exact = _mixture_oracle(z, loc, scale)[0]
    error = abs(module.log_density(z, loc, scale) - exact).astype(float)
    assert (error <= bound + 8 * unit * (1 + abs(exact.astype(float)))).all()
