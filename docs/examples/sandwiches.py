"""
A bound from each side, and the curve between them
==================================================

The ELBO below, the EUBO above, and log p(x) as the area under a curve.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import quad

import varinf as vi

# %%
# The gaps are two KL divergences. A linear regression on 442 patients, q the
# best mean-field normal: here both gaps are known in closed form.

X, y = vi.datasets.diabetes()  # standardised
model = vi.models.LinearRegression(X, y, noise_variance=0.5)
q, posterior = model.mean_field(), model.posterior()
log_p = model.log_evidence()
sources = q, posterior
gaps = -vi.kl(q, posterior), vi.kl(posterior, q)
print(f"log p(y) = {log_p:.3f}")
bounds = vi.elbo, vi.eubo
for bound, source, gap in zip(bounds, sources, gaps, strict=True):
    z = source.sample(20_000, rng=0)
    b = bound(model.log_joint(None, z) - q.log_prob(z))
    print(f"{gap:+6.2f} = {log_p + gap:.2f}, {b.direction}; "
          f"draws: {b.value:.2f} ± {b.stderr:.2f}")  # fmt: skip
    assert abs(b.value - (log_p + gap)) < 5 * b.stderr and b.is_bound

# %%
# Eight schools, with a full normal that has the posterior's mean and
# covariance (about). It misses the funnel, k_hat says so, and the sandwich
# holds.

schools = vi.models.EightSchools()
z = schools.posterior().sample(4000, rng=0)
guide = vi.FullNormal(z.mean(0), covariance=np.cov(z.T))
s = vi.sandwich(schools, None, guide, draws=20_000, rng=1)
truth = schools.log_evidence()
print(f"lower {s.lower.value:.2f}, upper {s.upper.value:.2f}, "
      f"gap {s.gap.value:.2f}")  # fmt: skip
print(f"k_hat below {s.lower.k_hat:.2f}; log p(y) = {truth:.4f}")
for kind in ("t", "markov"):
    low, high, level = s.interval(0.95, kind=kind)
    print(f"{level:.0%} by {kind:6}: {low:.2f} to {high:.2f}")
    assert low < truth < high
for text in s.assumptions:
    print("assumes:", text)

# %%
# The thermodynamic curve. Between q and the posterior, the normal with
# precisions in the proportion beta is the path's own; the curve is then a
# difference of two KL divergences, its integral log p(x).

images = vi.datasets.digits(raw=True)
ppca = vi.models.LinearGaussian(latent_dim=6).fit(images)
x, p = images[:1], ppca.posterior(images[:1])
sd, log_px = p.variance**0.5, ppca.log_evidence(images[:1])[0]


def curve(beta, q, width):
    """E_beta[log w] for q that is `width` times as wide as the posterior."""
    scale = sd / np.sqrt((1 - beta) / width**2 + beta)
    path = vi.DiagonalNormal(p.mean, scale)
    return log_px + (vi.kl(path, q) - vi.kl(path, p))[0]


q = vi.DiagonalNormal(p.mean, 0.7 * sd)
area = quad(curve, 0, 1, args=(q, 0.7), epsabs=1e-11)[0]
print(f"area under the curve {area:.8f}, log p(x) {log_px:.8f}")
assert abs(area - log_px) < 1e-10 * abs(log_px)
z, z_post = q.sample(50_000, rng=0), p.sample(50_000, rng=1)
t = vi.thermodynamic(*(ppca.log_joint(x, u)[:, 0] - q.log_prob(u)[:, 0]
                       for u in (z, z_post)))  # fmt: skip
for beta, point in zip(t.betas, t.curve, strict=True):
    assert abs(point.value - curve(beta, q, 0.7)) < 5 * point.stderr
assert abs(t.log_evidence.value - log_px) < 5 * t.log_evidence.stderr
print(t)

# %%
# The box between the two bounds is cut by the curve into the two gaps.


def picture(width):
    """width of q (sd of the posterior)"""
    q = vi.DiagonalNormal(p.mean, width * sd)
    betas = np.linspace(0, 1, 41)
    values = np.array([curve(beta, q, width) for beta in betas])
    elbo, eubo = values[[0, -1]]
    _, axes = plt.subplots()
    below = r"under the curve: KL$(q\,\|\,$posterior$)$"
    above = r"over the curve: KL$($posterior$\,\|\,q)$"
    axes.fill_between(betas, values, eubo, color="C1", alpha=0.3, label=above)
    axes.fill_between(betas, elbo, values, color="C0", alpha=0.3, label=below)
    axes.plot(betas, values, color="C3", label=r"E$_\beta[\log w]$")
    axes.axhline(log_px, color="C2", ls="--", label=r"$\log p(x)$")
    axes.text(1.02, log_px + 4.6, f"EUBO {eubo:.2f}", color="C1")
    axes.text(1.02, log_px - 2.6, f"ELBO {elbo:.2f}", color="C0")
    axes.set(xlim=(0, 1.3), ylim=(log_px - 3, log_px + 5.2))
    axes.set(xticks=[0, 0.5, 1], xlabel="beta: q at 0, the posterior at 1")
    axes.set(title="log p(x) is the area under the curve", ylabel="nats")
    axes.legend(loc="upper left", fontsize="small")


positions = np.linspace(0.5, 1.5, 41)
picture(positions[4])

# %%
# Two modes 20 apart, q on one of them. Draws from q see nothing amiss; draws
# from the posterior do. The truth is log p(x) = 0.


class TwoModes:
    components = vi.DiagonalNormal([[-10.0], [10.0]], [[1.0], [1.0]])

    def posterior(self, x=None):
        return vi.Mixture(None, self.components)

    def log_joint(self, x, z):
        return self.posterior().log_prob(z)


s = vi.sandwich(TwoModes(), None, vi.DiagonalNormal([10.0], [1.0]), rng=0)
print(f"lower {s.lower.value:.3f}, k_hat {s.lower.k_hat:.2f}, "
      f"caveats {s.lower.caveats}; upper {s.upper.value:.1f}")  # fmt: skip
assert abs(s.lower.value - np.log(0.5)) < 1e-6 and s.lower.k_hat < 0.5
assert s.lower.caveats == () and s.gap.value > 90

# %%
# Annealed chains lead from q to the posterior in small steps. From a fit with
# independent coordinates, at as many evaluations of log p(y, z), they leave
# less open than importance weighting; from posterior draws they go back.

target = vi.Target(lambda z: schools.log_joint(None, z), 10)
fit = vi.fit(target, rng=0)
a = vi.annealed_evidence(
    target, fit, chains=100, rng=1,
    posterior_draws=schools.posterior().sample(100, rng=2),
)  # fmt: skip
plain = vi.iwelbo(fit.log_weights(80_000, rng=3))
print(f"IWELBO {plain.value:.2f}, annealed {a.lower.value:.2f}, "
      f"back {a.upper.value:.2f}; log p(y) = {truth:.2f}")  # fmt: skip
assert plain.value < a.lower.value < truth + 5 * a.lower.stderr
assert abs(a.upper.value - truth) < 5 * a.upper.stderr

# %%
# On simulated data, whose z are exact posterior draws, both sides can be had.
# A logistic regression with two coefficients, log p(y) by quadrature.

features = np.random.default_rng(0).normal(size=(20, 2))
design = vi.models.LogisticRegression(features, np.arange(20) % 2)
seen = []


def simulate(rng):
    y, z = design.sample(1, rng)
    seen.append(y[0])
    return y[0], z[0]


def target_of(y):
    model = vi.models.LogisticRegression(features, y)
    return vi.Target(lambda z: model.log_joint(None, z), 2)


both = vi.annealed_sandwich(
    simulate, target_of, lambda y: design.prior, temperatures=10, rng=4
)
exact = [vi.models.LogisticRegression(features, y).log_evidence()
         for y in seen]  # fmt: skip
print(both)
for side in (both.lower, both.upper):
    off = side.value - exact
    assert abs(off.mean()) < 5 * off.std() / np.sqrt(len(off)) < 0.5

# %%
# Markov's limit: log mean w exceeds log p(x) by log(1/d) with probability at
# most d. Weights N(0, 1)/N(0, 1/3) have infinite variance; it holds all the
# same. So does the limit from above, by the mean of 1/w at posterior draws.

rng = np.random.default_rng(2)  # 50,000 repetitions, 10 draws each
log_w = np.log(1 / 3) / 2 + rng.chisquare(1, (10, 50_000)) / 3
log_w_post = np.log(1 / 3) / 2 + rng.chisquare(1, (10, 50_000))
mean, inverse = np.exp(log_w).mean(0), np.exp(-log_w_post).mean(0)
for d in (0.5, 0.2, 0.05):
    one = {"level": 1 - d, "kind": "markov", "groups": 1}
    low = vi.iwelbo(log_w).interval(**one).low
    high = vi.eubo(log_w_post).interval(**one).high
    assert np.allclose(low, np.log(mean * d), rtol=1e-10)
    assert np.allclose(high, -np.log(inverse * d), rtol=1e-10)
    fails = np.mean(low > 0), np.mean(high < 0)
    print(f"d = {d}: low fails in {fails[0]:.4f}, high in {fails[1]:.4f}")
    assert max(fails) <= d
