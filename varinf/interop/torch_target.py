"""torch: a log density of one parameter vector as a target, mapped over draws and differentiated."""

import numpy as np

try:
    import torch
except ImportError as error:
    raise ImportError('Target.from_torch needs torch: pip install "varinf[torch]"') from error

from varinf.inference.target import Target

BLOCK = 512  # rows at once, so that intermediate arrays of all rows stay small


def target_from_torch(f, dim, *, names=None, transforms=None, batched=False):
    """`varinf.Target.from_torch`, whose docstring says what it takes and raises."""
    rows = f if batched else _mapped(f)

    # Rows do not meet: the gradient of their sum has each row's own.
    def total(x):
        value = rows(x)
        if not isinstance(value, torch.Tensor) or value.shape != x.shape[:1]:
            each = "(S,) for parameters (S, dim)" if batched else "a number, of shape (), for parameters (dim,)"
            found = tuple(value.shape if batched else value.shape[1:]) if hasattr(value, "shape") else type(value)
            raise ValueError(f"f returned {found}; it must be {each}")
        return value.sum(), value

    def value_and_gradient(x):
        gradient, (_, value) = torch.func.grad_and_value(total, has_aux=True)(x)
        return value, gradient

    def hessian_product(x, v):  # forward over reverse: no matrix is formed
        return torch.func.jvp(lambda x: torch.func.grad(total, has_aux=True)(x)[0], (x,), (v,))[1]

    return Target(
        _on_arrays(lambda x: total(x)[1]),
        dim,
        value_and_gradient=_on_arrays(value_and_gradient),
        hessian_product=_on_arrays(hessian_product),
        names=names,
        transforms=transforms,
    )


def _mapped(f):
    many = torch.func.vmap(f)

    def rows(x):
        try:
            return many(x)
        except RuntimeError as error:
            if "vmap" not in str(error):
                raise
            raise ValueError(
                "torch.func.vmap cannot run f on several parameter vectors. Write f for all of them, (S, dim) to (S,), "
                "and give batched=True; or take out of it what looks at values, such as .item(), `if` and the checks "
                "of torch.distributions, which validate_args=False leaves out"
            ) from error

    return rows


def _on_arrays(function):
    """The function on NumPy arrays, a block of rows at a time."""

    def call(*arrays):
        tensors = [torch.from_numpy(np.array(x, dtype=np.float64)) for x in arrays]
        with torch.no_grad():  # transforms of torch.func record what they need themselves
            blocks = [function(*block) for block in zip(*(x.split(BLOCK) for x in tensors), strict=True)]
        if isinstance(blocks[0], tuple):
            return tuple(_array(parts) for parts in zip(*blocks, strict=True))
        return _array(blocks)

    return call


def _array(tensors):
    return torch.cat(tensors).detach().cpu().numpy()
