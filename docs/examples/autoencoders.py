"""
A linear autoencoder that reaches its bound
===========================================

Encoder and decoder are one matrix each. At the optimum the ELBO is log p(x)
for every image; a worse encoder and a noisier decoder show what can be lost.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# The decoder: z -> W z + mean, with normal noise of variance v. Ten latents.
X = vi.datasets.digits(raw=True)  # 1,797 images, 8 x 8 pixels, 0 to 16
model = vi.models.LinearGaussian(latent_dim=10).fit(X)
W, v, prior = model.weights, model.noise_variance, model.prior

# %%
# The encoder: one matrix and one vector of scales, the same for all images.

gram = W.T @ W + v * np.eye(10)
encode = np.linalg.solve(gram, W.T)  # (10, 64)
loc = (X - model.mean) @ encode.T
scale = np.broadcast_to(np.sqrt(v / np.diag(gram)), loc.shape)
q = vi.DiagonalNormal(loc, scale)

# %%
# Theorem 2's two terms on the left, the marginal density of x on the right:
# amortised inference costs nothing here, image by image.

reconstruction, kl = model.expected_log_likelihood(X, q), vi.kl(q, prior)
log_p = model.log_evidence(X)
print("image  reconstruction       KL         ELBO     log p(x)")
for n in range(4):
    elbo = reconstruction[n] - kl[n]
    print(f"{n:5d} {reconstruction[n]:15.6f} {kl[n]:8.4f} "
          f"{elbo:12.6f} {log_p[n]:12.6f}")
assert np.allclose(reconstruction - kl, log_p, rtol=1e-10, atol=0)

# %%
# An encoder that sees only the upper half of each image, otherwise the best
# there is: its means are the regression of the right ones on what it sees.
# What it loses, the amortisation gap, is half the squared error of its means
# in units of the posterior's variances.

seen = np.column_stack([X[:, :32], np.ones(len(X))])
guess = seen @ np.linalg.lstsq(seen, loc, rcond=None)[0]
half = vi.DiagonalNormal(guess, scale)
elbo = model.expected_log_likelihood(X, half) - vi.kl(half, prior)
gap = np.sum((guess - loc) ** 2 / scale**2, axis=1) / 2
print(f"mean log p(x)                    {log_p.mean():.6f} nats")
print(f"ELBO of the half-blind encoder   {elbo.mean():.6f}")
print(f"its amortisation gap             {gap.mean():.6f}")
print(f"they add up to                   {(elbo + gap).mean():.6f}")
assert np.allclose(elbo + gap, log_p, rtol=1e-10, atol=0)

# %%
# Images, what both codes keep of them, and what the decoder makes of draws
# from the prior.

z = prior.sample(10, rng=0)
rows = {
    "images": X[:10],
    "decoded from the right code": loc[:10] @ W.T + model.mean,
    "decoded from the half-blind code": guess[:10] @ W.T + model.mean,
    "decoded from draws of the prior": z @ W.T + model.mean,
}
fig = plt.figure(figsize=(7.2, 4.9))
fig.suptitle("digits, decoded from their codes and from the prior")
for part, (name, images) in zip(fig.subfigures(4), rows.items()):
    part.suptitle(name, fontsize="small")
    for axes, image in zip(part.subplots(1, 10), images):
        axes.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        axes.axis("off")

# %%
# Posterior collapse. Let the noise v be given instead of fitted. The best W
# then has a column for each eigenvalue of the covariance of x above v, and
# zeros for the rest. A latent costs log(eigenvalue / v) / 2 nats, or none.

eigenvalues, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
eigenvalues, vectors = eigenvalues[:-21:-1], vectors[:, :-21:-1]


def rates(v):
    """Nats per latent, averaged over the images, of the best linear VAE."""
    W = vectors * np.sqrt(np.maximum(eigenvalues - v, 0))
    q = vi.models.LinearGaussian.from_parameters(W, X.mean(0), v).posterior(X)
    sd = np.sqrt(q.variance)
    each = vi.DiagonalNormal(q.loc[..., None], sd[..., None])
    return vi.kl(each, vi.DiagonalNormal.standard(1)).mean(0)


for v in (20.0, 60.0, 120.0):
    rate = rates(v)
    water = np.maximum(np.log(eigenvalues / v), 0) / 2
    print(f"v = {v:5.1f}: {np.sum(rate > 0.01):2d} of 20 latents active, "
          f"rate {rate.sum():.6f}, by eigenvalues {water.sum():.6f}")
    assert np.allclose(rate, water, rtol=1e-9, atol=1e-12)

# %%
# Raise the noise and the latents go silent one by one, the weakest first.


def picture(v):
    """variance of the decoder's noise (squared intensity)"""
    _, axes = plt.subplots()
    i = np.arange(1, 21)
    rate = rates(v)
    axes.bar(i, rate, label="rate of each latent")
    formula = np.log(eigenvalues / v) / 2
    axes.plot(i, formula, "C1.--", label="log(eigenvalue / v) / 2")
    axes.axhline(0, color="#8b929b", linewidth=1)
    axes.text(1, 2.15, f"active: {np.sum(rate > 0.01)} of 20", color="C0")
    axes.set(ylim=(-1.6, 2.4), xlabel="latent", ylabel="nats", xticks=i)
    axes.set_title("a latent is silent once the noise exceeds its eigenvalue")
    axes.legend(loc="upper right")


positions = np.geomspace(5, 200, 40)
picture(positions[20])
