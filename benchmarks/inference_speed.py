"""Variational fits of two models by varinf, PyMC and NumPyro: the wall clock, and the ELBO that each ends at.

The posterior of a logistic regression (breast cancer, standardised, 31 coefficients with N(0, 1) priors) and of eight
schools, non-centred, by normals with independent coordinates; by any normal with the further argument "full". Every fit
runs in a process of its own: the clock starts after the imports and stops when the parameters of q stand in NumPy
arrays, so that compilation is in it and loading a library is not. The first run of each finds the compilers' caches on
disk empty, the later ones find what the first left there. All are bound to one processor. Each library does what it
does unasked:

- varinf: `vi.fit`, with a density and gradient in NumPy, or those of the PyMC model by `Target.from_pymc`;
- PyMC: `pm.fit`, 10,000 steps of its adagrad_window, progress bar off;
- NumPyro: `SVI`, the 2,000 steps of Adam(5e-4) of its documentation; and, for those who know it, 10,000 of Adam(1e-2).

The ELBO of each q is estimated anew from 20,000 of its draws, the same way for all. One first round and three later
ones, in each of which the contenders take turns; medians of the later ones.

    python benchmarks/inference_speed.py docs/guide/inference_speed.csv
"""

import csv
import functools
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import varinf as vi
from varinf.models.eight_schools import EFFECTS, STANDARD_ERRORS

ROUNDS, DRAWS, CLOSE = 3, 20_000, 0.1  # CLOSE, in nats: ELBOs that far apart are the same
LOG_TWO_PI = math.log(2 * math.pi)
MODELS = ("logistic regression", "eight schools")
STEPS = {"NumPyro SVI, 2,000 steps": (2_000, 5e-4), "NumPyro SVI, 10,000 steps": (10_000, 1e-2)}


# The two models: in NumPy, in PyMC, in NumPyro. Free coordinates are in one order: mu, log tau, theta_tilde. ----------


