"""Closed forms of R(D): each against the solver, its slope against differences, and its ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from varinf.tradeoffs.blahut_arimoto import blahut_arimoto
from varinf.tradeoffs.closed_forms import binary_rate_distortion, laplace_rate_distortion, uniform_rate_distortion


@pytest.mark.parametrize("slope", [0.9, 2.0, 6.0])
def test_against_the_solver_for_discrete_sources(slope):
    """The least of R(D) + slope D is to the gap of 1e-10 the solver's."""
    coin = blahut_arimoto([0.3, 0.7], 1 - np.eye(2), slope)
    assert coin.rate == pytest.approx(binary_rate_distortion(0.3, coin.distortion), abs=1e-8)
    symbols = blahut_arimoto(np.full(7, 1 / 7), 1 - np.eye(7), slope)
    assert symbols.rate == pytest.approx(uniform_rate_distortion(7, symbols.distortion), abs=1e-8)


@pytest.mark.parametrize("slope", [1.5, 3.0])
def test_laplace_against_the_solver_on_a_grid(slope):
    """Cells of width h, represented by their middles: probabilities are exact, distances within them are lost.

    The error X − Y is then Laplace on a lattice, of entropy and mean that differ from those of the density in order h².
    """
    h, reach = 0.05, 12.0
    x = np.arange(-reach, reach + h / 2, h)
    p = np.exp(-np.abs(x))
    p /= p.sum()
    distortion = np.abs(x[:, None] - x)
    point = blahut_arimoto(p, distortion, slope)
    assert point.converged
    exact = laplace_rate_distortion(1.0, 1 / slope) + 1.0  # R + slope D at D = 1 / slope
    assert point.upper == pytest.approx(exact, abs=(slope * h) ** 2)
    coarse = blahut_arimoto(p[::2] / p[::2].sum(), distortion[::2, ::2], slope)
    # Of order h²: twice the width, four times the error.
    assert (coarse.upper - exact) / (point.upper - exact) == pytest.approx(4, rel=0.1)


CURVES = [
    (lambda D: binary_rate_distortion(0.3, D), lambda D: math.log((1 - D) / D), 0.3),
    (lambda D: uniform_rate_distortion(6, D), lambda D: math.log((1 - D) * 5 / D), 5 / 6),
    (lambda D: laplace_rate_distortion(2.0, D), lambda D: 1 / D, 2.0),
]


@pytest.mark.parametrize(("curve", "slope", "most"), CURVES)
@given(share=st.floats(0.02, 0.98))
def test_the_slope_is_minus_the_derivative(curve, slope, most, share):
    D, h = share * most, 1e-6 * most
    low, high = curve(np.array([D - h, D + h]))
    # Second order in h / D, at most 1e-9 of the slope; rounding of R over h.
    assert -(high - low) / (2 * h) == pytest.approx(slope(D), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(("curve", "slope", "most"), CURVES)
def test_the_ends(curve, slope, most):
    assert curve([most, 2 * most, math.inf]).tolist() == [0, 0, 0]
    assert 0 < curve(most * (1 - 1e-6)) < 1e-4
    assert type(curve(0.1)) is float
    assert curve(np.array([0.1], dtype=np.float32)).dtype == np.float32
    assert curve(np.full((2, 3), 0.1)).shape == (2, 3)


def test_values():
    assert binary_rate_distortion(0.5, 0.11) / math.log(2) == pytest.approx(0.5000840418, abs=1e-10)
    assert binary_rate_distortion(0.5, 0.0) == pytest.approx(math.log(2), rel=1e-15)
    assert binary_rate_distortion(0.3, 0.1) == pytest.approx(binary_rate_distortion(0.7, 0.1), rel=1e-14)
    assert binary_rate_distortion(0.0, 0.0) == binary_rate_distortion(1.0, 0.0) == 0.0
    assert uniform_rate_distortion(2, 0.11) == pytest.approx(binary_rate_distortion(0.5, 0.11), rel=1e-14)
    assert uniform_rate_distortion(9, 0.0) == pytest.approx(math.log(9), rel=1e-15)
    assert uniform_rate_distortion(1, 0.0) == 0.0
    assert laplace_rate_distortion(2.0, 0.5) == pytest.approx(math.log(4), rel=1e-15)
    assert laplace_rate_distortion(2.0, 0.0) == math.inf


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: binary_rate_distortion(1.5, 0.1), ValueError, "p=1.5: use a probability"),
        (lambda: binary_rate_distortion("fair", 0.1), TypeError, "p='fair'"),
        (lambda: binary_rate_distortion(0.5, -0.1), ValueError, "distortion has 1 values that are negative or nan"),
        (lambda: uniform_rate_distortion(0, 0.1), ValueError, "n=0"),
        (lambda: uniform_rate_distortion(3, [0.1, math.nan]), ValueError, "the first at index 1"),
        (lambda: laplace_rate_distortion(0.0, 0.1), ValueError, "scale=0.0: use a positive number"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_arrays_of_other_libraries_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"distortion is a torch.Tensor; give a number or a NumPy array"):
        binary_rate_distortion(0.5, torch.tensor(0.1))
