"""JAX: a log density of one parameter vector as a target, mapped over draws, differentiated and compiled."""

import numpy as np

try:
    import jax
except ImportError as error:
    raise ImportError('Target.from_jax needs JAX: pip install "varinf[jax]"') from error
try:
    from jax import enable_x64
except ImportError:  # before JAX 0.8
    from jax.experimental import enable_x64

from varinf.inference.target import Target

FEWEST, MOST = 16, 512  # rows of a compiled call, a power of two between them


def target_from_jax(f, dim, *, names=None, transforms=None, batched=False):
    """`varinf.Target.from_jax`, whose docstring says what it takes and raises."""
    _one_number_each(f, dim, batched)
    rows = f if batched else jax.vmap(f)

    # Rows do not meet: the gradient of their sum has each row's own.
    def total(x):
        value = rows(x)
        return value.sum(), value

    def value_and_gradient(x):
        (_, value), gradient = jax.value_and_grad(total, has_aux=True)(x)
        return value, gradient

    def hessian_product(x, v):  # forward over reverse: no matrix is formed
        return jax.jvp(lambda x: jax.grad(total, has_aux=True)(x)[0], (x,), (v,))[1]

    return Target(
        _compiled(rows),
        dim,
        value_and_gradient=_compiled(value_and_gradient),
        hessian_product=_compiled(hessian_product),
        names=names,
        transforms=transforms,
    )


def _one_number_each(f, dim, batched):
    given, wanted = ((2, dim), (2,)) if batched else ((dim,), ())
    with enable_x64(True):
        answer = jax.eval_shape(f, jax.ShapeDtypeStruct(given, np.float64))
    if getattr(answer, "shape", None) != wanted:
        shape = getattr(answer, "shape", type(answer).__name__)
        hint = "batched=True takes (S, dim) to (S,)" if batched else "a log density of one vector is one number"
        raise ValueError(f"f returned {shape} for parameters of shape {given}; it must be {wanted}: {hint}")


def _compiled(function):
    """The function on NumPy arrays of any number of rows, in blocks whose numbers of rows are few.

    XLA compiles for each shape, for half a second, and runs in milliseconds: rows that are computed for nothing cost
    less than a shape of their own. Blocks also bound the memory that intermediate arrays of all rows would take.
    """
    compiled = jax.jit(function)

    def call(*arrays):
        blocks = []
        with enable_x64(True):
            for start in range(0, len(arrays[0]), MOST):
                block = [x[start : start + MOST] for x in arrays]
                rows = len(block[0])
                more = max(FEWEST, 1 << (rows - 1).bit_length()) - rows
                filled = [np.concatenate([x, np.repeat(x[-1:], more, axis=0)]) for x in block]
                blocks.append(jax.tree.map(lambda y, n=rows: np.asarray(y)[:n], compiled(*filled)))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *blocks)

    return call
