"""Full fits, reweighted by PSIS, beside long runs of PyMC's NUTS on the same models, and beside exact draws.

Means are to be right within 0.1 posterior standard deviations, and standard deviations, which nobody reads to more, by
10%: the largest error that leaves a reported interval what it was. NUTS's own errors are held below 0.015 of a standard
deviation, so that with those of the weights five standard errors stay within what is allowed.
"""

import numpy as np
import pytest

import varinf as vi
from varinf.models.eight_schools import EFFECTS, STANDARD_ERRORS

pymc = pytest.importorskip("pymc")
import arviz  # noqa: E402, which PyMC brings

pytestmark = pytest.mark.slow  # NUTS, 4 chains: a minute or two for each model

MEAN, SD = 0.1, 0.1  # posterior standard deviations, and relative
OF_NUTS = 0.02  # the errors of its means and standard deviations, in standard deviations
DRAWS = 100_000  # of q


def nuts(model, draws, **how):
    """Draws by name, (draws, size) each, whose errors are small and whose chains agree."""
    with model:
        run = pymc.sample(draws, tune=1000, chains=4, cores=1, random_seed=0, progressbar=False, **how)
    posterior = run.posterior
    sd = posterior.std(("chain", "draw"))
    away = ((posterior - posterior.mean(("chain", "draw"))) / sd) ** 2  # half the error of its mean is that of sd
    assert arviz.rhat(posterior).to_array().max() < 1.01
    assert (arviz.mcse(posterior) / sd).to_array().max() < OF_NUTS
    assert (arviz.mcse(away) / 2).to_array().max() < OF_NUTS
    flat = posterior.stack(sample=("chain", "draw")).transpose("sample", ...)
    return {name: flat[name].values for name in posterior}


def agree(mean, sd, other_mean, other_sd):
    assert np.max(np.abs(mean - other_mean) / other_sd) < MEAN
    assert np.max(np.abs(sd / other_sd - 1)) < SD


def moments(draws, weights):
    mean = weights @ draws
    return mean, np.sqrt(weights @ (draws - mean) ** 2)


@pytest.fixture(scope="module")
def logistic():
    """The breast cancer data, standardised, with an intercept: 31 coefficients, which NUTS has in a minute."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])
    with pymc.Model() as model:
        z = pymc.Normal("z", shape=X.shape[1])
        pymc.Bernoulli("y", logit_p=X @ z, observed=y)
    return model


@pytest.fixture(scope="module")
def schools():
    """Eight schools, non-centred."""
    with pymc.Model() as model:
        mu, tau = pymc.Normal("mu", 0, 5), pymc.HalfCauchy("tau", 5)
        tilde = pymc.Normal("theta_tilde", shape=8)
        theta = pymc.Deterministic("theta", mu + tau * tilde)
        pymc.Normal("y", theta, STANDARD_ERRORS, observed=EFFECTS)
    return model


@pytest.fixture(scope="module")
def schools_by_weights(schools):
    """(mean, sd) of mu, tau and theta, by a full fit and its weights."""
    fit = vi.fit(vi.Target.from_pymc(schools), "full", rng=0)
    z, log_w = fit.weighted_draws(DRAWS, rng=1)
    smoothed = vi.psis(log_w)
    assert fit.converged and smoothed.k_hat < smoothed.threshold
    weights = np.exp(smoothed.log_weights - np.max(smoothed.log_weights))
    return moments(in_one(fit.target.named(z)), weights / weights.sum())


def in_one(named):
    return np.column_stack([named["mu"], named["tau"], named["theta"]])


@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning")  # where pip installed it
def test_logistic_regression(logistic):
    sampled = nuts(logistic, 2000)["z"]
    fit = vi.fit(vi.Target.from_pymc(logistic), "full", rng=0)
    d = vi.diagnose(fit, DRAWS, rng=1)
    assert d.trusted and d.k_hat < d.threshold
    assert np.max(d.stderr / d.sd) < OF_NUTS / 2
    agree(d.mean, d.sd, sampled.mean(axis=0), sampled.std(axis=0))


def test_eight_schools_by_nuts(schools, schools_by_weights):
    sampled = in_one(nuts(schools, 3000, target_accept=0.95))
    agree(*schools_by_weights, sampled.mean(axis=0), sampled.std(axis=0))


def test_eight_schools_by_exact_draws(schools_by_weights):
    """A million of them: errors of 0.001 standard deviations."""
    posterior = vi.models.EightSchools().posterior()
    z = posterior.sample(1_000_000, rng=2)
    sd = np.column_stack([z[:, 0], np.exp(z[:, 1]), z[:, 2:]]).std(axis=0)
    mean = np.array([posterior.mean[0], posterior.mean_tau, *posterior.mean[2:]])
    agree(*schools_by_weights, mean, sd)


def test_k_hat_tells_the_centred_mean_field_fit_from_these():
    """The funnel, of which independent coordinates see one part: k_hat above its threshold, and tau far off."""
    with pymc.Model() as model:
        mu, tau = pymc.Normal("mu", 0, 5), pymc.HalfCauchy("tau", 5)
        theta = pymc.Normal("theta", mu, tau, shape=8)
        pymc.Normal("y", theta, STANDARD_ERRORS, observed=EFFECTS)
    fit = vi.fit(vi.Target.from_pymc(model), rng=0)
    d = vi.diagnose(fit, rng=1)
    assert fit.converged and d.k_hat > d.threshold and not d.trusted
    exact = vi.models.EightSchools().posterior().sample(100_000, rng=2)
    far = np.abs(fit.q.loc[1] - exact[:, 1].mean()) / exact[:, 1].std()
    assert far > 0.5