@functools.cache
def breast_cancer():
    """(X, y): 569 rows, a column of ones and 30 standardised features."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)]), y.astype(np.float64)


def logistic_in_numpy():
    X, y = breast_cancer()
    signed = X * (2 * y - 1)[:, None]

    def value_and_gradient(z):
        margin = z @ signed.T
        tail = np.exp(-np.abs(margin))
        log_likelihood = np.sum(np.minimum(margin, 0) - np.log1p(tail), axis=1)
        wrong = np.where(margin > 0, tail, 1) / (1 + tail)
        log_prior = -np.sum(z**2, axis=1) / 2 - z.shape[1] * LOG_TWO_PI / 2
        return log_likelihood + log_prior, wrong @ signed - z

    return vi.Target(lambda z: value_and_gradient(z)[0], X.shape[1], value_and_gradient=value_and_gradient)


def schools_in_numpy():
    def value_and_gradient(x):
        mu, tau, tilde = x[:, :1], x[:, 1:2], x[:, 2:]
        away = (EFFECTS - mu - tau * tilde) / STANDARD_ERRORS
        pull = away / STANDARD_ERRORS
        normal = np.sum(away**2, axis=1) + np.sum(tilde**2, axis=1) + (mu[:, 0] / 5) ** 2 + 17 * LOG_TWO_PI
        cauchy = math.log(2 / (5 * math.pi)) - np.log1p((tau[:, 0] / 5) ** 2)
        of_mu = pull.sum(axis=1, keepdims=True) - mu / 25
        of_tau = np.sum(pull * tilde, axis=1, keepdims=True) - 2 * tau / (25 + tau**2)
        value = cauchy - normal / 2 - np.log(STANDARD_ERRORS).sum() - math.log(5)
        return value, np.hstack([of_mu, of_tau, pull * tau - tilde])

    names = {"mu": (), "tau": (), "theta_tilde": (8,)}
    return vi.Target(
        lambda x: value_and_gradient(x)[0],
        10,
        value_and_gradient=value_and_gradient,
        names=names,
        transforms={"tau": "positive"},
    )


def logistic_in_pymc():
    import pymc

    X, y = breast_cancer()
    with pymc.Model() as model:
        z = pymc.Normal("z", shape=X.shape[1])
        # The likelihood of Bernoulli(logit_p=X @ z), with which pymc.fit ends in nan: PyMC 5.28.
        pymc.Potential("y", -pymc.math.log1pexp(-pymc.math.dot(X * (2 * y - 1)[:, None], z)).sum())
    return model


def schools_in_pymc():
    import pymc

    with pymc.Model() as model:
        mu, tau = pymc.Normal("mu", 0, 5), pymc.HalfCauchy("tau", 5)
        tilde = pymc.Normal("theta_tilde", shape=8)
        pymc.Normal("y", mu + tau * tilde, STANDARD_ERRORS, observed=EFFECTS)
    return model


def logistic_in_numpyro():
    import numpyro
    from numpyro import distributions

    X, y = breast_cancer()

    def model():
        z = numpyro.sample("z", distributions.Normal().expand([X.shape[1]]).to_event(1))
        numpyro.sample("y", distributions.Bernoulli(logits=X @ z).to_event(1), obs=y)

    return model


def schools_in_numpyro():
    import numpyro
    from numpyro import distributions

    def model():
        mu = numpyro.sample("mu", distributions.Normal(0, 5))
        tau = numpyro.sample("tau", distributions.HalfCauchy(5))
        tilde = numpyro.sample("theta_tilde", distributions.Normal().expand([8]).to_event(1))
        numpyro.sample("y", distributions.Normal(mu + tau * tilde, STANDARD_ERRORS).to_event(1), obs=EFFECTS)

    return model


IN_NUMPY = dict(zip(MODELS, (logistic_in_numpy, schools_in_numpy), strict=True))
IN_PYMC = dict(zip(MODELS, (logistic_in_pymc, schools_in_pymc), strict=True))
IN_NUMPYRO = dict(zip(MODELS, (logistic_in_numpyro, schools_in_numpyro), strict=True))


# The contenders: a model and a family to the mean and covariance of q. ------------------------------------------------


def by_varinf(target, family):
    q = vi.fit(target, family, rng=0).q
    return q.loc, q.covariance if family == "full" else np.diag(q.variance)


def from_numpy(model, family):
    return by_varinf(IN_NUMPY[model](), family)


def from_pymc(model, family):
    return by_varinf(vi.Target.from_pymc(IN_PYMC[model]()), family)


def by_advi(model, family):
    import pymc

    method = "advi" if family == "diagonal" else "fullrank_advi"
    with IN_PYMC[model]():
        q = pymc.fit(10_000, method=method, random_seed=0, progressbar=False)
    cov = q.cov.eval()
    return q.mean.eval(), np.diag(cov) if cov.ndim == 1 else cov


def by_svi(model, family, steps, rate):
    import jax
    from numpyro import optim
    from numpyro.infer import SVI, Trace_ELBO
    from numpyro.infer.autoguide import AutoMultivariateNormal, AutoNormal

    model = IN_NUMPYRO[model]()
    guide = AutoNormal(model) if family == "diagonal" else AutoMultivariateNormal(model)
    svi = SVI(model, guide, optim.Adam(rate), Trace_ELBO())
    found = svi.run(jax.random.key(0), steps, progress_bar=False).params
    if family == "full":
        factor = np.asarray(found["auto_scale_tril"], dtype=np.float64)
        return found["auto_loc"], factor @ factor.T
    sites = sorted(name.removesuffix("_auto_loc") for name in found if name.endswith("_auto_loc"))
    loc, scale = (np.hstack([found[f"{s}_auto_{what}"] for s in sites]) for what in ("loc", "scale"))
    return loc, np.diag(scale.astype(np.float64) ** 2)


CONTENDERS = {"varinf, NumPy": from_numpy, "varinf, PyMC model": from_pymc, "PyMC ADVI": by_advi} | {
    name: functools.partial(by_svi, steps=steps, rate=rate) for name, (steps, rate) in STEPS.items()
}


# One fit in a process of its own, and the table. ----------------------------------------------------------------------


def load(contender):
    """What the clock does not count."""
    breast_cancer()
    if "PyMC" in contender:
        import pymc  # noqa: F401
    if "NumPyro" in contender:
        import numpyro.infer.autoguide  # noqa: F401


def child(contender, model, family):
    load(contender)
    start, worked = time.perf_counter(), processor_seconds()
    loc, covariance = (np.asarray(part, dtype=np.float64) for part in CONTENDERS[contender](model, family))
    seconds = time.perf_counter() - start, processor_seconds() - worked
    print(json.dumps({"seconds": seconds, "loc": loc.tolist(), "covariance": covariance.tolist()}))


def processor_seconds():
    """Of this process and the compilers that it called, which other work on the machine leaves alone."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(contender, model, family, caches):
    """((seconds, of the processors), ELBO) of a fit in a new process; (None, None) if it ended in an error."""
    own = {"PYTENSOR_FLAGS": f"base_compiledir={caches}", "NUMBA_CACHE_DIR": caches}
    call = [sys.executable, __file__, contender, model, family]
    ended = subprocess.run(call, capture_output=True, text=True, env=os.environ | own)
    if ended.returncode:
        print(contender, model, family, ended.stderr[-2000:], file=sys.stderr)
        return None, None
    found = json.loads(ended.stdout.splitlines()[-1])
    return found["seconds"], elbo(model, np.array(found["loc"]), np.array(found["covariance"]))


