import numpy as np
import pytest
from exact_cases import Gaussian, Pareto, assert_mean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import varinf as vi
from varinf.diagnostics.caveats import loose

CASES = [Gaussian(0.8), Gaussian(0.5, dim=5), Gaussian(2.0, dim=3), Pareto(0.4), Pareto(0.9)]
finite = st.floats(-50, 50)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_is_unbiased_for_the_exact_elbo(case):
    values = vi.elbo(case.from_q(np.random.default_rng(1), (500, 2000))).value
    assert_mean(values, case.curve(0), sees=0.02)


def test_reference_value():
    assert Gaussian(0.8).curve(0) == pytest.approx(-0.0115718, abs=5e-8)


def test_standard_error_is_the_sample_standard_deviation_over_root_s():
    x = np.random.default_rng(2).normal(3, 2, size=(40, 3))
    b = vi.elbo(x)
    np.testing.assert_allclose(b.value, x.mean(0), rtol=1e-14)
    np.testing.assert_allclose(b.stderr, x.std(0, ddof=1) / np.sqrt(40), rtol=1e-13)
    assert b.degrees == 39


def test_what_it_says_it_is():
    b = vi.elbo([-1.0, -2.0])
    assert (b.direction, b.bias, b.quantity, b.estimand, b.is_bound) == ("lower", "none", "log p(x)", "ELBO", True)
    assert b.draws == 2 and b.objective == "elbo" and b.units == "nats"


def test_a_draw_of_probability_zero_empties_the_bound_and_says_so():
    b = vi.elbo([0.0, -np.inf, 1.0])
    assert b.value == -np.inf and np.isnan(b.stderr)
    assert any(text.startswith("-inf") for text in b.caveats)
    every = vi.elbo(np.full((3, 2), -np.inf))
    assert np.all(every.value == -np.inf)


def test_heavy_weights_make_it_loose_but_leave_its_interval():
    heavy = vi.elbo(1.5 * np.random.default_rng(3).exponential(size=1000))
    assert any("loose; its interval holds" in text for text in heavy.caveats)
    assert loose(vi.elbo(np.random.default_rng(3).normal(0, 0.1, 1000))) is None


def test_one_draw_has_no_error():
    b = vi.elbo([2.5])
    assert b.value == 2.5 and np.isnan(b.stderr) and "one draw" in b.caveats[0]


@given(arrays(np.float64, st.integers(2, 30), elements=finite), st.floats(-1e3, 1e3))
def test_shift_moves_the_value_alone(x, shift):
    a, b = vi.elbo(x), vi.elbo(x + shift)
    assert b.value == pytest.approx(a.value + shift, abs=1e-10)
    assert b.stderr == pytest.approx(a.stderr, rel=1e-6, abs=1e-10)


def test_no_bound_is_negated_by_arithmetic():
    with pytest.raises(TypeError):
        -vi.elbo([1.0, 2.0])
    with pytest.raises(TypeError):
        vi.elbo([1.0, 2.0], units="bits")
