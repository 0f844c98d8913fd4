import mpmath as mp
import numpy as np
import pytest

from varinf.models import logistic_regression
from varinf.models.logistic_regression import LogisticRegression


def labels(X, z, rng):
    return (rng.random(len(X)) < 1 / (1 + np.exp(-X @ z))).astype(float)


@pytest.mark.parametrize(
    ("X", "y", "prior_scale"),
    [([1.0, 2.0], [1, 0], 1.0), ([0.5, -3.0, 2.0], [1, 1, 0], 5.0), ([4.0, 6.0, 9.0], [1, 1, 1], 3.0)],
)
def test_one_dimension_against_high_precision(X, y, prior_scale):
    def joint(z):
        terms = (1 / (1 + mp.exp(-(2 * label - 1) * feature * z)) for feature, label in zip(X, y, strict=True))
        return mp.npdf(z, 0, prior_scale) * mp.fprod(terms)

    with mp.workdps(25):
        truth = mp.log(mp.quad(joint, [-30 * prior_scale, -5, -1, 0, 1, 5, 30 * prior_scale]))
    value = LogisticRegression(np.reshape(X, (-1, 1)), y, prior_scale).log_evidence()
    assert value == pytest.approx(float(truth), abs=1e-11)


def test_two_dimensions_against_gauss_legendre():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(15, 2))
    model = LogisticRegression(X, labels(X, np.array([1.0, -2.0]), rng), 2.0)
    nodes, weights = (14 * part for part in np.polynomial.legendre.leggauss(200))
    z = np.stack(np.meshgrid(nodes, nodes), axis=-1)
    scale = model.log_joint(None, model.mode)
    total = weights @ np.exp(model.log_joint(None, z) - scale) @ weights
    assert model.log_evidence() == pytest.approx(np.log(total) + scale, abs=1e-10)


def test_evidence_of_all_data_sets_sums_to_one():
    """Over the 2^3 labels of three observations p(y) is a distribution: a check without another integral."""
    X = np.array([[1.0, 0.5], [1.0, -2.0], [1.0, 1.5]])
    total = sum(np.exp(LogisticRegression(X, y, 3.0).log_evidence()) for y in np.ndindex(2, 2, 2))
    assert total == pytest.approx(1.0, abs=1e-11)


def test_many_data_narrow_the_mode_without_harm():
    """The evidence of a repeated experiment obeys the Laplace expansion to the order that is left, 1/N."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1000, 1))
    model = LogisticRegression(X, labels(X, np.array([0.7]), rng))
    laplace = model.log_joint(None, model.mode) + np.log(model.laplace_tril[0, 0]) + np.log(2 * np.pi) / 2
    assert model.log_evidence() == pytest.approx(laplace, abs=0.01)


def test_the_mode_is_stationary_even_on_separable_data():
    for X, y in [(np.array([[1.0], [2.0]]), [1, 1]), (np.array([[1e3], [-1e3]]), [1, 0])]:
        model = LogisticRegression(X, y, 10.0)
        h = 1e-5 * model.laplace_tril[0, 0]
        up, down = (model.log_joint(None, model.mode + sign * h) for sign in (1, -1))
        assert abs(up - down) / 2e-5 < 1e-3


def test_beyond_two_dimensions_nothing_is_called_exact():
    model = LogisticRegression(np.eye(3), [0, 1, 1])
    with pytest.raises(NotImplementedError, match=r"D = 3.*vi.sandwich"):
        model.log_evidence()
    with pytest.raises(NotImplementedError, match="posterior_chains"):
        model.posterior()


def test_a_quadrature_that_does_not_settle_says_so(monkeypatch):
    monkeypatch.setattr(logistic_regression, "MOST_NODES", 100)
    with pytest.raises(ArithmeticError, match=r"has not settled.*vi.sandwich"):
        LogisticRegression([[100.0], [50.0]], [1, 1], 10.0).log_evidence()


def test_chains_reach_the_posterior():
    """Means and variances over pooled chains against quadrature; errors from 40 chains that share nothing."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(20, 2))
    model = LogisticRegression(X, labels(X, np.array([1.0, -1.0]), rng), 2.0)
    nodes = model._nodes(model._box(), 1 / 16)
    terms = model._log_integrand(nodes)
    weights = np.exp(terms - terms.max())
    z = model.mode + np.sinh(np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1)) @ model.laplace_tril.T
    mean = np.sum(weights[..., None] * z, axis=(0, 1)) / weights.sum()
    square = np.sum(weights[..., None] * z**2, axis=(0, 1)) / weights.sum()
    chains = model.posterior_chains(500, rng=3, chains=40)
    assert chains.shape == (500, 40, 2)
    for truth, values in [(mean, chains), (square, chains**2)]:
        per_chain = values.mean(axis=0)
        assert np.all(np.abs(per_chain.mean(0) - truth) / per_chain.std(0) * np.sqrt(40) < 5)
    moved = np.mean(np.any(np.diff(chains, axis=0) != 0, axis=-1))
    assert moved > 0.6  # a proposal near the posterior is mostly accepted


def test_bad_labels_are_named():
    with pytest.raises(ValueError, match=r"y has 1 values that are neither 0 nor 1 of 2, the first at index 1 \(2.0\)"):
        LogisticRegression([[1.0], [2.0]], [0, 2])


def test_many_draws_cost_blocks_not_one_array(monkeypatch):
    model = LogisticRegression(np.random.default_rng(4).normal(size=(30, 2)), np.arange(30) % 2)
    z = np.random.default_rng(5).normal(size=(7, 3, 2))
    whole = model.log_likelihood(None, z)
    monkeypatch.setattr(logistic_regression, "BLOCK", 100)
    np.testing.assert_allclose(model.log_likelihood(None, z), whole, rtol=1e-14)
    assert model.log_likelihood(None, np.zeros((0, 2))).shape == (0,)
