import numpy as np
import pytest

from varinf.divergences.kl import kl
from varinf.evidence.sandwich import sandwich
from varinf.families.diagonal_normal import DiagonalNormal
from varinf.families.full_normal import FullNormal
from varinf.models import EightSchools, LinearGaussian, LogisticRegression


@pytest.fixture(scope="module")
def linear():
    rng = np.random.default_rng(0)
    model = LinearGaussian.from_parameters(rng.normal(size=(4, 2)), rng.normal(size=4), 0.5)
    x, _ = model.sample(200, rng=1)
    return model, x


def test_both_sides_are_right_on_a_batch(linear):
    """z-scores of 200 data: the upper side about log p(x) + KL(posterior || q), the lower about log p(x)."""
    model, x = linear
    posterior, truth = model.posterior(x), model.log_evidence(x)
    q = FullNormal(posterior.loc + 0.2, covariance=1.5 * posterior.covariance)  # wider: the weights are bounded
    b = sandwich(model, x, q, draws=2000, rng=2)
    upper = truth + kl(posterior, q)
    for side, exact in [(b.upper, upper), (b.lower, truth)]:
        z = (side.value - exact) / side.stderr
        assert abs(z.mean()) * np.sqrt(len(z)) < 5
        assert 0.7 < z.std() < 1.3
    assert b.lower.is_bound
    assert b.upper.is_bound
    assert "exact, independent draws from the posterior" in b.assumptions[1]


def test_at_the_posterior_the_sandwich_closes(linear):
    model, x = linear
    b = sandwich(model, x, model.posterior(x), draws=10, rng=0)
    np.testing.assert_allclose(b.gap.value, 0, atol=1e-10)
    np.testing.assert_allclose(b.lower.value, model.log_evidence(x), rtol=1e-10)


def test_eight_schools_from_real_guides():
    model = EightSchools()
    z = model.posterior().sample(4000, rng=0)
    q = FullNormal(z.mean(0), covariance=1.3 * np.cov(z.T))
    b = sandwich(model, None, q, draws=20_000, rng=1)
    truth = model.log_evidence()
    for kind in ("t", "markov"):
        low, high, _ = b.interval(0.999, kind=kind)
        assert low < truth < high
    assert b.lower.value < truth < b.upper.value
    assert b.lower.shape == ()


def test_chains_are_never_called_exact():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 2))
    y = (rng.random(40) < 1 / (1 + np.exp(-X @ [1.0, -1.0]))).astype(float)
    model = LogisticRegression(X, y)
    q = FullNormal(model.mode, scale_tril=model.laplace_tril)
    b = sandwich(model, None, q, draws=4000, rng=4)
    low, high, _ = b.interval(0.999)
    assert low < model.log_evidence() < high
    assert b.upper.bias == "unknown"
    assert not b.upper.is_bound
    assert any("Markov chains" in text for text in b.upper.caveats)
    assert "4 Markov chains" in b.assumptions[1]
    assert "exact" not in " ".join(b.assumptions)
    with pytest.raises(ValueError, match="markov"):
        b.interval(0.9, kind="markov")  # no limit without independent draws


def test_three_dimensions_where_nothing_is_exact():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(30, 3))
    model = LogisticRegression(X, (X[:, 0] > 0).astype(float))
    wide = FullNormal(model.mode, scale_tril=1.2 * model.laplace_tril)
    b = sandwich(model, None, wide, draws=4000, rng=6)
    assert b.interval(0.999).low < b.interval(0.999).high
    assert 0 < b.gap.value < 1


def test_the_seed_and_the_sides_streams(linear):
    model, x = linear
    q = model.mean_field(x)
    a, b = (sandwich(model, x, q, draws=50, rng=7) for _ in range(2))
    np.testing.assert_array_equal(a.lower.value, b.lower.value)
    np.testing.assert_array_equal(a.upper.value, b.upper.value)
    # Sides that shared their noise would have perfectly dependent errors at q = posterior plus a shift.
    q = DiagonalNormal(model.posterior(x).loc, np.sqrt(model.posterior(x).variance))
    a = sandwich(model, x, q, draws=50, rng=8)
    errors = [(side.value - model.log_evidence(x)) for side in (a.lower, a.upper)]
    assert abs(np.corrcoef(errors)[0, 1]) < 0.4


def test_progress_counts_draws_of_both_sides(linear):
    model, x = linear
    seen = []
    sandwich(model, x, model.mean_field(x), draws=30, rng=0, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (60, 60)
    assert seen == sorted(seen)


def test_what_is_missing_is_named(linear):
    model, x = linear

    class Bare:
        log_joint = staticmethod(model.log_joint)

    with pytest.raises(TypeError, match="neither posterior"):
        sandwich(Bare(), x, model.mean_field(x), draws=10)
    with pytest.raises(ValueError, match=r"q has batch shape \(\) but x has shape \(200, 4\).*\(200,\)"):
        sandwich(model, x, model.mean_field(x[:1])[0], draws=10)
    with pytest.raises(ValueError, match=r"q has batch shape \(200,\) but x is None"):
        sandwich(model, None, model.mean_field(x), draws=10)
    with pytest.raises(TypeError, match="x is None: give an array"):
        sandwich(model, None, model.mean_field(x)[0], draws=10)
    with pytest.raises(TypeError, match=r"model=3 has no log_joint"):
        sandwich(3, x, model.mean_field(x))
    with pytest.raises(TypeError, match=r"x=3.*give an array"):
        sandwich(model, 3, model.mean_field(x))
    with pytest.raises(TypeError, match="use a family"):
        sandwich(model, x, model.mean_field, draws=10)
    with pytest.raises(ValueError, match="draws=0"):
        sandwich(model, x, model.mean_field(x), draws=0)


def test_a_bad_log_joint_is_named_on_either_side():
    class Broken(EightSchools):
        calls = 0

        def log_joint(self, x, z):
            self.calls += 1
            log_p = super().log_joint(x, z)
            log_p[7] = np.nan if self.calls == self.bad_call else log_p[7]
            return log_p

    q = DiagonalNormal(EightSchools().posterior().mean, np.full(10, 10.0))
    for Broken.bad_call in (1, 2):
        with pytest.raises(ValueError, match="log_joint gave nan at draw 7 "):
            sandwich(Broken(), None, q, draws=10, rng=0)


def test_a_list_of_data_is_an_array(linear):
    model, x = linear
    q = model.mean_field(x[:2])
    of_list = sandwich(model, x[:2].tolist(), q, draws=10, rng=0)
    np.testing.assert_array_equal(of_list.lower.value, sandwich(model, x[:2], q, draws=10, rng=0).lower.value)
