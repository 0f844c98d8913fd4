import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # exact_cases and study, which several test modules share


@pytest.fixture(params=["array_api_strict", "torch", "jax"])
def library(request):
    """(to, back): arrays of another library from NumPy's, and back."""
    package = pytest.importorskip(request.param)
    if request.param == "torch":
        yield package.tensor, lambda x: x.detach().numpy()
    elif request.param == "jax":
        with package.enable_x64(True):
            yield package.numpy.asarray, np.asarray
    else:
        yield package.asarray, np.asarray


@pytest.fixture(params=["torch", "jax"])
def gradient(request):
    """gradient(f, x): that of f's sum by another library's automatic differentiation, under jit for JAX."""
    package = pytest.importorskip(request.param)

    def by_torch(f, *arguments):
        x, *rest = (package.tensor(a) for a in arguments)
        x.requires_grad_()
        f(x, *rest).sum().backward()
        return x.grad.numpy()

    def by_jax(f, *arguments):
        with package.enable_x64(True):
            arguments = [package.numpy.asarray(a) for a in arguments]
            return np.asarray(package.jit(package.grad(lambda *how: f(*how).sum()))(*arguments))

    return by_torch if request.param == "torch" else by_jax
