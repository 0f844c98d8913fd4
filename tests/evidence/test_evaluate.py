import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from varinf.evidence.elbo import elbo
from varinf.evidence.evaluate import evaluate
from varinf.evidence.iwelbo import iwelbo
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.models import LinearGaussian

module = sys.modules["varinf.evidence.evaluate"]


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    model = LinearGaussian.from_parameters(rng.normal(size=(5, 2)), rng.normal(size=5), 0.5)
    x, _ = model.sample(103, rng=1)
    return model, x


def values(state):
    return np.stack([state.elbo().value, state.elbo().stderr, state.iwelbo().value, state.k_hat()])


def test_each_datum_has_its_own_bounds(case):
    """Against the exact ELBO: the errors are as large as they claim, over 103 data."""
    model, x = case
    q = model.mean_field(x)
    state = evaluate(model.log_joint, x, q, draws=2000, rng=2, batch_size=20)
    assert state.batch_shape == (103,)
    assert state.draws == 2000
    exact = model.expected_log_joint(x, q) + q.entropy()
    bound = state.elbo()
    z = (bound.value - exact) / bound.stderr
    assert abs(z.mean()) * np.sqrt(len(z)) < 5
    assert 0.7 < z.std() < 1.3
    assert np.all(state.iwelbo().value > bound.value)


def test_the_state_is_that_of_the_draws_in_memory(case):
    """What log_joint saw, put together again, gives the same bounds as arrays in memory."""
    model, x = case
    q = model.mean_field(x)
    seen = []

    def log_joint(x, z):
        seen.append((x, z))
        return model.log_joint(x, z)

    state = evaluate(log_joint, x, q, draws=300, k=50, rng=3, batch_size=1000)
    z = np.concatenate([z for _, z in seen])
    log_w = model.log_joint(x, z) - q.log_prob(z)
    assert log_w.shape == (300, 103)
    np.testing.assert_allclose(state.elbo().value, elbo(log_w).value, rtol=1e-12)
    np.testing.assert_allclose(state.iwelbo().value, iwelbo(log_w).value, rtol=1e-12)
    np.testing.assert_allclose(state.iwelbo(k=50).value, iwelbo(log_w, k=50).value, rtol=1e-12)
    np.testing.assert_allclose(state.k_hat(), iwelbo(log_w).k_hat, rtol=1e-12)


def test_the_draws_do_not_depend_on_who_computes(case):
    model, x = case
    q = model.mean_field(x)
    how = {"draws": 100, "rng": 4, "batch_size": 10}
    serial = values(evaluate(model.log_joint, x, q, **how))
    for workers in (1, 2, 3, -1):
        np.testing.assert_array_equal(values(evaluate(model.log_joint, x, q, workers=workers, **how)), serial)
    with ThreadPoolExecutor(2) as executor:
        np.testing.assert_array_equal(values(evaluate(model.log_joint, x, q, executor=executor, **how)), serial)
    np.testing.assert_array_equal(values(evaluate(model.log_joint, x, model.mean_field, **how)), serial)
    assert not np.array_equal(values(evaluate(model.log_joint, x, q, **(how | {"rng": 5}))), serial)


def test_a_pool_of_processes(case):
    model, x = case
    how = {"draws": 50, "rng": 6, "batch_size": 30}
    serial = values(evaluate(model.log_joint, x, model.mean_field, **how))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        elsewhere = values(evaluate(model.log_joint, x, model.mean_field, executor=executor, **how))
        np.testing.assert_array_equal(elsewhere, serial)
        with pytest.raises(ValueError, match="z has shape") as caught:
            evaluate(model.log_joint, x, narrow, executor=executor, **how)
    assert "data 0 to 29" in caught.value.__notes__[0]


def narrow(x):
    return DiagonalNormal(np.zeros((len(x), 3)), np.ones((len(x), 3)))


def test_memory_is_bounded_whatever_the_draws(case, monkeypatch):
    """No array of latents or of decoded features exceeds CHUNK numbers, and no draw is lost on the way."""
    model, x = case
    monkeypatch.setattr(module, "CHUNK", 1000)
    sizes = []

    def log_joint(x, z):
        sizes.append(z.shape[0] * z.shape[1] * max(z.shape[2], x.shape[1]))
        return model.log_joint(x, z)

    state = evaluate(log_joint, x, model.mean_field(x), draws=333, rng=7, batch_size=10)
    assert max(sizes) <= 1000
    assert state.draws == 333
    assert sum(sizes) == 333 * x.size
    assert len(pickle.dumps(state)) < 333 * len(x) * 8  # the draws themselves are not in it


