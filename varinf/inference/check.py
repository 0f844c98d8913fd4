"""What can be wrong with a target's functions, looked for at a few points."""

import math

import numpy as np

POINTS = 5
STEP = float(np.finfo(np.float64).eps ** (1 / 3))  # of central differences of a gradient
AGREEMENT = 1e-4  # between a gradient and differences, relative to the largest component; differences reach 1e-8 or so


def check(target, rng):
    """`Target.check`, whose docstring says what it raises."""
    z = rng.standard_normal((POINTS, target.free_dim))
    value, gradient = target.value_and_gradient(z)
    finite = np.isfinite(value)
    if not finite.any():
        raise ValueError(
            f"log_prob is {value[0]} at each of {POINTS} standard normal points of the free coordinates: nothing "
            f"to start from. The first is {_vector(target.constrain(z)[0])}"
        )
    alone = np.array([target.log_prob(row[None])[0] for row in z])
    if not np.allclose(alone[finite], value[finite], rtol=1e-8, atol=1e-8):
        worst = np.nanargmax(np.where(finite, np.abs(alone - value), np.nan))
        raise ValueError(
            f"log_prob gives {value[worst]:.8g} for a row among {POINTS} and {alone[worst]:.8g} for the same row "
            "alone: it must score each row by itself, (S, dim) -> (S,)"
        )
    z, gradient = z[finite], gradient[finite]
    if target.has_gradient:
        _compare(target, "gradient", gradient, target.gradient_by_differences(z)[1], z)
    if target._hessian_product is not None:
        v = np.ones_like(z)
        above, below = (target.value_and_gradient(z + sign * STEP * v)[1] for sign in (1, -1))
        if target.has_hessian_product:
            _compare(target, "hessian_product with ones", target.hessian_product(z, v), (above - below) / (2 * STEP), z)


def _compare(target, what, given, differences, z):
    size = np.maximum(1, np.nanmax(np.abs(differences), axis=-1, keepdims=True))
    with np.errstate(invalid="ignore"):
        apart = np.where(np.isfinite(differences), np.abs(given - differences) / size, 0)
    apart = np.where(np.isfinite(given), apart, math.inf)
    row, i = np.unravel_index(np.argmax(apart), apart.shape)
    if apart[row, i] > AGREEMENT:
        raise ValueError(
            f"{what} is {given[row, i]:.8g} in {target.names[i]!r} where central differences of log_prob give "
            f"{differences[row, i]:.8g}, at {_vector(target.constrain(z)[row])}"
        )


def _vector(x):
    return np.array2string(x, precision=4, threshold=6, separator=", ")
