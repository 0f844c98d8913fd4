"""
Reconstruction minus KL, image by image
=======================================

What an image gains by its code, and what the code costs.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# Probabilistic PCA: a VAE with linear decoder, whose every term is exact.
X = vi.datasets.digits(raw=True)
model = vi.models.LinearGaussian(latent_dim=6).fit(X)
best = model.mean_field(X)  # here it is the posterior

# %%
# With a q that is not the posterior, the two terms against Definition 1's: the
# expected log joint density plus the entropy of q. Then with the posterior,
# against log p(x) from the marginal density, which knows of no q.

wide = vi.DiagonalNormal(best.loc, 1.3 * best.scale)
fit, cost = model.expected_log_likelihood(X, wide), vi.kl(wide, model.prior)
elbo = model.expected_log_joint(X, wide) + wide.entropy()
np.testing.assert_allclose(fit - cost, elbo, rtol=1e-10)

fit_best = model.expected_log_likelihood(X, best)
cost_best = vi.kl(best, model.prior)
log_p = model.log_evidence(X)
np.testing.assert_allclose(fit_best - cost_best, log_p, rtol=1e-10)

print("digit  reconstruction     KL        ELBO       log p(x)")
for i in range(10):
    print(f"  {i}   {fit[i]:13.6f} {cost[i]:10.6f}", end="")
    print(f" {elbo[i]:12.6f} {log_p[i]:12.6f}")

# %%
# The same from draws of q, of ten images: each term within its own error.

few, prior = wide[:10], model.prior
z, log_q = few.sample_and_log_prob(10_000, rng=0)
drawn = model.log_likelihood(X[:10], z)
error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
by_draws = vi.kl(few, prior, method="monte_carlo", draws=10_000, rng=1)
bound = vi.elbo(model.log_joint(X[:10], z) - log_q)
scores = {
    "reconstruction": (drawn.mean(axis=0) - fit[:10]) / error,
    "KL": (by_draws.value - cost[:10]) / by_draws.stderr,
    "ELBO": (bound.value - elbo[:10]) / bound.stderr,
}
for name, z_score in scores.items():
    print(f"{name:<15} largest |z| of ten images {np.abs(z_score).max():.2f}")
    assert np.all(np.abs(z_score) < 5)

# %%
# Ten images and their two terms. All codes are equally wide here, so that an
# image costs more when its mean code lies farther from 0: when it is less like
# the average image.

far = np.sum(best.loc**2, axis=1)
np.testing.assert_allclose(np.diff(cost_best), np.diff(far) / 2, atol=1e-9)

_, axes = plt.subplots(3, figsize=(7.2, 4.6), height_ratios=(3, 3, 2))
axes[0].bar(range(10), -fit_best[:10], 0.6)
axes[0].set(title=r"What the code leaves open: $-$reconstruction (nats)")
axes[1].bar(range(10), cost_best[:10], 0.6, color="C1")
axes[1].set(title="What the code costs: KL to the prior (nats)")
for i in range(10):
    place = (i - 0.35, i + 0.35, 0, 1)
    image = X[i].reshape(8, 8)
    axes[2].imshow(image, "gray_r", extent=place, aspect="auto")
axes[2].axis("off")
for each in axes:
    each.set(xlim=(-0.6, 9.6), xticks=[])

# %%
# Four slips of everyday code, on the same encoder and decoder. Three report
# more than log p(x), and nothing in the numbers themselves gives them away.

features, variance = X.shape[1], model.noise_variance
constant = features * np.log(2 * np.pi * variance) / 2
too_narrow = vi.DiagonalNormal(best.loc, np.exp(best.log_variance))
reported = {
    "as it should be": fit_best - cost_best,
    "constant of log p(x|z) left out": fit_best + constant - cost_best,
    "KL averaged over the latents": fit_best - cost_best / 6,
    "exp(log variance) taken for the sd": fit_best - vi.kl(too_narrow, prior),
    "log p(x|z) averaged over the pixels": fit_best / features - cost_best,
}
over = [value.mean() > log_p.mean() + 1e-9 for value in reported.values()]
for (name, value), above in zip(reported.items(), over, strict=True):
    print(f"{name:<36} {value.mean():8.2f}", "> log p(x)" if above else "")
assert over == [False, True, True, False, True]

# %%
# The last one, with q fitted to it. It is the objective whose KL weighs 64
# times as much, and its best q is the posterior under 64 times the noise.

build = vi.models.LinearGaussian.from_parameters
noisy = build(model.weights, model.mean, features * variance)
thin = noisy.mean_field(X)
cost_thin = vi.kl(thin, prior)
fit_thin = model.expected_log_likelihood(X, thin)
gain = fit_thin / features - cost_thin - (fit_best / features - cost_best)
assert np.all(gain > 0)
for name, f, c in (
    ("the sum over pixels", fit_best.mean(), cost_best.mean()),
    ("the mean over pixels", fit_thin.mean(), cost_thin.mean()),
):
    print(f"q for {name:<21} {f:8.2f} - {c:5.3f} = {f - c:.2f}")
assert np.mean(fit_thin - cost_thin) < log_p.mean()

# %%
# One image, q at the posterior's mean, and its width. A narrower q costs more
# KL than it gains in reconstruction; a wider one loses more than it saves. The
# curve touches the line reconstruction - KL = log p(x) at the posterior.

x, q, ceiling = X[:1], best[:1], log_p[0]


def both(width):
    wider = vi.DiagonalNormal(q.loc, width * q.scale)
    fit = model.expected_log_likelihood(x, wider)
    return vi.kl(wider, prior)[0], fit[0]


widths = np.geomspace(0.5, 2, 41)
curve = np.array([both(w) for w in widths]).T
assert np.all(curve[1] - curve[0] <= ceiling + 1e-9)


def picture(width):
    """width of q (posterior standard deviations)"""
    cost, fit = both(width)
    _, (left, right) = plt.subplots(1, 2, figsize=(7.2, 4.0))
    left.plot(widths, curve[1] - curve[0], "#8b929b")
    left.axhline(ceiling, color="C2", ls=":", label=r"$\log p(x)$")
    left.plot(width, fit - cost, "C0o")
    left.set(xlabel="width", ylabel="nats", ylim=(-154, -147), title="ELBO")
    left.text(0.6, -152.4, f"reconstruction {fit:.2f}")
    left.text(0.6, -153.0, f"KL {cost:.2f}")
    left.text(0.6, -153.6, f"ELBO {fit - cost:.2f}")
    right.plot(*curve, "#8b929b")
    right.axline((8, 8 + ceiling), slope=1, color="C2", ls=":")
    right.axline((8, 8 + fit - cost), slope=1, color="C0", ls="--", lw=1)
    right.plot(cost, fit, "C0o")
    right.set(xlim=(4, 13), ylim=(-149, -137))
    right.set(xlabel="KL to the prior", ylabel="reconstruction")
    right.set_title("Lines: equal ELBO")
    left.legend(loc="upper right", fontsize="small")


positions = widths
picture(positions[30])
