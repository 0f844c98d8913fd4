import numpy as np
import pytest
from scipy.stats import multivariate_normal

from varinf.datasets import diabetes
from varinf.divergences.kl import kl
from varinf.models.linear_regression import LinearRegression


def test_diabetes():
    model = LinearRegression(*diabetes(), noise_variance=0.5)
    q = model.mean_field()
    assert model.log_evidence() == pytest.approx(-496.599189944, abs=1e-8)
    assert model.expected_log_joint(None, q) + q.entropy() == pytest.approx(-500.404720458, abs=1e-8)
    assert kl(q, model.posterior()) == pytest.approx(3.805530514, abs=1e-8)


def test_evidence_is_the_marginal_density():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(7, 2)), rng.normal(size=7)
    truth = multivariate_normal(np.zeros(7), 4.0 * X @ X.T + 0.3 * np.eye(7)).logpdf(y)
    assert LinearRegression(X, y, 0.3, 2.0).log_evidence() == pytest.approx(truth, rel=1e-12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"X has shape \(3, 2\) and y \(2,\)"):
        LinearRegression(np.ones((3, 2)), np.ones(2), 1.0)
    with pytest.raises(ValueError, match="noise_variance=0"):
        LinearRegression(np.ones((3, 2)), np.ones(3), 0)
    with pytest.raises(TypeError, match="prior_scale='wide'"):
        LinearRegression(np.ones((3, 2)), np.ones(3), 1.0, "wide")
