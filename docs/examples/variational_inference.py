"""
Inference as optimisation: a normal finds its place
===================================================

Ten lines fit a normal with independent features to a log density; then what
the fit is worth is measured.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import varinf as vi

# Ten coefficients given 442 patients: here the exact posterior is known.
X, y = vi.datasets.diabetes()
model = vi.models.LinearRegression(X, y, noise_variance=0.5)
posterior, log_p = model.posterior(), model.log_evidence()

# %%
# The fit sees log p(y, z) and its gradient, nothing else. Draws of q are
# z = m + s * eps. The eps are drawn once, each with its mirror image, and
# kept: so the objective is an ordinary function of m and log s.

half = np.random.default_rng(0).standard_normal((100, 10))
eps = np.concatenate([half, -half])


def minus_elbo(parameters):
    m, log_s = parameters.reshape(2, 10)
    z = m + np.exp(log_s) * eps
    slope = (y - z @ X.T) @ X / 0.5 - z  # gradient of log p(y, z) in z
    entropy = 5 * np.log(2 * np.pi * np.e) + log_s.sum()
    by_log_s = (slope * eps).mean(0) * np.exp(log_s) + 1
    gradient = np.concatenate([slope.mean(0), by_log_s])
    return -model.log_joint(None, z).mean() - entropy, -gradient


path = [np.repeat([0, np.log(0.2)], 10)]  # m = 0, s = 0.2
fit = minimize(minus_elbo, path[0], jac=True, callback=path.append)

# %%
# At every step on the way the ELBO and the KL to the posterior, both exact,
# add up to log p(y), from the marginal density of y. The optimiser climbs the
# first; the second falls by as much.

way = [vi.DiagonalNormal.from_log_scale(*p.reshape(2, 10)) for p in path]
parts = [vi.identity(model, None, q) for q in way]
kl = np.array([part.kl for part in parts])
for i in (0, 10, 20, len(way) - 1):
    elbo = parts[i].elbo
    total = elbo + kl[i]
    print(f"step {i:2d}: ELBO {elbo:.6f} + KL {kl[i]:10.6f} = {total:.6f}")
    assert abs(total - log_p) < 1e-10 * abs(log_p)
print(f"log p(y):                                {log_p:.6f}")

# %%
# How good can a diagonal normal be? Its best ELBO has a closed form, reached
# at the posterior's mean with variances 1 / Lambda_ii, Lambda the posterior's
# precision. The fitted objective lies *above* it: parameters chosen on fixed
# draws flatter themselves on those draws. Fresh draws tell the truth.

q, best = way[-1], vi.identity(model, None, model.mean_field()).elbo
precision = X.T @ X / 0.5 + np.eye(10)
log_det = np.linalg.slogdet(precision)[1]
gap = (np.log(np.diag(precision)).sum() - log_det) / 2
z, log_q = q.sample_and_log_prob(10_000, rng=1)
log_w = model.log_joint(None, z) - log_q
fresh = vi.elbo(log_w)
print(f"best diagonal ELBO          {best:.6f}")
print(f"log p(y) minus closed gap   {log_p - gap:.6f}")
print(f"objective on fixed draws    {-fit.fun:.6f}   too good to be true")
print(f"ELBO of the same q          {parts[-1].elbo:.6f}")
print(f"from fresh draws            {float(fresh):.3f} ± {fresh.stderr:.3f}")
assert abs(best - (log_p - gap)) < 1e-10 * abs(best)
assert np.allclose(q.loc, posterior.loc, atol=1e-5)  # by the mirror images
assert parts[-1].elbo < best < -fit.fun and best - parts[-1].elbo < 0.3
assert abs(float(fresh) - parts[-1].elbo) < 5 * fresh.stderr

# %%
# The verdict. The tail index of the weights is above its threshold: q is too
# narrow, its bound loose. Between two normals the index has a closed form, one
# minus the least eigenvalue of s Lambda s. An evidence sandwich says the same
# in nats.

print(vi.psis(log_w))
shrunk = precision * np.outer(q.scale, q.scale)
print(f"exact tail index {1 - np.linalg.eigvalsh(shrunk)[0]:.2f}")
sandwich = vi.sandwich(model, None, q, rng=2)
print(f"sandwich {float(sandwich.lower):.1f} < log p(y) < "
      f"{float(sandwich.upper):.1f}")
print("posterior variance / that of the best q, per coefficient:")
ratio = posterior.variance * np.diag(precision)
print(np.array2string(ratio, precision=1, suppress_small=True))
assert fresh.k_hat > 0.7 and np.all(ratio > 1)
assert sandwich.interval(0.999).low < log_p < sandwich.interval(0.999).high

# %%
# Two coefficients whose features carry nearly the same information. Their
# posterior is a long ridge; q settles on its crest and stays narrow.

turn = np.linspace(0, 2 * np.pi, 100)
circle = 2 * np.array([np.cos(turn), np.sin(turn)])  # two standard deviations


def picture(step):
    """step of the optimiser"""
    q = way[int(step)]
    _, (left, right) = plt.subplots(1, 2)
    ridge = np.linalg.cholesky(posterior.covariance[4:6, 4:6]) @ circle
    left.plot(*(posterior.loc[4:6, None] + ridge), "C2--", label="posterior")
    ellipse = q.loc[4:6, None] + q.scale[4:6, None] * circle
    left.plot(*ellipse, "C0", label="q")
    left.set(xlim=(-1.2, 0.6), ylim=(-0.5, 1.0), title="two coefficients")
    left.set(xlabel="s1", ylabel="s2")
    left.legend(loc="upper right")
    right.semilogy(kl, "C1", label="KL(q || posterior)")
    right.axhline(gap, color="C4", linestyle=":", label="least possible")
    right.plot(step, kl[int(step)], "C1o")
    right.set(ylim=(1, 1000), xlabel="step", ylabel="nats")
    right.set(title=r"the gap, $\log p(y) -$ ELBO")
    right.legend(loc="upper right")


positions = np.arange(len(way))
picture(positions[-1])