def elbo(model, loc, covariance):
    q = vi.FullNormal(loc, np.linalg.cholesky(covariance))
    z, log_q = q.sample_and_log_prob(DRAWS, rng=1)
    return vi.elbo(IN_NUMPY[model]().log_prob(z) - log_q)


def row(runs, ours):
    """ELBO, its error, first seconds, later ones and the processors', and how often ours unless its ELBO is above ours.

    The ELBO is that of any run, since the seeds are the same.
    """
    if any(bound is None for _, bound in runs):
        return "failed", "", "", "", "", ""
    bound, our_bound = runs[0][1], ours[0][1]
    wall, work = later(runs)
    same = max(CLOSE, 3 * math.hypot(bound.stderr, our_bound.stderr))
    ratio = f"{wall / later(ours)[0]:.1f}" if bound.value - our_bound.value <= same else ""
    return f"{bound.value:.2f}", f"{bound.stderr:.2f}", f"{runs[0][0][0]:.1f}", f"{wall:.2f}", f"{work:.2f}", ratio


def later(runs):
    """Medians of (wall clock, processors)."""
    return [statistics.median(times) for times in zip(*(seconds for seconds, _ in runs[1:]), strict=True)]


def main(path, family="diagonal"):
    """Round by round, in which contenders take turns and of which the first finds empty caches."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # and its children with it: one processor, one thread
    found = {(model, contender): [] for model in MODELS for contender in CONTENDERS}
    with tempfile.TemporaryDirectory() as caches:
        for n in range(1 + ROUNDS):
            for i, (model, contender) in enumerate(found):
                found[model, contender].append(run(contender, model, family, os.path.join(caches, str(i))))
                print(n, model, contender, *found[model, contender][-1], flush=True)
            if n > 0:
                write(path, found)


def write(path, found):
    names = ("model", "fit", "ELBO", "±", "first, s", "later, s", "processor, s", "ratio to varinf")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for (model, contender), runs in found.items():
            writer.writerow((model, contender, *row(runs, found[model, "varinf, NumPy"])))


if __name__ == "__main__":
    child(*sys.argv[1:]) if len(sys.argv) == 4 else main(*sys.argv[1:])
