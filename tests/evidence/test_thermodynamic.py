import math

import numpy as np
import pytest
from exact_cases import Gaussian, Pareto, assert_mean
from scipy.integrate import quad

import varinf as vi

BETAS = np.array([0.0, 0.1, 0.3, 0.5, 0.6, 0.8, 1.0])
CASES = [Gaussian(0.5), Gaussian(0.7, dim=4), Gaussian(2.0, dim=3), Pareto(0.5)]


def both(case, rng, shape):
    return case.from_q(rng, shape), case.from_posterior(rng, shape)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_exact_cases_agree_with_the_identity(case):
    """The closed forms themselves: log p(x) is the integral of the curve."""
    assert quad(case.curve, 0, 1)[0] == pytest.approx(case.log_evidence, abs=1e-8)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_curve_at_each_beta(case):
    """Self-normalised averages are biased by O(1/S): at 4,000 draws far below what the test sees."""
    t = vi.thermodynamic(*both(case, np.random.default_rng(1), (4000, 200)), betas=BETAS)
    values = np.asarray(t.curve)
    assert values.shape == (7, 200)
    for beta, row in zip(BETAS, values, strict=True):
        assert_mean(row, case.curve(beta), sees=0.03)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_integral(case):
    t = vi.thermodynamic(*both(case, np.random.default_rng(2), (4000, 200)), betas=[0])
    assert_mean(t.log_evidence.value, case.log_evidence, sees=0.02)


def test_bias_is_its_estimate():
    """At 50 draws the O(1/S) bias of each half is visible; more draws of one kind leave the other's."""
    case, rng, n, m = Gaussian(0.6, dim=4), np.random.default_rng(3), 50, 150
    x, y = case.from_q(rng, (n, 20_000)), case.from_posterior(rng, (m, 20_000))
    b = vi.thermodynamic(x, y, betas=[0]).log_evidence
    # The halves' means, whose exact values are known, take out the noise of first order.
    log_z = case.log_moment(0.5)
    control = (np.exp(x / 2 - log_z).mean(0) - 1) - (np.exp(-y / 2 - log_z).mean(0) - 1)
    relative_variance = math.exp(-2 * log_z) - 1  # of w^½ under q and of w^(−½) under the posterior alike
    exact = relative_variance * (1 / m - 1 / n) / 2
    assert_mean(b.value - control, exact, sees=0.2 * abs(exact))
    assert np.mean(b.bias_estimate) == pytest.approx(exact, rel=0.15)  # a plug-in from 50 draws, itself biased


def test_errors_are_the_replications_spread():
    case = Gaussian(0.6, dim=2)
    t = vi.thermodynamic(*both(case, np.random.default_rng(4), (1000, 4000)), betas=BETAS)
    rel = 5 * 1.5 / math.sqrt(2 * 4000)  # heavier tails than a normal's widen the spread of a variance by half
    for row, errors in zip(np.asarray(t.curve), t.curve.stderr, strict=True):
        assert np.mean(errors) == pytest.approx(np.std(row, ddof=1), rel=rel)
    assert np.mean(t.log_evidence.stderr) == pytest.approx(np.std(t.log_evidence.value, ddof=1), rel=rel)


def test_integral_is_that_of_the_curve_at_every_beta():
    """On one sample each, the closed forms of the two halves are the integrals of their estimated curves."""
    x, y = both(Gaussian(0.6, dim=3), np.random.default_rng(5), 400)
    left = np.linspace(0, 0.5, 201)
    curve = [np.sum(np.exp(b * x) * x) / np.sum(np.exp(b * x)) for b in left]
    curve_right = [np.sum(np.exp((b - 1) * y) * y) / np.sum(np.exp((b - 1) * y)) for b in left + 0.5]
    t = vi.thermodynamic(x, y, betas=left)
    np.testing.assert_allclose(np.asarray(t.curve), curve, rtol=1e-10, atol=1e-12)
    integral = np.trapezoid(curve, left) + np.trapezoid(curve_right, left)
    assert t.log_evidence.value == pytest.approx(integral, abs=1e-5)


