"""torch and JAX arrays through the bounds: NumPy's values, the analytic gradients, jit and compile."""

import sys

import numpy as np
import pytest

import varinf as vi

LOG_W = np.random.default_rng(0).normal(-31, 1, size=(200, 3))
BOUNDS = {
    "elbo": lambda w: vi.elbo(w),
    "iwelbo": lambda w: vi.iwelbo(w),
    "iwelbo_20": lambda w: vi.iwelbo(w, k=20),
    "renyi_half": lambda w: vi.renyi_bound(w, 0.5),
    "renyi_2": lambda w: vi.renyi_bound(w, 2.0),
    "eubo": lambda w: vi.eubo(w),
}
bounds = pytest.mark.parametrize("name", BOUNDS)


def analytic_gradient(name):
    """d value.sum() / d log w."""

    def softmax(x, axis):
        w = np.exp(x - x.max(axis, keepdims=True))
        return w / w.sum(axis, keepdims=True)

    if name in ("elbo", "eubo"):
        return np.full(LOG_W.shape, 1 / 200)
    if name == "iwelbo":
        return softmax(LOG_W, 0)
    if name == "iwelbo_20":
        return softmax(LOG_W.reshape(10, 20, 3), 1).reshape(LOG_W.shape) / 10
    return softmax({"renyi_half": 0.5, "renyi_2": -1.0}[name] * LOG_W, 0)


def check(name, value, stderr, gradient):
    expected = BOUNDS[name](LOG_W)
    np.testing.assert_allclose(value, expected.value, rtol=1e-12)
    np.testing.assert_allclose(stderr, expected.stderr, rtol=1e-10)
    np.testing.assert_allclose(gradient, analytic_gradient(name), rtol=1e-10, atol=1e-14)


@bounds
def test_torch(name):
    torch = pytest.importorskip("torch")
    w = torch.tensor(LOG_W, requires_grad=True)
    b = BOUNDS[name](w)
    b.value.sum().backward()
    check(name, b.value.detach().numpy(), b.stderr.detach().numpy(), w.grad.numpy())
    assert b.k_hat.shape == (3,)
    assert str(b)


@bounds
def test_torch_compile(name):
    torch = pytest.importorskip("torch")

    @torch.compile(fullgraph=True, backend="aot_eager")
    def value(w):
        return BOUNDS[name](w).value.sum()

    w = torch.tensor(LOG_W, requires_grad=True)
    out = value(w)
    out.backward()
    assert out.item() == pytest.approx(float(BOUNDS[name](LOG_W).value.sum()), rel=1e-12)
    np.testing.assert_allclose(w.grad.numpy(), analytic_gradient(name), rtol=1e-10, atol=1e-14)


def test_torch_vmap_and_zero_weights():
    torch = pytest.importorskip("torch")
    w = torch.tensor(LOG_W)
    per_column = torch.func.vmap(lambda column: vi.iwelbo(column).value, in_dims=1)(w)
    np.testing.assert_allclose(per_column.numpy(), vi.iwelbo(LOG_W).value, rtol=1e-12)
    nothing = torch.full((5,), -torch.inf, dtype=torch.float64, requires_grad=True)
    value = vi.iwelbo(nothing).value
    value.backward()
    assert value.item() == -np.inf
    np.testing.assert_array_equal(nothing.grad.numpy(), np.zeros(5))


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield jax


@bounds
def test_jax(name, jax):
    w = jax.numpy.asarray(LOG_W)
    b = BOUNDS[name](w)
    gradient = jax.grad(lambda w: BOUNDS[name](w).value.sum())(w)
    check(name, b.value, b.stderr, gradient)


@bounds
def test_jax_jit_returns_an_estimate(name, jax):
    w = jax.numpy.asarray(LOG_W)
    b = jax.jit(BOUNDS[name])(w)  # an Estimate is a pytree
    assert isinstance(b, vi.Estimate)
    gradient = jax.jit(jax.grad(lambda w: BOUNDS[name](w).value.sum()))(w)
    check(name, b.value, b.stderr, gradient)
    assert b.k_hat is None  # its draws stayed inside
    assert b.direction == BOUNDS[name](LOG_W).direction
    assert str(b)


def test_jax_vmap_and_zero_weights(jax):
    per_column = jax.vmap(lambda column: vi.iwelbo(column).value, in_axes=1)(jax.numpy.asarray(LOG_W))
    np.testing.assert_allclose(per_column, vi.iwelbo(LOG_W).value, rtol=1e-12)
    gradient = jax.grad(lambda w: vi.iwelbo(w).value)(jax.numpy.full(5, -jax.numpy.inf))
    np.testing.assert_array_equal(gradient, np.zeros(5))


@bounds
def test_array_api_strict(name):
    strict = pytest.importorskip("array_api_strict")
    b = BOUNDS[name](strict.asarray(LOG_W))
    np.testing.assert_allclose(np.asarray(b.value), BOUNDS[name](LOG_W).value, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(b.stderr), BOUNDS[name](LOG_W).stderr, rtol=1e-10)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_float32_stays_float32(library):
    module = pytest.importorskip(library)
    w = (
        module.tensor(LOG_W.astype(np.float32))
        if library == "torch"
        else module.numpy.asarray(LOG_W.astype(np.float32))
    )
    b = vi.iwelbo(w)
    assert "float32" in str(b.value.dtype)
    np.testing.assert_allclose(np.asarray(b.value), vi.iwelbo(LOG_W).value, rtol=1e-6)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_nan_is_refused_where_it_can_be_seen(library):
    module = pytest.importorskip(library)
    bad = LOG_W.copy()
    bad[7, 1] = np.nan
    w = module.tensor(bad) if library == "torch" else module.numpy.asarray(bad)
    with pytest.raises(ValueError, match=r"log_weights has 1 .*first at index \(7, 1\)"):
        vi.elbo(w)


def test_import_leaves_the_frameworks_alone():
    """Importing varinf imports no matplotlib, scikit-learn, torch or jax."""
    import subprocess

    heavy = ("matplotlib", "sklearn", "torch", "jax", "scipy.stats", "scipy.optimize")
    code = f"import sys, varinf; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
