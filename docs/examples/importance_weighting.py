"""
More draws inside the logarithm, a tighter bound
================================================

The importance-weighted bound climbs with K towards log p(x), at a known pace.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# p = N(0, 1), q = N(0, s²) with s² = 0.8, and log p(x) = 0.
s2, rng = 0.8, np.random.default_rng(0)
log_w = 0.5 * (np.log(s2) + (1 - s2) * rng.standard_normal(960_000) ** 2)
variance = s2 / np.sqrt(2 * s2 - 1) - 1  # of w, whose mean is 1
print(f"ELBO {(np.log(s2) + 1 - s2) / 2:.7f}, variance of w {variance:.7f}")

# %%
# IWELBO_K for every K without a draw. From log m = ∫ (e^-t - e^-tm) dt/t
# follows
#
# .. math::
#    \mathcal{L}_K = \int_0^\infty
#    \left(e^{-t} - \E\bigl[e^{-t w / K}\bigr]^K\right) \frac{dt}{t},
#
# since the K weights are independent. Both integrals, over t and over q, are
# done by the trapezoid rule, t = e^u.

z = np.linspace(-10, 10, 401)
weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
w = np.sqrt(s2) * np.exp((1 - s2) * z**2 / 2)
u = np.arange(-40, 9, 0.05)


def exact(K):
    laplace = np.exp(-np.outer(np.exp(u) / K, w)) @ weight
    return np.sum(np.exp(-np.exp(u)) - laplace**K) * 0.05


assert abs(exact(1) - (np.log(s2) + 1 - s2) / 2) < 1e-10
Ks = np.array([1, 2, 3, 4, 6, 10, 20])
bounds = [vi.iwelbo(log_w, k=K) for K in Ks]
print("  K     exact   by draws           z   -Var(w)/2K")
for K, b in zip(Ks, bounds, strict=True):
    score = (b.value - exact(K)) / b.stderr
    print(f"{K:3}  {exact(K):.6f}  {b.value:.6f} ± {b.stderr:.6f} {score:5.1f}"
          f"   {-variance / (2 * K):.6f}")  # fmt: skip
    assert abs(score) < 5
    assert abs(2 * K * b.bias_estimate + variance) < 0.02 * variance
assert np.all(np.diff([exact(K) for K in Ks]) > 0) and exact(20) < 0
assert abs(200 * exact(200) + variance / 2) < 0.01 * variance

_, axes = plt.subplots()
axes.axhline(0, color="C2", label=r"$\log p(x)$")
axes.plot(Ks, [exact(K) for K in Ks], label=r"IWELBO$_K$, exact")
axes.errorbar(Ks, bounds, [2 * b.stderr for b in bounds], fmt="o", ms=4,
              color="C0", label="by 960,000 draws, ± 2 errors")  # fmt: skip
axes.plot(Ks, -variance / (2 * Ks), "--", color="C1", label="−Var(w)/2K")
axes.set(xscale="log", xticks=Ks, xticklabels=Ks, xlabel="K", ylabel="nats")
axes.set(title="The importance-weighted bound climbs towards log p(x)")
axes.minorticks_off()
_ = axes.legend(loc="lower right")

# %%
# The jackknife combines K, K - 1, ... draws so that the powers of 1/K cancel.
# Its expectation follows from the exact values above, order by order.

L3, L4, L5 = exact(3), exact(4), exact(5)
means = L5, 5 * L5 - 4 * L4, 25 / 2 * L5 - 16 * L4 + 9 / 2 * L3
for order, mean in enumerate(means):
    b = vi.jackknife_evidence(log_w.reshape(5, -1), order=order).mean()
    print(f"order {order}, 5 draws: exact {mean:.6f}, "
          f"jackknife {b.value:.6f} ± {b.stderr:.6f}")  # fmt: skip
    assert abs(b.value - mean) < 5 * b.stderr

# %%
# The narrower q is, the heavier the tail of w: its exact index is 1 - s².

for s2 in (0.8, 0.5, 0.3):
    tail = 0.5 * (1 - s2) * rng.standard_normal(100_000) ** 2
    found = vi.psis(tail)
    print(f"s² = {s2}: exact index {1 - s2:.1f}, k_hat {found.k_hat:.2f}")
    assert abs(found.k_hat - (1 - s2)) < 0.15

# %%
# A digit image under a linear model fitted by EM, and the best q whose
# features are independent: how log of the mean of K weights narrows about
# log p(x).

X = vi.datasets.digits(raw=True)
model = vi.models.LinearGaussian(latent_dim=6).fit(X, method="em", rng=0)
z, log_q = model.mean_field(X[:1]).sample_and_log_prob(200_000, rng=1)
log_w = (model.log_joint(X[:1], z) - log_q).reshape(50, 4000)
log_means = np.logaddexp.accumulate(log_w) - np.log(np.arange(1, 51))[:, None]
truth = model.log_evidence(X[:1])[0]


def picture(K):
    """number of draws K inside the logarithm"""
    values = log_means[int(K) - 1]
    bins = np.linspace(truth - 2.2, truth + 1.2, 69)
    _, axes = plt.subplots()
    density = np.histogram(values, bins, density=True)[0]
    axes.stairs(density, bins, fill=True, color="C0", alpha=0.35)
    axes.axvline(truth, color="C2", label=r"$\log p(x)$")
    axes.axvline(values.mean(), color="C0", ls="--", label=r"IWELBO$_K$")
    axes.set(xlim=bins[[0, -1]], ylim=(0, 4.5), xlabel="nats")
    axes.set(ylabel="density", yticks=[0, 1, 2, 3, 4])
    axes.set(title="Density of log of the mean of K weights, one digit image")
    axes.text(truth - 2.1, 4.1, f"K = {K:.0f}: IWELBO {values.mean():.2f}")
    axes.legend(loc="upper right")


last = vi.iwelbo(log_w.T.ravel(), k=50)
assert abs(last.value - log_means[-1].mean()) < 1e-10 * abs(last.value)
assert log_means[0].mean() < log_means[9].mean() < truth + 5 * last.stderr
positions = np.arange(1, 51)
picture(positions[4])