def test_curve_rises():
    """Within each half, on any sample: the derivative is a variance."""
    x, y = both(Pareto(0.7), np.random.default_rng(6), (300, 20))
    t = vi.thermodynamic(x, y, betas=np.linspace(0, 1, 21))
    rises = np.diff(np.asarray(t.curve), axis=0)
    assert np.all(rises[:10] > 0) and np.all(rises[11:] > 0)


def test_ends_are_the_elbo_and_the_eubo():
    x, y = both(Gaussian(0.7), np.random.default_rng(7), (50, 3))
    t = vi.thermodynamic(x, y)
    assert t.betas == pytest.approx(np.linspace(0, 1, 11))
    for end, estimate, bound in ((0, t.lower, vi.elbo(x)), (-1, t.upper, vi.eubo(y))):
        np.testing.assert_array_equal(estimate.value, bound.value)
        np.testing.assert_array_equal(np.asarray(t.curve)[end], bound.value)
        np.testing.assert_allclose(t.curve.stderr[end], bound.stderr, rtol=1e-14)
        assert estimate.direction == bound.direction and estimate.is_bound


def test_what_it_says_it_is():
    x, y = both(Gaussian(0.9), np.random.default_rng(8), 500)
    b = vi.thermodynamic(x, y[:300]).log_evidence
    assert (b.direction, b.bias, b.is_bound, b.quantity) == ("exact", "unknown", False, "log p(x)")
    assert b.draws == 800 and b.degrees == 299 and b.caveats == ()
    with pytest.raises(ValueError, match="markov"):
        b.interval(kind="markov")
    text = str(vi.thermodynamic(x, y))
    assert "integral:" in text and "lower bound" in text and "upper bound" in text
    text.encode("cp1252")
    str(vi.thermodynamic(x, y).curve).encode("cp1252")


def test_shared_draws_take_the_errors_jointly():
    rng, sums, errors = np.random.default_rng(9), [], []
    for _ in range(400):
        e, f = rng.standard_normal((300, 1)), rng.standard_normal((200, 1))
        columns = [0.5 * s * e - 0.125 for s in (1, 1, -1)], [0.5 * s * f + 0.125 for s in (1, 1, -1)]
        b = vi.thermodynamic(np.hstack(columns[0]), np.hstack(columns[1]), betas=[0], shared_draws=True)
        sums.append(b.log_evidence.sum().value)
        errors.append(b.log_evidence.sum().stderr)
    assert np.mean(errors) == pytest.approx(np.std(sums, ddof=1), rel=5 / math.sqrt(800))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_place_on_the_curve_averages_over_the_data(shared, place):
    """At one beta the data share draws if the caller says so; the error is the spread over replications."""
    rng, means, errors = np.random.default_rng(14), [], []
    columns = 1 if shared else 3
    for _ in range(400):
        x, y = rng.standard_normal((300, columns)), rng.standard_normal((200, columns))
        scale = np.array([0.5, 0.4, 0.3])
        t = vi.thermodynamic(
            x * scale - scale**2 / 2, y * scale + scale**2 / 2, betas=[0, 0.3, 0.8, 1], shared_draws=shared
        )
        mean = t.curve[place].mean()
        means.append(mean.value)
        errors.append(mean.stderr)
    assert np.mean(errors) == pytest.approx(np.std(means, ddof=1), rel=5 / math.sqrt(800))
    each = t.curve[place]
    if not shared:
        assert each.mean().stderr == pytest.approx(np.linalg.norm(each.stderr) / 3, rel=1e-12)


def test_the_whole_curve_shares_its_draws():
    """Places on one curve are dependent: their mean takes the error jointly, data with draws of their own included."""
    rng, means, errors = np.random.default_rng(15), [], []
    for _ in range(400):
        x, y = rng.normal(-0.1, 0.5, (200, 2)), rng.normal(0.1, 0.5, (300, 2))
        mean = vi.thermodynamic(x, y, betas=[0, 0.2, 0.4, 0.7]).curve.mean()
        means.append(mean.value)
        errors.append(mean.stderr)
    assert np.mean(errors) == pytest.approx(np.std(means, ddof=1), rel=5 / math.sqrt(800))


def test_heavy_halves_speak():
    rng = np.random.default_rng(10)
    b = vi.thermodynamic(rng.normal(-50, 10, 1000), rng.normal(50, 10, 1000)).log_evidence
    assert any("hardly overlap" in text for text in b.caveats)