def test_shapes_are_checked(case):
    model, x = case
    q = model.mean_field(x)
    with pytest.raises(ValueError, match=r"log_joint returned shape \(103, 10\).*must return \(10, 103\)") as caught:
        evaluate(lambda x, z: model.log_joint(x, z).T, x, q, draws=10, rng=0)
    assert "data 0 to 102" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match=r"q has batch shape \(50,\) but X has 103 rows"):
        evaluate(model.log_joint, x, q[:50])
    with pytest.raises(ValueError, match=r"q\(x\) has batch shape \(\) for 103 data"):
        evaluate(model.log_joint, x, lambda x: DiagonalNormal.standard(2))
    with pytest.raises(ValueError, match=r"X has shape \(0, 5\)"):
        evaluate(model.log_joint, x[:0], q)


@pytest.mark.parametrize("workers", [None, 2])
def test_an_exception_says_where(case, workers):
    model, x = case

    def log_joint(x, z):
        if np.any(x == x_bad):
            raise KeyError("decoder")
        return model.log_joint(x, z)

    x_bad = x[57, 0]
    with pytest.raises(KeyError, match="decoder") as caught:
        evaluate(log_joint, x, model.mean_field(x), draws=10, rng=0, batch_size=10, workers=workers)
    assert caught.value.__notes__ == ["varinf.evaluate was at data 50 to 59 (rows of X)"]


def test_nan_is_refused_with_its_place(case):
    model, x = case

    def log_joint(x, z):
        return np.where(x[:, 0] == x_bad, np.nan, model.log_joint(x, z))

    x_bad = x[57, 0]
    with pytest.raises(ValueError, match="log_joint gave nan at row 57 of X, draw 0 ") as caught:
        evaluate(log_joint, x, model.mean_field(x), draws=10, rng=0, batch_size=10)
    assert "data 50 to 59" in caught.value.__notes__[0]


@pytest.mark.parametrize("workers", [None, 2])
def test_progress_reaches_the_total(case, workers):
    model, x = case
    seen = []
    how = {"draws": 5, "rng": 0, "batch_size": 10, "workers": workers}
    evaluate(model.log_joint, x, model.mean_field(x), progress=lambda *at: seen.append(at), **how)
    assert seen == [(i, 11) for i in range(1, 12)]


def test_arguments_are_checked(case):
    model, x = case
    q = model.mean_field(x)
    with pytest.raises(TypeError, match=r"log_joint=3\.0 is not callable"):
        evaluate(3.0, x, q)
    with pytest.raises(TypeError, match="use a family"):
        evaluate(model.log_joint, x, 7)
    for wrong in (3, None, np.float64(3), np.array(3.0)):
        with pytest.raises(TypeError, match=r"X=.*give an array \(N, F\)"):
            evaluate(model.log_joint, wrong, q)
    with pytest.raises(TypeError, match=r"q\(x\) gave 3: it must give a family"):
        evaluate(model.log_joint, x, lambda x: 3)
    with pytest.raises(TypeError, match=r"log_joint returned NoneType; it must return .* \(10, 103\)"):
        evaluate(lambda x, z: None, x, q, draws=10)
    with pytest.raises(TypeError, match="log_joint returned an array of float16"):
        evaluate(lambda x, z: model.log_joint(x, z).astype(np.float16), x, q, draws=10)
    with pytest.raises(ValueError, match="draws=0"):
        evaluate(model.log_joint, x, q, draws=0)
    with pytest.raises(ValueError, match="k=0"):
        evaluate(model.log_joint, x, q, draws=1, k=0)
    with pytest.raises(ValueError, match="workers=0"):
        evaluate(model.log_joint, x, q, draws=1, workers=0)
    with pytest.raises(TypeError, match="has no submit"):
        evaluate(model.log_joint, x, q, draws=1, executor=42)
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="give one of the two"):
        evaluate(model.log_joint, x, q, executor=executor, workers=2)
    with pytest.raises(TypeError, match="progress='yes'"):
        evaluate(model.log_joint, x, q, draws=1, progress="yes")


def test_draws_are_counted_over_chunks_and_q_is_named_for_its_own(case, monkeypatch):
    model, x = case
    monkeypatch.setattr(module, "CHUNK", 1000)  # 20 draws of 10 data
    calls = []

    def log_joint(x, z):
        calls.append(len(z))
        log_p = model.log_joint(x, z)
        log_p[3, 4] = np.inf if len(calls) == 2 else log_p[3, 4]
        return log_p

    with pytest.raises(ValueError, match=r"log_joint gave \+inf at row 4 of X, draw 23 "):
        evaluate(log_joint, x, model.mean_field(x), draws=100, rng=0, batch_size=10)

    class Lost(DiagonalNormal):
        def sample_and_log_prob(self, n, rng=None):
            z, log_q = super().sample_and_log_prob(n, rng)
            log_q[0, 2] = -np.inf
            return z, log_q

    q = Lost(np.zeros((103, 2)), np.ones((103, 2)))
    with pytest.raises(ValueError, match=r"q.sample_and_log_prob gave -inf at row 2 of X, draw 0 "):
        evaluate(model.log_joint, x, q, draws=5, rng=0)
