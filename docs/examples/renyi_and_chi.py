"""
One curve from the upper bounds to the ELBO and beyond
======================================================

The order alpha runs from upper bounds through log p(x) and the ELBO downwards.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# One digit image under probabilistic PCA: the posterior p is known.
images = vi.datasets.digits(raw=True)
model = vi.models.LinearGaussian(latent_dim=6).fit(images)
X, posterior = images[:1], model.posterior(images[:1])
mean, sd = posterior.mean, posterior.variance**0.5
log_p = model.log_evidence(X)[0]


def bound(q, alpha):
    """The bound in closed form, from varinf's Rényi divergences."""
    if alpha > 0:
        return log_p - vi.renyi_divergence(q, posterior, alpha)[0]
    n = 1 - alpha  # for orders below 0 the arguments change places
    return log_p + (n - 1) / n * vi.renyi_divergence(posterior, q, n)[0]


# %%
# The curve from closed forms, held against draws, which know nothing of the
# posterior: they see log p(x, z) - log q(z | x) only.

q = vi.DiagonalNormal(mean + 0.3 * sd, 0.9 * sd)
z, log_q = q.sample_and_log_prob(100_000, rng=0)
log_w = (model.log_joint(X, z) - log_q)[:, 0]
alphas = (-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
exact = [bound(q, alpha) for alpha in alphas]
estimates = [vi.renyi_bound(log_w, alpha=alpha) for alpha in alphas]
print("alpha   closed form   by draws              z  direction  is_bound")
for alpha, value, b in zip(alphas, exact, estimates, strict=True):
    score = (b.value - value) / b.stderr
    print(f"{alpha:5.1f} {value:13.5f}   {b.value:.5f} ± {b.stderr:.5f}"
          f" {score:6.1f}  {b.direction:9}  {b.is_bound}")  # fmt: skip
    assert abs(score) < 5 and b.is_bound == (alpha >= 0)
assert np.all(np.diff(exact) < 0) and exact[2] == log_p
elbo = vi.identity(model, X, q)[0].elbo  # by its own route
assert abs(elbo - exact[4]) < 1e-10 * abs(elbo)

# %%
# The slider makes q narrower or wider than the posterior. Where q is the
# posterior all orders agree.


def picture(width):
    """width of q (sd of the posterior)"""
    q = vi.DiagonalNormal(mean, width * sd)
    orders = np.linspace(-1, 3, 81)
    curve = np.array([bound(q, alpha) for alpha in orders])
    z, log_q = q.sample_and_log_prob(4000, rng=0)
    log_w = (model.log_joint(X, z) - log_q)[:, 0]
    dots = np.arange(-1, 3.1, 0.5)
    found = [vi.renyi_bound(log_w, alpha=alpha).value for alpha in dots]
    _, axes = plt.subplots()
    axes.axhline(log_p, color="C2", label=r"$\log p(x)$")
    axes.plot(orders, curve, label="closed form")
    axes.plot(dots, found, "o", ms=4, color="C1", label="4,000 draws")
    axes.axvline(0, color="#8b929b", lw=0.8)
    axes.axvline(1, color="#8b929b", lw=0.8)
    axes.text(0.05, log_p - 2, "IWELBO's limit", color="#8b929b")
    axes.text(1.05, log_p - 2, "ELBO", color="#8b929b")
    axes.set(xlim=(-1.2, 3.3), ylim=(log_p - 2.2, log_p + 1.6))
    axes.set(xlabel="order alpha", ylabel="nats")
    axes.set(title=f"Bounds of all orders, q {width:.2f} sd wide")
    axes.legend(loc="upper right")


positions = np.linspace(0.76, 1.2, 23)
picture(positions[2])

# %%
# The upper bounds are upper at infinitely many draws only. In 20 dimensions,
# with q = N(0, 0.6 I) for p = N(0, I) and log p(x) = 0, the χ bound of order 2
# is 2.94, and 10,000 draws almost always say less. The χ bound of order n is
# the Rényi bound of order 1 - n.

d, s2 = 20, 0.6
truth = d / 4 * (2 * np.log(s2) - np.log(2 * s2 - 1))
p = vi.DiagonalNormal.standard(d)
q = vi.DiagonalNormal(np.zeros(d), np.full(d, s2**0.5))
assert abs(vi.renyi_divergence(p, q, 2.0) / 2 - truth) < 1e-10
squares = np.random.default_rng(0).chisquare(d, (10_000, 200))
log_w = 0.5 * (d * np.log(s2) + (1 - s2) * squares)  # of 200 repetitions
b = vi.cubo(log_w, order=2, on_heavy_tail="ignore")
print(f"order 2: exact {truth:.2f}, median of 200 {np.median(b.value):.2f}; "
      f"too low in {np.mean(b.value < truth):.0%}")  # fmt: skip
assert np.allclose(b.value, vi.renyi_bound(log_w, alpha=-1).value, rtol=1e-12)
assert abs(np.median(b.value) - 1.54) < 0.1 and not b.is_bound
assert np.mean(b.value < truth) > 0.9
try:
    vi.cubo(log_w[:, 0])
    raise AssertionError("a tail as heavy as this one must be refused")
except ValueError as error:
    print(str(error).split(":")[0])

_, axes = plt.subplots()
bins = np.linspace(0.8, 3.8, 46)
axes.hist(b.value, bins, color="C0", alpha=0.6, label="plug-in values")
axes.axvline(truth, color="C1", ls="--", label="the bound itself")
axes.axvline(np.median(b.value), color="C0", label="their median")
axes.set(xlabel="nats above log p(x)", ylabel="of 200 repetitions")
axes.set(title="The plug-in of an upper bound mostly lies below it")
_ = axes.legend(loc="upper right")
