"""Every bound from scores: against its definition, its jackknife and its slopes; libraries, extremes and errors."""

import critics
import numpy as np
import pytest

import varinf as vi
from varinf.information.scores import log_sums_without_each

BASELINE = 0.3 * np.random.default_rng(1).normal(size=12)

# name: (function, its definition, further arguments); those of the definition's slopes have the same names
BOUNDS = {
    "infonce x": (vi.infonce, critics.infonce, ("x",)),
    "infonce y": (vi.infonce, critics.infonce, ("y",)),
    "infonce both": (vi.infonce, critics.infonce, ("both",)),
    "nwj": (vi.nwj, critics.nwj, ()),
    "tuba": (vi.tuba, critics.tuba, (0.4,)),
    "tuba by y": (vi.tuba, critics.tuba, (BASELINE,)),
    "interpolated": (vi.interpolated, critics.interpolated, (BASELINE, 0.3)),
    "interpolated 0": (vi.interpolated, critics.interpolated, (0.4, 0.0)),
    "interpolated 1": (vi.interpolated, critics.interpolated, (0.4, 1.0)),
    "donsker_varadhan": (vi.donsker_varadhan, critics.donsker_varadhan, ()),
    "smile": (vi.smile, critics.smile, (0.7,)),
    "jensen_shannon": (vi.jensen_shannon, critics.jensen_shannon, ()),
    "leave_one_out": (vi.leave_one_out, critics.leave_one_out, ()),
    "club": (vi.club, critics.club, ()),
}
bounds = pytest.mark.parametrize("name", BOUNDS)


def scores_of(seed=0, n=12):
    return 1.5 * np.random.default_rng(seed).normal(size=(n, n))


@bounds
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_value_and_jackknife_are_as_defined(name, dtype):
    function, definition, arguments = BOUNDS[name]
    for seed in range(3):
        s = scores_of(seed).astype(dtype)
        found, rtol = function(s, *arguments), 1e-12 if dtype == "float64" else 3e-6
        wide = s.astype(critics.LONG)
        assert found.value.dtype == found.stderr.dtype == np.dtype(dtype)
        np.testing.assert_allclose(found.value, float(definition(wide, *arguments)), rtol=rtol, atol=rtol)
        np.testing.assert_allclose(found.stderr, float(critics.jackknife(definition, wide, *arguments)), rtol=10 * rtol)
        assert found.draws == 12 and found.degrees == 11 and found.units == "nats"


@bounds
def test_slopes_are_those_of_the_value(name):
    """Central differences in float64: 1e-7 of slopes near 1/N."""
    function, _, arguments = BOUNDS[name]
    s, step = scores_of(4), 1e-5
    estimate, gradient = getattr(vi, f"{function.__name__}_and_gradient")(s, *arguments)
    assert float(estimate) == float(function(s, *arguments)) and gradient.shape == s.shape
    numeric = np.empty_like(s)
    for place in np.ndindex(*s.shape):
        up, down = s.copy(), s.copy()
        up[place] += step
        down[place] -= step
        numeric[place] = (float(function(up, *arguments)) - float(function(down, *arguments))) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, rtol=0, atol=2e-9)