def test_infinite_log_weights():
    t = vi.thermodynamic([0.0, -np.inf, 0.0, 0.0], [0.0, np.inf, 0.0], betas=[0, 0.25, 0.75, 1])
    np.testing.assert_array_equal(np.asarray(t.curve), [-np.inf, 0.0, 0.0, np.inf])
    assert t.log_evidence.value == pytest.approx(math.log(3 / 4) - math.log(2 / 3))
    apart = vi.thermodynamic([-np.inf] * 3, [np.inf] * 4, betas=[0.3]).log_evidence
    assert np.isnan(apart.value) and any("no draw in common support" in text for text in apart.caveats)
    with pytest.raises(ValueError, match="log_weights_at_posterior_draws has 1 values of -inf of 2"):
        vi.thermodynamic([0.0], [0.0, -np.inf])
    with pytest.raises(ValueError, match=r"log_weights has 1 values that are nan or \+inf of 2"):
        vi.thermodynamic([0.0, np.inf], [0.0, 0.0])


def test_axis_dtype_and_draws_of_different_number():
    x, y = both(Gaussian(0.7), np.random.default_rng(11), (60, 2, 3))
    whole = vi.thermodynamic(x, y[:40], betas=BETAS)
    turned = vi.thermodynamic(np.moveaxis(x, 0, -1), np.moveaxis(y[:40], 0, -1), betas=BETAS, axis=-1)
    np.testing.assert_allclose(turned.log_evidence.value, whole.log_evidence.value, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(turned.curve), np.asarray(whole.curve), rtol=1e-12)
    single = vi.thermodynamic(x.astype(np.float32), y[:40].astype(np.float32), betas=BETAS)
    assert {single.curve.value.dtype, single.log_evidence.value.dtype, single.log_evidence.stderr.dtype} == {
        np.dtype(np.float32)
    }
    np.testing.assert_allclose(np.asarray(single.curve), np.asarray(whole.curve), rtol=1e-5, atol=1e-6)


def test_errors():
    with pytest.raises(ValueError, match=r"shape \(3, 2\) but log_weights_at_posterior_draws has shape \(4, 3\)"):
        vi.thermodynamic(np.zeros((3, 2)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"betas=.*from 0"):
        vi.thermodynamic([0.0], [0.0], betas=[0.5, 1.5])
    with pytest.raises(ValueError, match=r"betas=.*from 0"):
        vi.thermodynamic([0.0], [0.0], betas=[np.nan])
    with pytest.raises(ValueError, match=r"betas has shape \(\); give a vector"):
        vi.thermodynamic([0.0], [0.0], betas=0.5)
    with pytest.raises(ValueError, match="no draws"):
        vi.thermodynamic([0.0], [])


def test_one_draw_each_has_no_error():
    t = vi.thermodynamic([1.0], [2.0])
    assert t.log_evidence.value == pytest.approx(1.5) and np.isnan(t.log_evidence.stderr)
    assert any("one draw" in text for text in t.log_evidence.caveats)
    assert len(set(t.caveats)) == len(t.caveats)
    assert {*t.log_evidence.caveats, *t.lower.caveats, *t.curve.caveats} <= set(t.caveats)


def test_other_libraries(library):
    to, back = library
    x, y = both(Gaussian(0.5, dim=2), np.random.default_rng(12), (30, 3))
    ours, theirs = vi.thermodynamic(x, y, BETAS), vi.thermodynamic(to(x), to(y), BETAS)
    for name in ("curve", "log_evidence", "lower", "upper"):
        np.testing.assert_allclose(back(getattr(theirs, name).value), getattr(ours, name).value, rtol=1e-11)
        np.testing.assert_allclose(back(getattr(theirs, name).stderr), getattr(ours, name).stderr, rtol=1e-9)
    assert str(theirs) == str(ours)


def test_gradient(gradient):
    """d/d log w of log mean w^½ is half the self-normalised weight of w^½."""
    x, y = both(Gaussian(0.5, dim=2), np.random.default_rng(13), 10)
    found = gradient(lambda *how: vi.thermodynamic(*how).log_evidence.value, x, y)
    np.testing.assert_allclose(found, 0.5 * vi.importance_weights(x / 2), rtol=1e-10)
