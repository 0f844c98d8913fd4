"""
The rate, the information, and the gap that r makes
===================================================

Moving the reference r moves the rate and the gap alone; the information that
the code keeps stays where it is.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# A channel: x is -1 or 1, the code is z = x + noise, the noise is N(0, 1).
q = vi.DiagonalNormal([[-1.0], [1.0]], [[1.0], [1.0]])
aggregate = vi.Mixture(None, q)  # q(z), half of each

# %%
# Three numbers by three routes. The rate is a closed form between normals. The
# information is an entropy less an entropy, and the gap a KL from the mixture:
# both by quadrature over a grid of z.

z = np.linspace(-14, 14, 4001)
log_aggregate = aggregate.log_prob(z[:, None])
density = np.exp(log_aggregate)
noise_entropy = 0.5 * math.log(2 * math.pi * math.e)
information = -np.trapezoid(density * log_aggregate, z) - noise_entropy


def parts(mean, variance):
    """(rate, gap) for the reference N(mean, variance)."""
    r = vi.DiagonalNormal([mean], [variance**0.5])
    log_ratio = log_aggregate - r.log_prob(z[:, None])
    gap = np.trapezoid(density * log_ratio, z)
    return float(vi.rate(q, r, over="dataset")), float(gap)


print("reference   I(X;Z)         gap            sum            rate")
for mean, variance in [(0, 1), (0, 2), (1, 2), (0, 4)]:
    rate, gap = parts(mean, variance)
    total = information + gap
    print(f"N({mean}, {variance})     {information:.10f} + {gap:.10f} "
          f"= {total:.10f}   {rate:.10f}")
    assert abs(total - rate) < 1e-10 * rate
    assert gap > 0

# %%
# With r = q(z) itself nothing is lost. A KL to a mixture has no closed form:
# this rate comes from draws.

best = vi.rate(q, aggregate, over="dataset", draws=50_000, rng=0)
print(f"r = q(z): rate {best.value:.4f} ± {best.stderr:.4f}, "
      f"information {information:.4f}")
assert abs(best.value - information) < 5 * best.stderr

# %%
# The picture: left, the aggregate under r; right, the rate in its two parts.

halves = np.exp(q.log_prob(np.repeat(z[:, None, None], 2, axis=1))) / 2

def picture(mean):
    """mean of r (its variance is 2)"""
    rate, gap = parts(mean, 2.0)
    r = np.exp(vi.DiagonalNormal([mean], [2**0.5]).log_prob(z[:, None]))
    _, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
    left.plot(z, halves, ":", color="#8b929b", lw=1.2)
    left.plot(z, density, color="C0")
    left.plot(z, r, "--", color="C1")
    left.text(-4.8, 0.37, "— q(z), the aggregate", color="C0")
    left.text(-4.8, 0.34, "-- r(z), the reference", color="C1")
    left.text(-4.8, 0.31, "··· q(z|x) / 2", color="#8b929b")
    left.set(xlim=(-5, 5), ylim=(0, 0.4), xlabel="z", yticks=[])
    left.set_title("the aggregate under r")
    right.barh(0, information, 0.4, color="C0")
    right.barh(0, gap, 0.4, left=information, color="C1")
    right.plot([rate, rate], [-0.35, 0.35], "--", color="C3")
    right.text(0.03, 0.62, f"rate {rate:.3f}", color="C3")
    right.text(0.03, 0.47, f"= information {information:.3f}", color="C0")
    right.text(0.03, 0.32, f"+ gap {gap:.3f}", color="C1")
    right.set(xlim=(0, 1.7), ylim=(-0.5, 0.8), xlabel="nats", yticks=[])
    right.set_title("rate = information + gap")


positions = np.linspace(-2, 2, 41)
picture(positions[30])

# %%
# Real data: the codes of 1,797 digits under probabilistic PCA with six latent
# dimensions, r = N(0, I). The two parts come from draws of their own; from the
# same draws log q(z) would cancel, and the sum would prove nothing.

X = vi.datasets.digits(raw=True)
model = vi.models.LinearGaussian(latent_dim=6).fit(X)
codes = model.mean_field(X)
rate = vi.rate(codes, over="dataset")
kept = vi.index_information(codes, draws=4, rng=1)
gap = vi.aggregate_kl(codes, draws=4, rng=2)
residual = kept.value + gap.value - rate.value
score = residual / math.hypot(kept.stderr, gap.stderr)
print(kept)
print(gap)
print(rate)
print(f"information + gap - rate = {residual:+.4f} nats, z = {score:+.2f}")
assert abs(score) < 5

# %%
# A data set of N items cannot keep more than log N nats about which item it
# was. The rate knows nothing of that ceiling.

log_n = math.log(len(X))
sizes = [1, 2, 3, 4, 6, 8, 10, 14, 20]
rates, infos = [], []
for k in sizes:
    codes = vi.models.LinearGaussian(latent_dim=k).fit(X).mean_field(X)
    rates.append(float(vi.rate(codes, over="dataset")))
    infos.append(float(vi.index_information(codes, draws=1, rng=k)))

_, axes = plt.subplots(figsize=(7.2, 3.4))
axes.fill_between(sizes, infos, rates, color="C1", alpha=0.25)
axes.plot(sizes, rates, "s--", color="C3")
axes.plot(sizes, infos, "o-", color="C0")
axes.axhline(log_n, color="#8b929b", ls=":")
axes.text(13.5, 20.5, "rate", color="C3", ha="right")
axes.text(15, 11, "gap", color="C1")
axes.text(12, 5.2, "I(n;Z), what the codes keep", color="C0")
axes.text(1, 7.9, "log N", color="#8b929b")
axes.set(xlabel="latent dimensions", ylabel="nats per datum")
axes.set(xticks=sizes, ylim=(0, 27))
axes.set_title("Digits: the rate passes log N, the information does not")
assert all(info <= log_n for info in infos)
print(f"{sizes[-1]} latent dimensions: rate {rates[-1]:.2f}, "
      f"I(n;Z) {infos[-1]:.3f}, log N {log_n:.3f}")

# %%
# Population against data set. Data drawn from the model itself have the
# aggregate q(z) = N(0, I), exactly: over the population the gap is zero and
# I(X;Z) is a closed form. The 1,000 data at hand still leave a gap.

x, _ = model.sample(1000, rng=3)
codes = model.mean_field(x)
exact = float(vi.gaussian_mutual_information(
    model.marginal_covariance, model.weights, np.eye(6)))
population = vi.rate(codes, over="population")
at_hand = vi.rate(codes, over="dataset")
kept = vi.index_information(codes, draws=4, rng=4)
print(f"I(X;Z) of the population, closed form   {exact:.4f}")
print(f"rate, over='population'                 {population.value:.4f} "
      f"± {population.stderr:.4f}")
print(f"rate, over='dataset'                    {at_hand.value:.4f} ± 0")
print(f"I(n;Z) of these 1,000 data              {kept.value:.4f} "
      f"± {kept.stderr:.4f}")
assert abs(population.value - exact) < 5 * population.stderr
assert kept.value < exact and at_hand.stderr == 0
