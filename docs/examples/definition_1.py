"""
The ELBO and its gap: a bar of fixed height
===========================================

log p(x) does not move when q does: what the ELBO loses, the KL gains.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# One digit image under probabilistic PCA, where all is known in closed form.
X = vi.datasets.digits(raw=True)
model = vi.models.LinearGaussian(latent_dim=6).fit(X)
posterior = model.posterior(X[:1])
mean, sd = posterior.mean, posterior.variance**0.5

# %%
# The three parts of the identity, by routes that share nothing: the marginal
# density of x; the expected log joint density plus the entropy of q; and the
# KL between q and the posterior.

for shift in (0.0, 0.5, 1.0):
    q = vi.DiagonalNormal(mean + shift * sd, 1.2 * sd)
    part = vi.identity(model, X[:1], q)[0]
    total = part.elbo + part.kl
    sides = f"{part.elbo:.6f} + {part.kl:.6f} = {total:.6f}"
    print(f"q off by {shift} sd: ELBO + KL = {sides}")
    assert abs(total - part.log_evidence) < 1e-10 * abs(total)
print(f"log p(x), from the marginal density: {part.log_evidence:.6f}")

# %%
# The same as a picture: whatever q is, the bar keeps its height.


def picture(shift):
    """distance of q from the posterior (sd)"""
    q = vi.DiagonalNormal(mean + shift * sd, sd)
    part = vi.identity(model, X[:1], q)[0]
    floor = np.floor(part.log_evidence) - 14
    _, axes = plt.subplots(figsize=(4.6, 3.9))
    axes.bar(0, part.elbo - floor, 0.5, bottom=floor, label="ELBO")
    axes.bar(0, part.kl, 0.5, bottom=part.elbo, label="KL to the posterior")
    axes.axhline(part.log_evidence, color="C2", label=r"$\log p(x)$")
    axes.text(0.32, floor + 12.8, f"KL {part.kl:.2f}", color="C1")
    axes.text(0.32, floor + 11.6, f"ELBO {part.elbo:.2f}", color="C0")
    axes.set(xlim=(-0.6, 0.9), ylim=(floor, floor + 18), xticks=[])
    axes.set(title=r"ELBO + KL = $\log p(x)$", ylabel="nats (axis cut below)")
    axes.legend(loc="upper center", ncols=3, fontsize="small", columnspacing=1)


positions = np.linspace(-2, 2, 41)  # the slider's; picture(x) draws any other
picture(positions[10])
