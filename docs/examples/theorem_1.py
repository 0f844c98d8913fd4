"""
A ceiling touched at one point
==============================

The ELBO reaches log p(x) where q is the posterior, and nowhere else.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# Linear regression on 442 diabetes patients: ten correlated coefficients z.
model = vi.models.LinearRegression(*vi.datasets.diabetes(), noise_variance=0.5)
posterior, best = model.posterior(), model.mean_field()
log_p = model.log_evidence()  # from the marginal density of the responses

# %%
# At the posterior every log weight is log p(x): one draw tells it, without
# error. The best q with independent coefficients stops short of it, by a gap
# that the posterior's precision matrix decides.

z, log_q = posterior.sample_and_log_prob(5, rng=0)
log_w = model.log_joint(None, z) - log_q
print("log p(x)            ", f"{log_p:.9f}")
print("log w, q = posterior", *(f"{w:.4f}" for w in log_w))
assert np.abs(log_w / log_p - 1).max() < 1e-10

precision = np.linalg.inv(posterior.covariance)
log_det = np.linalg.slogdet(precision)[1]
gap = (np.log(np.diag(precision)).sum() - log_det) / 2
elbo = model.expected_log_joint(None, best) + best.entropy()
print("best diagonal q: ELBO", f"{elbo:.9f}, short by {log_p - elbo:.9f}")
print("1/2 (sum of log precisions - log det)      ", f"{gap:.9f}")
narrow = best.scale / posterior.variance**0.5
print("sd over the posterior's", *narrow.round(2))
assert abs(log_p - elbo - gap) < 1e-10 * abs(log_p)
assert abs(gap - 3.805530514) < 1e-9  # computed without varinf
assert np.all(narrow <= 1)

# %%
# Left: one latent number (z and x - z standard normal, x = 1), and by how much
# the ELBO of each normal q falls short; the dot is the posterior. Right: the
# regression, q at the posterior's mean, made wider and narrower. The diagonal
# shape's curve is the other one, moved down by the gap.

small, ones = vi.models.NormalNormal(0.0, 1.0, 1.0), np.ones((3600, 1))
mean, log_sd = np.meshgrid(np.linspace(-1, 2, 60), np.linspace(-1.5, 0.7, 60))
columns = mean.reshape(-1, 1), log_sd.reshape(-1, 1)
each = vi.identity(small, ones, vi.DiagonalNormal.from_log_scale(*columns))
missing = (each.elbo - each.log_evidence).reshape(60, 60)
touch = small.posterior(ones[:1])
assert np.all(missing <= 0)

width = np.linspace(0.3, 1.8, 31)
loc, tril = posterior.loc, posterior.scale_tril
full = [vi.FullNormal(loc, scale_tril=c * tril) for c in width]
diagonal = [vi.DiagonalNormal(loc, c * best.scale) for c in width]
high = np.array([vi.identity(model, None, q).elbo for q in full])
low = np.array([vi.identity(model, None, q).elbo for q in diagonal])
np.testing.assert_allclose(high - low, gap, rtol=1e-9)

_, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.9))
levels = [-2, -1, -0.5, -0.2, -0.05]
solid = {"colors": "C0", "linestyles": "solid"}
lines = left.contour(mean, log_sd, missing, levels, **solid)
left.clabel(lines, fmt="%g", fontsize=8)
left.plot(touch.loc[0], touch.log_scale[0], "C2o")
left.set_title(r"ELBO $-\,\log p(x)$: 0 at the dot")
left.set(xlabel="mean of q", ylabel="log sd of q")
right.plot(width, high, label="posterior's shape")
right.plot(width, low, "--", label="diagonal")
right.axhline(log_p, color="C2", lw=1.2, ls=":", label=r"$\log p(x)$")
right.set(title="Ten coefficients", xlabel="width of q (multiples)")
right.set(ylabel="ELBO (nats)", ylim=(log_p - 18, log_p + 5))
right.legend(loc="lower center", fontsize="small")

# %%
# The two ways to make the ELBO larger, in turn, are expectation maximisation.
# After an E step the gap is closed. An M step lifts the ELBO again, and
# log p(x) by at least as much.

images = vi.datasets.digits(raw=True)
em = vi.models.LinearGaussian(latent_dim=2).fit(images, method="em", rng=0)
elbo, log_p = np.array([(h.elbo, h.log_evidence) for h in em.history]).T
name = [f"{h.half} {h.step}" for h in em.history]
for i in range(1, 6):
    print(f"{name[i]}: ELBO {elbo[i]:.4f}, log p(x) {log_p[i]:.4f}")
np.testing.assert_allclose(elbo[1::2], log_p[1::2], rtol=1e-10)  # E steps
assert min(np.diff(elbo).min(), np.diff(log_p).min()) > -1e-9

pca = vi.models.LinearGaussian(latent_dim=2).fit(images)  # in closed form
best = pca.log_evidence(images).mean()
print(f"{name[-1]}: {log_p[-1]:.7f}; in closed form {best:.7f}")
assert abs(log_p[-1] - best) < 1e-8 * abs(best)

_, axes = plt.subplots(figsize=(7.2, 3.4))
shown = np.arange(2, 13)
axes.vlines(shown, elbo[shown], log_p[shown], color="#8b929b", lw=1)
axes.plot(shown, log_p[shown], "C2s-", label=r"$\log p(x)$")
axes.plot(shown, elbo[shown], "C0o--", label="ELBO")
axes.set_title("EM on the digits: E closes the gap, M lifts both")
axes.set(xlabel="after half step", ylabel="nats per image")
axes.set_xticks(shown, [name[i] for i in shown])
axes.legend(loc="lower right")

# %%
# Why that works: with q held at the posterior, the ELBO's gradient in the
# parameters is that of log p(x). With a q that is too narrow it is not. The
# numbers are the derivatives by the noise variance, over 200 images.

some = images[:200]
exact = em.posterior(some)
narrow = vi.FullNormal(exact.loc, scale_tril=0.8 * exact.scale_tril)
wanted = em.log_evidence_gradient(some)
print(f"of log p(x):                    {wanted.noise_variance:.6f}")
for place, q in (("posterior", exact), ("0.8 its sd", narrow)):
    found = em.elbo_gradient(some, q)
    pairs = zip(found, wanted, strict=True)
    off = max(np.max(np.abs(f - w)) / np.max(np.abs(w)) for f, w in pairs)
    print(f"of the ELBO at q = {place:<11}: {found.noise_variance:.6f}")
    assert off < 1e-10 if q is exact else off > 0.1

# %%
# Two latent numbers of correlation rho. The best diagonal q crosses the axes
# where the posterior does: its sd is that of one number when the other is
# known, sqrt(1 - rho^2) of the posterior's own, and the gap is -log of that.

circle = np.linspace(0, 2 * np.pi, 121)
circle = 2 * np.stack([np.cos(circle), np.sin(circle)])
some_rho = np.linspace(-0.97, 0.97, 195)


def picture(rho):
    """correlation of the posterior"""
    p = vi.FullNormal(np.zeros(2), covariance=[[1, rho], [rho, 1]])
    q = vi.DiagonalNormal(np.zeros(2), np.full(2, np.sqrt(1 - rho**2)))
    gap = float(vi.kl(q, p))
    assert abs(gap + np.log(1 - rho**2) / 2) < 1e-10
    _, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7))
    left.plot(*p.scale_tril @ circle, "C0", label="posterior, 2 sd")
    left.plot(*q.scale_tril @ circle, "C1--", label="best diagonal q, 2 sd")
    left.set(xlim=(-3, 3), ylim=(-2.2, 3.4))
    left.set(xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    left.axhline(0, color="#8b929b", lw=0.8)
    left.axvline(0, ymax=0.8, color="#8b929b", lw=0.8)
    left.set_title("The best diagonal q")
    left.legend(loc="upper left", fontsize="small")
    right.plot(some_rho, -np.log(1 - some_rho**2) / 2, "#8b929b")
    right.plot(rho, gap, "C1o")
    right.text(0, 1.2, f"gap {gap:.3f} nats", ha="center")
    right.set(xlabel="correlation", xlim=(-1, 1), xticks=(-1, 0, 1))
    right.set(ylabel="nats", ylim=(-0.1, 1.6), yticks=(0, 0.5, 1, 1.5))
    right.set_title(r"Gap $-\frac{1}{2}\log(1-\rho^2)$")


positions = np.linspace(-0.95, 0.95, 39)
picture(positions[33])