@bounds
def test_torch_and_its_slopes(name):
    torch = pytest.importorskip("torch")
    function, _, arguments = BOUNDS[name]
    s = torch.tensor(scores_of(5), requires_grad=True)
    as_torch = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
    found = function(s, *as_torch)
    assert isinstance(found.value, torch.Tensor)
    found.value.backward()
    estimate, gradient = getattr(vi, f"{function.__name__}_and_gradient")(s.detach().numpy(), *arguments)
    np.testing.assert_allclose(found.value.item(), float(estimate), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(s.grad.numpy(), gradient, rtol=1e-11, atol=1e-14)


@bounds
def test_jax_under_jit_and_its_slopes(name):
    jax = pytest.importorskip("jax")
    function, _, arguments = BOUNDS[name]
    with jax.enable_x64(True):
        s = jax.numpy.asarray(scores_of(6))
        extra = [jax.numpy.asarray(a) if isinstance(a, np.ndarray) else a for a in arguments]
        value, slopes = jax.jit(jax.value_and_grad(lambda x: function(x, *extra).value))(s)
        whole = jax.jit(lambda x: function(x, *extra))(s)
    estimate, gradient = getattr(vi, f"{function.__name__}_and_gradient")(np.asarray(s), *arguments)
    np.testing.assert_allclose([value, whole.value], float(estimate), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(whole.stderr, estimate.stderr, rtol=1e-11)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", sorted({"infonce x", "infonce y", "donsker_varadhan", "leave_one_out", "club"}))
def test_scores_far_apart_do_not_cancel(name):
    """One entry rules all others by e^700: sums less a term would leave nothing."""
    function, definition, arguments = BOUNDS[name]
    s = scores_of(7)
    s[2, 5], s[4, 4], s[7, 1] = 700.0, -650.0, 300.0
    found = function(s, *arguments)
    wide = s.astype(critics.LONG)
    np.testing.assert_allclose(found.value, float(definition(wide, *arguments)), rtol=1e-13)
    np.testing.assert_allclose(found.stderr, float(critics.jackknife(definition, wide, *arguments)), rtol=1e-11)


def test_sums_without_each():
    x = np.array([[0.0, 800.0, 1.0, 2.0], [-np.inf, -np.inf, 3.0, -np.inf], [5.0, 5.0, 5.0, 5.0]])
    with np.errstate(divide="ignore"):
        expected = [[np.logaddexp.reduce(np.delete(row.astype(critics.LONG), i)) for i in range(4)] for row in x]
    np.testing.assert_allclose(log_sums_without_each(x), np.array(expected, float), rtol=1e-15)


@bounds
def test_two_pairs_leave_no_error(name):
    function, _, arguments = BOUNDS[name]
    arguments = tuple(a[:2] if isinstance(a, np.ndarray) else a for a in arguments)
    found = function(scores_of(8, 2), *arguments)
    assert np.isfinite(found.value) and np.isnan(found.stderr) and "two pairs" in found.caveats[0]


@bounds
def test_what_is_refused(name):
    function, _, arguments = BOUNDS[name]
    argument = "log_conditional" if name in ("leave_one_out", "club") else "scores"
    for wrong in (np.zeros((3, 4)), np.zeros(3), np.zeros((1, 1)), np.zeros((0, 0)), np.zeros((2, 2, 2))):
        with pytest.raises(ValueError, match=rf"{argument} has shape"):
            function(wrong, *arguments)
    for value in (np.nan, np.inf):
        wrong = scores_of()
        wrong[3, 4] = value
        with pytest.raises(ValueError, match=rf"{argument} has 1 .* index \(3, 4\)"):
            function(wrong, *arguments)


@pytest.mark.parametrize("name", [name for name in BOUNDS if name != "smile"])
def test_density_zero_is_data(name):
    """Among others it is a weight of 0; of CLUB it makes +inf; of a pair it makes the value -inf."""
    function, definition, arguments = BOUNDS[name]
    s = scores_of(9)
    s[3, 4] = -np.inf
    expected = float(definition(s.astype(critics.LONG), *arguments))
    np.testing.assert_allclose(float(function(s, *arguments)), expected, rtol=1e-12)
    assert expected == np.inf if name == "club" else np.isfinite(expected)
    s[3, 4], s[5, 5] = 0.0, -np.inf
    assert float(function(s, *arguments)) == -np.inf


@bounds
def test_slopes_at_ties_and_zeros(name):
    """A critic whose last layer starts at 0 scores 0 everywhere."""
    torch = pytest.importorskip("torch")
    function, _, arguments = BOUNDS[name]
    s = torch.zeros((12, 12), dtype=torch.float64, requires_grad=True)
    function(s, *(torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments)).value.backward()
    _, gradient = getattr(vi, f"{function.__name__}_and_gradient")(np.zeros((12, 12)), *arguments)
    np.testing.assert_allclose(s.grad.numpy(), gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["nwj", "tuba by y", "interpolated", "donsker_varadhan", "jensen_shannon"])
def test_pairs_far_above_the_others_have_slopes_in_float32(name):
    """exp of a pair's own score would be infinite, and is in no sum."""
    torch = pytest.importorskip("torch")
    function, _, arguments = BOUNDS[name]
    s = torch.zeros((12, 12)) + 200 * torch.eye(12)
    s.requires_grad_(True)
    found = function(s, *(torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments))
    found.value.backward()
    assert found.value.dtype == torch.float32 and torch.isfinite(found.value) and torch.isfinite(s.grad).all()


@pytest.mark.parametrize("function", [vi.tuba, lambda s, a: vi.interpolated(s, a, 0.5)], ids=["tuba", "interpolated"])
def test_baselines_follow_the_scores(function):
    torch = pytest.importorskip("torch")
    s = scores_of(3)
    expected = float(function(s, BASELINE))
    for baseline in (BASELINE, list(BASELINE), torch.tensor(BASELINE)):
        found = function(torch.tensor(s), baseline).value
        assert isinstance(found, torch.Tensor) and found.item() == pytest.approx(expected, rel=1e-12)
    assert function(s.astype(np.float32), BASELINE).value.dtype == np.float32
    single = function(torch.tensor(s, dtype=torch.float32), np.float32(0.5)).value
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(float(function(s, 0.5)), rel=1e-5)


def test_a_column_of_densities_zero_has_slopes():
    """Where no other x explains a y the bound is +inf, and its slopes are those of what is left."""
    s = scores_of(2, 4)
    s[[0, 1, 3], 2] = -np.inf
    found, gradient = vi.leave_one_out_and_gradient(s)
    assert float(found) == np.inf and np.isfinite(gradient).all() and "densities of zero" in found.caveats[0]
    s[2, 2] = -np.inf
    assert np.isfinite(vi.infonce_and_gradient(s).gradient).all()
    coin = np.array([[0.0, -np.inf], [-np.inf, 0.0]])
    assert float(vi.interpolated(coin, 0.0, 1.0)) == 0 and float(vi.infonce(coin)) == pytest.approx(np.log(2))
    assert np.isfinite(vi.interpolated_and_gradient(coin, 0.0, 1.0).gradient).all()


@pytest.mark.parametrize("n", [33, 48, 100])
def test_groups_of_the_jackknife_are_of_one_size(n):
    """A perfect critic has no error at any number of pairs."""
    assert float(vi.interpolated(1000.0 * np.eye(n), 0.0, 1.0).stderr) < 1e-12


def test_few_calm_scores_raise_no_alarm():
    for n in range(4, 15):
        assert not any("k_hat" in text for text in vi.nwj(scores_of(n, n) / 10).caveats)


def test_conditions_are_said():
    s = scores_of(1)
    assert "true conditional" in vi.club(s).caveats[0] and "exact=False" in vi.leave_one_out(s, exact=False).caveats[0]
    assert "baseline" in vi.tuba(s, 0.0).caveats[-1] and "baseline" not in vi.nwj(s).caveats[-1]


def test_jensen_shannon_through_jit():
    jax = pytest.importorskip("jax")
    s = scores_of(6).astype(np.float32)
    found = jax.jit(vi.jensen_shannon)(s)
    assert float(found.information.value) == pytest.approx(float(vi.nwj(s + 1)), rel=1e-5)
    again = jax.tree.map(lambda x: x, found)
    assert float(again.information.value) == float(found.information.value)
