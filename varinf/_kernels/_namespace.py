"""The array library of an array: floor 0, because the references need it too."""

import sys

import array_api_compat
import numpy as np

# A tuple and not a union of types: torch.compile cannot trace `np.ndarray | np.generic`.
NUMPY = (np.ndarray, np.generic)


def namespace(x):
    """The array namespace of `x`; NumPy's for Python numbers."""
    if isinstance(x, (*NUMPY, float, int)):
        return np  # itself, from 2.0 on: array_api_compat's wrapper takes 0.15 s to import
    if is_torch(x):
        # Imported by statement: torch.compile traces neither array_namespace nor importlib.
        import array_api_compat.torch as namespace_of_torch

        return namespace_of_torch
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(x, jax.Array):  # tracers too
        return jax.numpy
    return array_api_compat.array_namespace(x)


def is_torch(x):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)
