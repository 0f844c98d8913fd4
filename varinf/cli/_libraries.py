"""Other packages as benchmarks use them: one vocabulary of functions each, and how a formula is run there.

A formula is a function of a library and of that library's arrays. NumPy and torch run it as it stands, torch.compile
and jax.jit compile it first; numba, SciPy and ArviZ have functions of their own in `_contenders`.
"""

import importlib.util
from types import SimpleNamespace

import numpy as np


def installed(names):
    """Those of `names` that can be imported, without importing them."""
    return [name for name in names if importlib.util.find_spec(name) is not None]


def numpy_runner(seed=0):
    """Runs formulas in NumPy."""
    rng = np.random.default_rng(seed)

    def log_sum_exp(x, axis):
        top = x.max(axis, keepdims=True)
        return np.log(np.exp(x - top).sum(axis)) + np.squeeze(top, axis)

    lib = SimpleNamespace(
        log=np.log,
        exp=np.exp,
        sqrt=np.sqrt,
        softplus=lambda z: np.logaddexp(0, z).astype(z.dtype, copy=False),
        sigmoid=lambda z: 1 / (1 + np.exp(-z)),
        log_sum_exp=log_sum_exp,
        cholesky=np.linalg.cholesky,
        solve_lower=np.linalg.solve,
        diagonal=lambda a: np.diagonal(a, axis1=-2, axis2=-1),
        normal=lambda shape, like: rng.standard_normal(shape, dtype=like.dtype),
        concatenate=np.concatenate,
    )
    return lambda formula, arrays: lambda: formula(lib, *arrays)


def torch_runner(compiled=False):
    """Runs formulas in torch, eager or through torch.compile, without recording gradients."""
    import torch

    lib = SimpleNamespace(
        log=torch.log,
        exp=torch.exp,
        sqrt=torch.sqrt,
        softplus=torch.nn.functional.softplus,
        sigmoid=torch.sigmoid,
        log_sum_exp=torch.logsumexp,
        cholesky=torch.linalg.cholesky,
        solve_lower=lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
        diagonal=lambda a: torch.diagonal(a, dim1=-2, dim2=-1),
        normal=lambda shape, like: torch.randn(shape, dtype=like.dtype),
        concatenate=torch.cat,
    )

    def run(formula, arrays):
        tensors = [torch.from_numpy(x) for x in arrays]
        if compiled:
            torch.compiler.reset()  # or it gives up after eight formulas
        function = (
            torch.compile(lambda *x: formula(lib, *x), dynamic=False) if compiled else lambda *x: formula(lib, *x)
        )

        def call():
            with torch.inference_mode():
                return function(*tensors)

        return call

    return run


def jax_runner():
    """Runs formulas in JAX under jit, and waits for their results."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    jax.config.update("jax_enable_x64", True)
    lib = SimpleNamespace(
        log=jnp.log,
        exp=jnp.exp,
        sqrt=jnp.sqrt,
        softplus=jax.nn.softplus,
        sigmoid=jax.nn.sigmoid,
        log_sum_exp=lambda x, axis: jax.scipy.special.logsumexp(x, axis=axis),
        cholesky=jnp.linalg.cholesky,
        solve_lower=lambda a, b: solve_triangular(a, b, lower=True),
        diagonal=lambda a: jnp.diagonal(a, axis1=-2, axis2=-1),
        normal=lambda shape, like: jax.random.normal(jax.random.key(0), shape, like.dtype),
        concatenate=jnp.concatenate,
    )

    def run(formula, arrays):
        on_device = [jnp.asarray(x) for x in arrays]
        function = jax.jit(lambda *x: formula(lib, *x))
        return lambda: jax.block_until_ready(function(*on_device))

    return run


def runners(compilers):
    """{name: runner} of the installed libraries; torch.compile, which takes a while for each formula, if asked for."""
    found = {"numpy": numpy_runner()}
    present = installed(("torch", "jax"))
    if "torch" in present:
        found["torch"] = torch_runner()
        if compilers:
            found["torch.compile"] = torch_runner(compiled=True)
    if "jax" in present:
        found["jax.jit"] = jax_runner()
    return found
