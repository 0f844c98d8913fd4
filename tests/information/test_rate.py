"""The rate: known values, both populations, families with and without a closed form, and what is refused."""

import math

import numpy as np
import pytest
from theorem3 import RATE, RATE_STANDARD, channel, posteriors

from varinf._lens import lens
from varinf.families.categorical import Categorical
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.families.mixture import Mixture
from varinf.families.student_t import StudentT
from varinf.information.rate import rate


def test_channel():
    q, r = channel()
    assert float(rate(q, r, over="dataset")) == pytest.approx(RATE, abs=1e-10)
    assert float(rate(q, over="dataset")) == pytest.approx(RATE_STANDARD, abs=1e-15)


def test_dataset_is_exact():
    b = rate(posteriors(7, 2), over="dataset")
    assert (b.quantity, str(b.direction), b.bias, b.is_bound) == ("I(n;Z)", "upper", "none", True)
    assert float(b.stderr) == 0 and b.interval().low == b.value and b.draws is None and b.caveats == ()


def test_population_error_is_that_of_the_data():
    q = posteriors(200, 3)
    b, each = rate(q), np.array([float(rate(q[i : i + 1], over="dataset")) for i in range(200)])
    assert (b.quantity, str(b.direction), b.is_bound, b.degrees, b.draws) == ("I(X;Z)", "upper", True, 199, None)
    assert float(b) == pytest.approx(each.mean(), rel=1e-12)
    assert float(b.stderr) == pytest.approx(each.std(ddof=1) / math.sqrt(200), rel=1e-12)
    assert "if these data fitted neither" in b.caveats[0]
    assert "draws" not in f"{b}{lens(b)}"  # a closed form draws nothing


def test_population_covers_the_expected_rate():
    """x ~ N(0, 1), z = x + N(0, 1/4), r = N(0, 1): E KL = (1/4 + 1 - 1 - log 1/4)/2."""
    truth = (0.25 - math.log(0.25)) / 2
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(100):
        b = rate(DiagonalNormal(rng.normal(size=(100, 1)), np.full((100, 1), 0.5)))
        scores.append((float(b) - truth) / float(b.stderr))
    assert abs(np.mean(scores)) < 5 / math.sqrt(100) and 0.7 < np.std(scores) < 1.4


def test_one_datum_has_no_population():
    b = rate(posteriors(1, 2))
    assert math.isnan(b.stderr) and "one datum leaves no standard error" in b.caveats[0]


@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_monte_carlo_agrees_with_the_closed_form(kind):
    q = posteriors(20, 2, kind)
    r = FullNormal([0.5, 0.0], covariance=[[2.0, 0.3], [0.3, 1.0]])
    exact = float(rate(q, r, over="dataset"))
    for over in ("dataset", "population"):
        b = rate(q, r, over=over, draws=2_000, rng=1)
        assert b.draws == 40_000 and b.stderr > 0
        assert abs(float(b) - exact) < 5 * float(rate(q, r, over="dataset", draws=2_000, rng=1).stderr)
    assert float(rate(q, r, draws=50, rng=2)) == float(rate(q, r, draws=50, rng=2))


@pytest.mark.parametrize("r", [StudentT(5.0, [0.0, 0.0], [1.0, 1.0]), Mixture(None, posteriors(4, 2, seed=9))])
def test_references_without_a_closed_form(r):
    """By plain Monte Carlo of its own; the information cannot exceed it."""
    q = posteriors(15, 2)
    b = rate(q, r, over="dataset", rng=0)
    z = q.sample(20_000, rng=5)
    by_hand = (q.log_prob(z) - r.log_prob(z)).mean(axis=0)
    noise = (q.log_prob(z) - r.log_prob(z)).std() / math.sqrt(z[..., 0].size)
    assert abs(float(b) - by_hand.mean()) < 5 * math.hypot(float(b.stderr), noise)
    assert b.draws == 15_000


def test_categories_need_a_reference_of_their_own():
    q = Categorical(probs=[[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    with pytest.raises(ValueError, match=r"give reference=, such as Categorical\(logits=\[0.0\] \* 3\)"):
        rate(q)
    uniform = Categorical(logits=[0.0] * 3)
    assert float(rate(q, reference=uniform, over="dataset")) == pytest.approx(math.log(3) - np.mean(q.entropy()))


def test_float32_stays_float32():
    q = posteriors(30, 2, dtype=np.float32)
    for over in ("dataset", "population"):
        b = rate(q, over=over)
        assert b.value.dtype == np.float32 and b.stderr.dtype == np.float32
        assert float(b) == pytest.approx(
            float(rate(DiagonalNormal(q.loc.astype(float), q.scale.astype(float)))), rel=1e-5
        )


def test_torch_value_and_gradient():
    torch = pytest.importorskip("torch")
    q = posteriors(6, 2)
    loc = torch.tensor(q.loc, requires_grad=True)
    b = rate(DiagonalNormal(loc, torch.tensor(q.scale)))
    assert float(b.value.detach()) == pytest.approx(float(rate(q)), rel=1e-12)
    b.value.backward()
    np.testing.assert_allclose(loc.grad.numpy(), q.loc / 6, rtol=1e-12)  # d/dloc of the mean of |loc|^2/2


def test_jax_value_and_gradient():
    jax = pytest.importorskip("jax")
    q = posteriors(6, 2)

    def value(loc):
        return rate(DiagonalNormal(loc, jax.numpy.asarray(q.scale))).value

    loc = jax.numpy.asarray(q.loc)
    assert float(jax.jit(value)(loc)) == pytest.approx(float(rate(q)), rel=1e-6)
    np.testing.assert_allclose(jax.grad(value)(loc), q.loc / 6, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"over": "data"}, ValueError, "over='data': use 'population'"),
        ({"q": DiagonalNormal([0.0], [1.0])}, ValueError, r"q has batch shape \(\); give one distribution per datum"),
        ({"q": DiagonalNormal(np.zeros((0, 2)), np.ones((0, 2)))}, ValueError, r"q has batch shape \(0,\)"),
        ({"q": np.zeros((3, 2))}, TypeError, "q is ndarray; give a family"),
        ({"reference": 1.0}, TypeError, "reference is float; give a family"),
        ({"reference": posteriors(4, 2)}, ValueError, r"reference has batch shape \(4,\); r\(z\) is one distribution"),
        ({"reference": DiagonalNormal.standard(3)}, ValueError, "reference has dim 3 but q has dim 2"),
        ({"draws": 0}, ValueError, "draws"),
    ],
)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        rate(**{"q": posteriors(4, 2), **arguments})


def test_unknown_keyword():
    with pytest.raises(TypeError, match="prior"):
        rate(posteriors(4, 2), prior=None)
