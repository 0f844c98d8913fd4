"""Draws: moments on any axis and in any order of memory, each computed once."""

import math

import numpy as np
import pytest

import varinf as vi
from varinf.diagnostics import draws as module
from varinf.diagnostics.draws import Draws, log_mean_error, mean_error, relative_variance

X = np.random.default_rng(0).normal(0, 2, size=(9, 4, 3))


def by_hand(x, power):
    v = np.exp(power * x)
    mean = v.mean(0)
    return {
        "draws": len(x),
        "log_mean": np.log(mean),
        "log_inefficiency": np.log((v**2).mean(0) / mean**2),
        "mean": x.mean(0),
        "m2": ((x - x.mean(0)) ** 2).sum(0),
    }


@pytest.mark.parametrize("power", [1.0, 0.5, 2.0, -1.0])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("order", ["C", "F"])
def test_moments(power, axis, order):
    source = Draws(np.array(np.moveaxis(X, 0, axis), order=order), axis)
    assert source.count == 9 and source.batch_shape == (4, 3)
    for name, expected in by_hand(X, power).items():
        np.testing.assert_allclose(getattr(source.moments(power), name), expected, rtol=1e-11, atol=1e-13, err_msg=name)
    w = np.exp(power * X)
    np.testing.assert_allclose(np.moveaxis(source.weights(power), axis, 0), w / w.sum(0), rtol=1e-12)
    np.testing.assert_allclose(source.influence(power), 9 * w / w.sum(0) - 1, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(source.first(), X)


def test_moments_are_computed_once(monkeypatch):
    calls = []
    honest = module.kernel
    monkeypatch.setattr(module, "kernel", lambda *how: calls.append(1) or honest(*how))
    source = Draws(X)
    assert source.moments() is source.moments() and len(calls) == 1
    assert source.moments(0.5) is source.moments(0.5) and len(calls) == 2


def test_values_are_checked_once_and_whatever_the_power():
    bad = X.copy()
    bad[2, 1, 0] = np.nan
    for power in (1.0, 0.5, -1.0):
        with pytest.raises(ValueError, match=r"first at index \(2, 1, 0\)"):
            Draws(bad).moments(power)
        with pytest.raises(ValueError, match=r"first at index \(2, 1, 0\)"):
            Draws(bad).weights(power)


def test_errors_of_means():
    w = np.exp(X)
    moments = Draws(X).moments()
    np.testing.assert_allclose(mean_error(moments, np), X.std(0, ddof=1) / 3, rtol=1e-12)
    np.testing.assert_allclose(log_mean_error(moments, np), w.std(0, ddof=1) / w.mean(0) / 3, rtol=1e-11)
    np.testing.assert_allclose(relative_variance(moments, np), w.var(0, ddof=1) / w.mean(0) ** 2, rtol=1e-11)
    one = Draws(X[:1]).moments()
    assert np.all(np.isnan(mean_error(one, np))) and np.all(np.isnan(log_mean_error(one, np)))


def test_even_weights_have_no_error():
    """Rounding may leave the log inefficiency a hair below 0; its square root must not be nan."""
    for level in (0.0, 0.1, -700.3, 1e5):
        moments = Draws(np.full(1001, level)).moments()
        assert log_mean_error(moments, np) < 1e-7


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_groups(axis):
    source = Draws(np.moveaxis(X, 0, axis), axis)
    groups = source.group_log_means(3)
    expected = np.log(np.exp(X).reshape(3, 3, 4, 3).mean(1))
    np.testing.assert_allclose(groups.first(), expected, rtol=1e-12, atol=1e-14)


def test_a_single_column_gives_numbers():
    moments = Draws(X[:, 0, 0]).moments()
    assert all(isinstance(part, np.float64) for part in moments[1:])
    assert isinstance(Draws(np.zeros(100)).k_hat(), float) and Draws(np.zeros(100)).k_hat() == -math.inf


def test_k_hat_of_a_power_is_that_of_the_powers():
    x = np.random.default_rng(6).normal(size=(400, 3))
    for power in (0.5, 2.0, -1.0):
        np.testing.assert_array_equal(Draws(x).k_hat(power), Draws(power * x).k_hat())
    assert isinstance(Draws(x[:, 0]).k_hat(2), float)


def test_k_hat_of_infinite_values_is_not_known():
    """A draw of weight zero has an infinite inverse: no fit, and no warning of NumPy's."""
    x = np.random.default_rng(7).normal(size=(400, 2))
    x[3, 0] = -np.inf
    k_hat = Draws(x).k_hat(-1.0)
    assert np.isnan(k_hat[0]) and np.isfinite(k_hat[1])


def test_groups_name_the_draw_that_is_bad():
    bad = X.copy()
    bad[7, 1, 2] = np.nan
    with pytest.raises(ValueError, match=r"first at index \(7, 1, 2\)"):
        Draws(bad).group_log_means(3)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_log_mean_alone(axis, order):
    x = np.array(np.moveaxis(X, 0, axis), order=order)
    alone, source = Draws(x, axis).log_mean(), Draws(x, axis)
    np.testing.assert_allclose(alone, source.moments().log_mean, rtol=1e-14)
    assert source.log_mean() is source.moments().log_mean
    assert isinstance(Draws(X[:, 0, 0]).log_mean(), np.float64)


# What the public functions share --------------------------------------------------------------------------------------


def calls_of(monkeypatch):
    """The kernel functions that are called from here on."""
    calls = []

    class Listening:
        def __init__(self, twin):
            self.twin = twin

        def __getattr__(self, name):
            calls.append(name)
            return getattr(self.twin, name)

    honest = module.kernel
    monkeypatch.setattr(module, "kernel", lambda *how: Listening(honest(*how)))
    return calls


def test_one_pass_serves_weights_bounds_and_effective_sample_size(monkeypatch):
    calls = calls_of(monkeypatch)
    shared = vi.draws(X)
    weights = vi.importance_weights(shared)
    found = vi.elbo(shared), vi.iwelbo(shared), vi.effective_sample_size(shared), vi.log_mean_exp(shared)
    assert calls == ["moments_and_weights"]
    vi.importance_weights(shared)
    assert calls == ["moments_and_weights", "weights"]
    np.testing.assert_array_equal(weights, vi.importance_weights(X))
    np.testing.assert_array_equal(found[0].value, vi.elbo(X).value)
    np.testing.assert_array_equal(found[1].value, vi.iwelbo(X).value)
    np.testing.assert_array_equal(found[1].stderr, vi.iwelbo(X).stderr)
    np.testing.assert_array_equal(found[2], vi.effective_sample_size(X))
    np.testing.assert_allclose(found[3], vi.log_mean_exp(X), rtol=1e-14)


def test_the_summary_asks_once_for_each_power(monkeypatch):
    calls = calls_of(monkeypatch)
    summary = vi.summarize(X[:, :, 0])
    assert calls == ["moments"] * 3  # of w, of its root and of its square
    same = vi.summarize(vi.draws(X[:, :, 0]))
    np.testing.assert_array_equal(same["elbo"].value, summary["elbo"].value)


def test_every_function_takes_shared_draws():
    shared = vi.draws(X, axis=0)
    for function in (vi.elbo, vi.iwelbo, vi.jackknife_evidence):
        np.testing.assert_array_equal(function(shared).value, function(X).value)
    np.testing.assert_array_equal(vi.renyi_bound(shared, 0.5).value, vi.renyi_bound(X, 0.5).value)
    np.testing.assert_array_equal(
        vi.cubo(shared, on_heavy_tail="ignore").value, vi.cubo(X, on_heavy_tail="ignore").value
    )
    with pytest.raises(ValueError, match="axis=1"):
        vi.elbo(shared, axis=1)
    with pytest.raises(ValueError, match="no draws"):
        vi.draws([])
