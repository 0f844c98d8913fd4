import math

import mpmath
import numpy as np
import pytest
from exact_cases import Gaussian, Pareto, assert_mean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import varinf as vi
from varinf.evidence import jackknife_evidence as module


def by_definition(log_w, order):
    """Sharot's generalised jackknife as a sum over every subset, in 60 digits; also Tukey's error of order 1."""
    from itertools import combinations

    with mpmath.workdps(60):
        w = [mpmath.e ** mpmath.mpf(float(x)) for x in log_w]
        n = len(w)
        means = [[mpmath.log(mpmath.fsum(kept) / (n - j)) for kept in combinations(w, n - j)] for j in range(order + 1)]
        value = mpmath.mpf(0)
        for j in range(order + 1):
            coefficient = (
                mpmath.mpf(-1) ** j * mpmath.mpf(n - j) ** order / (math.factorial(order - j) * math.factorial(j))
            )
            value += coefficient * mpmath.fsum(means[j]) / len(means[j])
        center = mpmath.fsum(means[1]) / n
        error = mpmath.sqrt(mpmath.mpf(n - 1) / n * mpmath.fsum((m - center) ** 2 for m in means[1]))
        return float(value), float(error)


DRAWS = {
    "even": np.random.default_rng(0).normal(size=12),
    "shifted far": np.random.default_rng(0).normal(size=12) - 700.0,
    "one dominates": np.array([0.0, -40.0, -41.0, -45.0, -39.5]),
    "one in the middle dominates": np.array([-40.0, -41.0, 0.0, -45.0, -39.5]),
    "two dominate": np.array([-60.0, 0.0, -61.0, -1e-13, -59.0]),
    "ties": np.array([0.0, 0.0, 0.0]),
    "beyond the range of exp": np.array([0.0, -800.0, -900.0, -801.0]),
    "some -inf": np.array([0.0, -np.inf, 1.0, 0.5, -np.inf]),
    "three draws": np.array([0.0, 1.0, 3.0]),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("log_w", DRAWS.values(), ids=DRAWS)
def test_by_definition(log_w, order):
    value, error = by_definition(log_w, order)
    b = vi.jackknife_evidence(log_w, order)
    assert b.value == pytest.approx(value, rel=1e-11, abs=1e-12)
    assert b.stderr == pytest.approx(error, rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("order", [1, 2])
def test_batches_are_columns(order, monkeypatch):
    x = np.random.default_rng(1).normal(0, 2, size=(9, 2, 3))
    whole = vi.jackknife_evidence(x, order)
    monkeypatch.setattr(module, "CHUNK", 50)  # several blocks of rows
    for i in np.ndindex(2, 3):
        one = vi.jackknife_evidence(x[(slice(None), *i)], order)
        assert whole.value[i] == pytest.approx(one.value, rel=1e-12)
        assert whole.stderr[i] == pytest.approx(one.stderr, rel=1e-12)
    np.testing.assert_allclose(
        vi.jackknife_evidence(np.moveaxis(x, 0, -1), order, axis=-1).value, whole.value, rtol=1e-12
    )
    single = vi.jackknife_evidence(x.astype(np.float32), order)
    assert single.value.dtype == np.float32 == single.stderr.dtype
    np.testing.assert_allclose(single.value, whole.value, rtol=1e-5, atol=1e-6)


def test_order_zero_is_the_iwelbo():
    x = np.random.default_rng(2).normal(size=(9, 2))
    a, b = vi.jackknife_evidence(x, 0), vi.iwelbo(x)
    np.testing.assert_array_equal(a.value, b.value)
    assert a.direction == "lower" and a.is_bound


@pytest.mark.parametrize("case", [Gaussian(0.9, dim=4), Gaussian(1.3, dim=5), Pareto(0.1)], ids=str)
def test_removes_the_bias(case):
    """At 20 draws order 1 leaves less than a fifth of the IWELBO's bias, order 2 less still; each beyond its noise."""
    k, n = 20, 100_000
    x = case.from_q(np.random.default_rng(3), (k, n)) - case.log_evidence
    control = np.exp(x).mean(0) - 1
    biases, errors = [], []
    for order in (0, 1, 2):
        values = vi.jackknife_evidence(x, order).value - control
        biases.append(np.mean(values))
        errors.append(np.std(values) / math.sqrt(n))
    assert biases[0] < -50 * errors[0]  # what the test could see
    assert abs(biases[1]) < 0.2 * abs(biases[0])
    assert abs(biases[2]) < 0.05 * abs(biases[0]) + 5 * errors[2]


def test_exact_mean_over_two_point_weights():
    """w = 1 ± a by fair coins: E of the order-1 value is a finite sum."""
    a, k = 0.5, 6
    exact = 0.0
    for heads in range(k + 1):
        log_w = np.log(np.where(np.arange(k) < heads, 1 + a, 1 - a))
        exact += math.comb(k, heads) / 2**k * by_definition(log_w, 1)[0]
    x = np.log(np.where(np.random.default_rng(4).random((k, 200_000)) < 0.5, 1 + a, 1 - a))
    assert_mean(vi.jackknife_evidence(x).value, exact, sees=0.004)


def test_error_is_the_replications_spread():
    case = Gaussian(0.8, dim=2)
    x = case.from_q(np.random.default_rng(5), (500, 4000))
    for order in (1, 2):
        b = vi.jackknife_evidence(x[:, : 4000 if order == 1 else 200], order)
        n = b.shape[0]
        assert np.mean(b.stderr) == pytest.approx(np.std(b.value, ddof=1), rel=5 / math.sqrt(2 * n) * 1.5)


def test_errors_of_shared_draws_are_taken_jointly():
    rng = np.random.default_rng(6)
    spread = []
    for _ in range(400):
        e = rng.standard_normal((200, 1))
        b = vi.jackknife_evidence(np.hstack([0.3 * e, 0.5 * e, -0.2 * e]), shared_draws=True)
        spread.append((b.sum().value, b.sum().stderr))
    values, errors = np.transpose(spread)
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=5 / math.sqrt(800))


def test_what_it_says_it_is():
    b = vi.jackknife_evidence(np.random.default_rng(7).normal(0, 0.1, 100))
    assert (b.direction, b.bias, b.is_bound, b.quantity) == ("neither", "unknown", False, "log p(x)")
    assert b.estimand == "jackknife log evidence of order 1 from 100 draws"
    assert "not a bound" in str(b) and b.caveats == () and b.k_hat is not None


def test_too_few_draws_with_weight():
    b = vi.jackknife_evidence([[0.0, 0.0, -np.inf], [-np.inf, 1.0, -np.inf]])
    assert np.isnan(b.value[0]) and np.isfinite(b.value[1]) and b.value[2] == -np.inf
    assert any("nan in 1 of 3 values" in text for text in b.caveats)
    assert np.isnan(vi.jackknife_evidence([0.0, 1.0, -np.inf, -np.inf], 2).value)


@pytest.mark.parametrize("order", [3, -1, 1.5, "1", True, None])
def test_order_errors(order):
    with pytest.raises(ValueError, match=r"order=.*use 0, 1 or 2"):
        vi.jackknife_evidence([0.0, 1.0, 2.0, 3.0], order)


@pytest.mark.parametrize("order", [1, 2])
def test_needs_more_draws_than_it_leaves_out(order):
    with pytest.raises(ValueError, match=f"order={order} leaves {order} out of {order} draw"):
        vi.jackknife_evidence(np.zeros(order), order)


def test_order_two_refuses_many_draws():
    with pytest.raises(ValueError, match=r"order=2 over 4,097 draws.*use order=1"):
        vi.jackknife_evidence(np.zeros(4097), 2)


@given(arrays(np.float64, st.integers(3, 15), elements=st.floats(-20, 20)), st.floats(-500, 500))
def test_shift_and_permutation(x, shift):
    for order in (1, 2):
        a = vi.jackknife_evidence(x, order).value
        assert vi.jackknife_evidence(x[::-1] + shift, order).value == pytest.approx(a + shift, rel=1e-9, abs=1e-7)


@given(arrays(np.float64, st.integers(2, 15), elements=st.floats(-20, 20)))
def test_lifts_the_iwelbo(x):
    """By Jensen's inequality the mean of the leave-one-out values is at most the value of all draws."""
    assert vi.jackknife_evidence(x).value >= vi.iwelbo(x).value - 1e-10


@pytest.mark.parametrize("order", [1, 2])
def test_other_libraries(library, order):
    to, back = library
    x = np.random.default_rng(8).normal(-31, 1, size=(20, 3))
    b = vi.jackknife_evidence(to(x), order)
    np.testing.assert_allclose(back(b.value), vi.jackknife_evidence(x, order).value, rtol=1e-12)
    np.testing.assert_allclose(back(b.stderr), vi.jackknife_evidence(x, order).stderr, rtol=1e-10)


@pytest.mark.parametrize("order", [1, 2])
def test_gradient(gradient, order):
    x, h = np.random.default_rng(9).normal(-31, 1, size=8), 1e-5
    slopes = [
        (vi.jackknife_evidence(x + h * e, order).value - vi.jackknife_evidence(x - h * e, order).value) / (2 * h)
        for e in np.eye(8)
    ]
    found = gradient(lambda log_w: vi.jackknife_evidence(log_w, order).value, x)
    np.testing.assert_allclose(found, slopes, atol=1e-7)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("order", [1, 2])
def test_gradient_where_weights_are_zero(gradient, order):
    """No weight at all pulls nowhere; draws of weight zero beside others leave the others' gradient finite."""
    x = np.array([[-np.inf, 0.0], [-np.inf, 1.0], [-np.inf, -np.inf], [-np.inf, 0.5]])
    found = gradient(lambda log_w: vi.jackknife_evidence(log_w, order).value, x)
    np.testing.assert_array_equal(found[:, 0], np.zeros(4))
    assert found[:, 1].sum() == pytest.approx(1) and np.all(np.isfinite(found[:, 1]))
