import warnings

import numpy as np
import pytest
from exact_cases import Gaussian, Pareto, assert_mean

import varinf as vi


@pytest.mark.parametrize("case", [Gaussian(0.9), Gaussian(0.95, dim=4), Gaussian(1.5, dim=2), Pareto(0.1)], ids=str)
@pytest.mark.parametrize("order", [1.5, 2, 3])
def test_closed_form_where_the_tail_is_light(case, order):
    x = case.from_q(np.random.default_rng(1), (20_000, 60))
    values = vi.cubo(x, order, on_heavy_tail="ignore").value
    assert_mean(values, case.log_moment(order) / order, sees=0.01)


def test_plug_in_is_biased_low_as_in_the_reference_table():
    """d = 20, s² = 0.6, 10⁴ draws: median 1.54 against the exact 2.94, hence on_heavy_tail."""
    case = Gaussian(0.6, dim=20)
    assert case.log_moment(2) / 2 == pytest.approx(2.94, abs=0.005)
    x = case.from_q(np.random.default_rng(2), (10_000, 200))
    values = vi.cubo(x, on_heavy_tail="ignore").value
    # The median of 200 runs has a standard error of about 1.25 sd/sqrt(200).
    error = 1.25 * np.std(values) / np.sqrt(200)
    assert abs(np.median(values) - 1.54) < 5 * error < 0.2
    with pytest.raises(vi.HeavyTailError, match="of 200 columns"):
        vi.cubo(x)


def test_never_a_bound_whatever_the_tail():
    b = vi.cubo(np.random.default_rng(3).normal(0, 0.05, 5000))
    assert (b.direction, b.bias, b.is_bound) == ("upper", "low", False)
    assert any("no bound" in text for text in b.caveats)
    text = " ".join(str(b).split())
    assert "biased low" in text and "itself an upper bound" in text


HEAVY = 0.8 * np.random.default_rng(4).exponential(size=5000)


def test_heavy_tail_raises():
    with pytest.raises(vi.HeavyTailError, match=r"k_hat of w\^2 is 1\.\d\d, above 0\.70.*on_heavy_tail='ignore'"):
        vi.cubo(HEAVY)
    assert issubclass(vi.HeavyTailError, ValueError)


def test_heavy_tail_warns_at_the_callers_line():
    with pytest.warns(RuntimeWarning, match="can lie below") as record:
        vi.cubo(HEAVY, on_heavy_tail="warn")
    assert record[0].filename == __file__


def test_heavy_tail_ignored_keeps_its_caveat():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        b = vi.cubo(HEAVY, on_heavy_tail="ignore")
    assert any("heavy-tailed" in text for text in b.caveats)


def test_k_hat_is_that_of_the_power():
    x = 0.2 * np.random.default_rng(5).exponential(size=20_000)
    assert vi.cubo(x, 2).k_hat == pytest.approx(vi.psis(2 * x).k_hat)


def test_too_few_draws_to_tell():
    with pytest.raises(vi.HeavyTailError, match="cannot be told from so few draws"):
        vi.cubo(np.zeros(20))
    assert vi.cubo(np.zeros(20), on_heavy_tail="ignore").value == 0
    assert vi.cubo(np.zeros(100)).value == 0  # constant weights: k_hat is -inf, and nothing is heavy


@pytest.mark.parametrize("order", [1, 0.5, -2])
def test_order_must_exceed_one(order):
    with pytest.raises(ValueError, match=r"order=.*above 1"):
        vi.cubo(HEAVY, order)


@pytest.mark.parametrize("order", [np.nan, np.inf])
def test_order_must_be_finite(order):
    with pytest.raises(ValueError, match=r"order=.*finite"):
        vi.cubo(HEAVY, order)


def test_unknown_choice():
    with pytest.raises(ValueError, match="on_heavy_tail='shout': use 'raise', 'warn' or 'ignore'"):
        vi.cubo(HEAVY, on_heavy_tail="shout")
    with pytest.raises(TypeError):
        vi.cubo(HEAVY, on_heavy_tails="warn")


def test_minus_infinity():
    assert vi.cubo([0.0, -np.inf], on_heavy_tail="ignore").value == pytest.approx(0.5 * np.log(0.5))
    assert vi.cubo([-np.inf, -np.inf], on_heavy_tail="ignore").value == -np.inf
