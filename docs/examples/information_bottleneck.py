"""
The information bottleneck: clusters that split
===============================================

Z keeps of X what tells about Y. As relevance gains weight, one cluster becomes
two, and more. Over tables, for normal variables, and by a network.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq, linear_sum_assignment, minimize
from scipy.special import log_softmax, logsumexp, softmax, xlogy
from sklearn.datasets import load_digits

import varinf as vi

# %%
# The self-consistent equations of the bottleneck, iterated. Encoder and
# cluster sizes stay logarithms, so no cluster is lost to underflow, and xlogy
# skips 0 log 0.


def iterate(p_xy, beta, log_encoder, steps=2000):
    """log q(z|x), (X, Z), from a first guess: min I(X;Z) - beta I(Z;Y)."""
    p_x = p_xy.sum(axis=1, keepdims=True)
    for _ in range(steps):
        log_xz = np.log(p_x) + log_encoder
        log_z = logsumexp(log_xz, axis=0)
        p_y_z = np.exp(log_xz - log_z).T @ (p_xy / p_x)  # p(y|z)
        fit = xlogy((p_xy / p_x)[:, None], p_y_z).sum(axis=-1)
        log_encoder = log_softmax(log_z + beta * fit, axis=1)
    return log_encoder


# %%
# A source with an exact answer: x a fair bit, y the same bit flipped with
# probability 0.1. On the exact curve Z is x flipped with probability delta,
# and beta is what a nat of I(Z;Y) costs there in I(X;Z).

eps = 0.1
p_xy = np.array([[1 - eps, eps], [eps, 1 - eps]]) / 2


def h(p):
    return vi.entropy([p, 1 - p])


delta = brentq(lambda p: h(p) - np.log(2) / 2, 1e-9, 0.5, xtol=1e-15)
flips = delta * (1 - eps) + (1 - delta) * eps  # of y against z
beta = np.log(1 / delta - 1) / np.log(1 / flips - 1) / (1 - 2 * eps)

start = log_softmax(5 * np.eye(2), axis=1)  # a cluster for each x
by_hand = iterate(p_xy, beta, start)
p_zy = np.exp(by_hand).T @ p_xy
hand = vi.mutual_information(np.exp(by_hand) / 2), vi.mutual_information(p_zy)
found = vi.information_bottleneck(p_xy, beta)
bits = found.to("bits")
exact = 0.5, 1 - h(flips) / np.log(2)
print(f"bits at beta {beta:.10f}:  I(X;Z)        I(Z;Y)")
print("  the loop above           ", *(f"{x / np.log(2):.10f}" for x in hand))
print(f"  information_bottleneck    {bits.I_TX:.10f} {bits.I_TY:.10f}")
print("  exact                    ", *(f"{x:.10f}" for x in exact))
print(f"converged: {found.converged}, residual {found.residual:.0e}")
assert np.allclose(np.array(hand) / np.log(2), exact, atol=1e-9, rtol=0)
assert np.allclose([bits.I_TX, bits.I_TY], exact, atol=1e-9, rtol=0)

# From the middle the loop does not move, whatever beta; the search does.
stuck = np.exp(iterate(p_xy, 4.0, np.log(np.full((2, 2), 0.5))))
print("the loop, started from saying nothing:", *stuck.ravel())
assert np.all(stuck == 0.5) and found.clusters == 2

# %%
# The whole curve at 61 prices. Below the critical beta, 1 / (1 - 2 eps)^2,
# there is one cluster; there it splits.

curve = vi.information_bottleneck_curve(p_xy, np.linspace(1, 4, 61))
critical = vi.critical_beta(p_xy)
shown = [np.sort(z.decoder[z.weight > 1e-9, 1]) for z in curve]
branches = np.array([each[[0, -1]] for each in shown])
split = curve.splits[-1]
print(f"critical beta {critical:.4f}; split between {split.above:.2f} "
      f"and {split.below:.2f}")

_, axes = plt.subplots()
axes.plot(curve.beta, branches[:, 0], "C0", label="cluster 1")
axes.plot(curve.beta, branches[:, 1], "C1--", label="cluster 2")
axes.axvline(critical, color="#8b929b", linestyle=":")
axes.text(critical + 0.04, 0.93, f"critical beta {critical:.4f}")
axes.set(xlabel="beta", ylabel="p(y = 1 | z)", ylim=(0, 1))
axes.set_title("clusters splitting at the critical beta")
axes.legend(loc="center right")
assert abs(critical - 1 / (1 - 2 * eps) ** 2) < 1e-12 and curve.converged
assert split.above < critical < split.below
assert len(curve.segments) == 0

# %%
# Where the curve is straight, no price stops on the way. An erasure channel: y
# is the bit x, or with probability 1/4 a question mark. Twenty prices find the
# two ends, the segment between them has a price of its own, 4/3, and mixtures
# of its ends are the solutions that were skipped.

lost = 0.25
erasure = np.array([[1 - lost, 0, lost], [0, 1 - lost, lost]]) / 2
curve = vi.information_bottleneck_curve(erasure, np.linspace(1, 3, 20))
print("I(X;Z) at 20 prices:", *np.unique(curve.I_TX.round(6)))
(piece,) = curve.segments
print(f"straight from {piece.start.I_TX:.4f} to {piece.end.I_TX:.4f} nats "
      f"at beta {piece.beta:.6f}")
shares = np.linspace(0, 1, 41)
mixed = [piece.at(share) for share in shares]
told = np.array([[m.I_TX, m.I_TY] for m in mixed])
for m in (mixed[10], mixed[30]):  # the mixtures are encoders, as they claim
    joint = vi.mutual_information(m.encoder / 2)
    assert abs(joint - m.I_TX) < 1e-9
    joint = vi.mutual_information(m.encoder.T @ erasure)
    assert abs(joint - m.I_TY) < 1e-9
assert abs(piece.beta - 1 / (1 - lost)) < 1e-9

lagrangian = told[:, 0] - piece.beta * told[:, 1]
half = mixed[20]
price = 2 * piece.beta * half.I_TX  # makes the half the minimum
squared = told[:, 0] ** 2 - price * told[:, 1]
assert np.ptp(lagrangian) < 1e-9 and np.argmin(squared) == 20

_, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
left.plot(*told.T, "C1", label="mixtures")
left.plot(curve.I_TX, curve.I_TY, "C0o", label="at 20 prices")
left.plot(half.I_TX, half.I_TY, "C2D", label="the half, by squares")
left.set(xlim=(-0.05, 0.75), ylim=(-0.05, 0.62), title="erasure channel")
left.set(xlabel="I(X;Z) (nats)", ylabel="I(Z;Y) (nats)")
left.legend(loc="upper left")
right.plot(shares, lagrangian, "C1", label="I(X;Z) - beta I(Z;Y)")
right.plot(shares, squared, "C2--", label="I(X;Z)^2 - c I(Z;Y)")
right.plot(0.5, squared[20], "C2D")
right.set(xlabel="share of the right end", title="what is minimised")
right.set(ylim=(-0.16, 0.06))
right.legend(loc="upper right")

# %%
# Real data: x is a digit's class, y the pixel in which a drop of its ink lies.
# Which digits does a short code confuse? All prices are solved at once.

images, labels = vi.datasets.digits(raw=True), load_digits().target
order = [0, 6, 4, 7, 2, 5, 3, 9, 8, 1]
ink = np.array([images[labels == digit].mean(axis=0) for digit in order])
ink = ink[:, ink.sum(axis=0) > 0] / ink.sum()
p_digit, p_pixel = ink.sum(axis=1), ink.sum(axis=0)
whole = vi.mutual_information(ink)
curve = vi.information_bottleneck_curve(ink, np.geomspace(10, 40, 41))
print(curve, f"of {whole:.4f}")
for a in curve.splits:
    print(f"beta {a.above:5.2f} to {a.below:5.2f}: from "
          f"{a.clusters_before} to {a.clusters_after} clusters")
assert curve.converged and np.all(np.diff(curve.I_TY) > -1e-9)
assert np.all(curve.I_TY <= curve.I_TX + 1e-12) and curve.I_TY[-1] < whole

# %%
# ``critical_beta`` tells where the trivial encoder stops being a local
# optimum. Encoders far from it are better before that: a small cluster with
# p(x|z) = s costs KL(s(x) || p(x)) for KL(s(y) || p(y)), and the least ratio
# is where the curve leaves 0.


def ratio(logits):
    s = softmax(logits)
    s_y = s @ (ink / p_digit[:, None])
    return xlogy(s, s / p_digit).sum() / xlogy(s_y, s_y / p_pixel).sum()


local = vi.critical_beta(ink)
ends = [minimize(ratio, 3 * row) for row in np.eye(10)]  # from each digit
best = min(ends, key=lambda end: end.fun)
share = softmax(best.x)
digit = order[share.argmax()]
early = vi.information_bottleneck(ink, 11.0)
print(f"local threshold  {local:.3f}")
print(f"global threshold {best.fun:.3f}, by a cluster that is "
      f"{share.max():.0%} digit {digit}")
print(f"at beta 11: {early.clusters} clusters, objective "
      f"{early.objective:.5f} < 0")
assert best.fun < 11 < local and early.objective < -1e-4

# %%
# Minima are local. Where each of 16 starts ended at beta 16: the first, from
# the encoder that says all, is among the lowest; random ones often are not.

tried = vi.information_bottleneck(ink, 16.0, restarts=16)
print("ends:", *(f"{value:.3f}" for value in tried.values))
assert tried.values[0] < tried.values.min() + 1e-6
assert np.ptp(tried.values) > 0.05

# %%
# Move beta. Left: each row is a cluster z, each column a digit x, the height
# of a bar is q(z|x). Right: the line through the point has slope 1 / beta,
# since there a nat of relevance costs beta nats of rate.


def picture(beta):
    """beta, nats of rate paid for a nat of relevance"""
    i = np.argmin(np.abs(curve.beta - beta))
    mass = np.zeros((10, 10))  # a row for each cluster that there may be
    mass[: curve[i].clusters] = (curve[i].encoder * p_digit[:, None]).T
    cluster, row = linear_sum_assignment(-mass)  # that of a digit it holds
    _, (left, right) = plt.subplots(1, 2)
    for z, at in sorted(zip(cluster, row), key=lambda pair: pair[1]):
        bars = 0.9 * mass[z] / p_digit
        left.bar(range(10), bars, bottom=at, color=f"C{at % 5}")
    left.set(xticks=range(10), xticklabels=order, yticks=[], ylim=(0, 10))
    left.set(xlabel="digit x", ylabel="cluster z", title="q(z|x)")
    x, y = curve.I_TX[i], curve.I_TY[i]
    right.plot(curve.I_TX, curve.I_TY, color="#8b929b", label="found")
    right.plot([x - 0.5, x + 0.5], [y - 0.5 / beta, y + 0.5 / beta], "C1--",
               label="slope 1 / beta")
    right.plot(x, y, "C0o")
    right.axhline(whole, color="C2", linestyle=":", label="I(X;Y)")
    right.set(xlim=(-0.1, 2.5), ylim=(-0.01, 0.19), title="information plane")
    right.set(xlabel="I(X;Z) (nats)", ylabel="I(Z;Y) (nats)")
    right.legend(loc="lower right")


positions = curve.beta
picture(positions[16])

# %%
# The deterministic variant puts each digit into one cluster whole and pays
# H(Z). It has points that no price prefers: they lie below the concave hull,
# and for a given H(Z) they are the best there is.

hard = vi.information_bottleneck_curve(ink, deterministic=True)
hull = np.isfinite(hard.beta)
print(f"{len(hard)} partitions that none met dominates, "
      f"{hull.sum()} on the hull")
two = hard[int(np.flatnonzero(hard.clusters == 2)[-1])]
groups = [[order[i] for i in np.flatnonzero(z)] for z in two.encoder.T]
print("the best of two groups, by I(Z;Y):", *groups)
lines = hard.I_TX[:, None] - curve.beta * hard.I_TY[:, None]
assert np.all(lines >= curve.I_TX - curve.beta * curve.I_TY - 1e-9)  # tangents

_, axes = plt.subplots(figsize=(7.2, 3.8))
axes.plot(curve.I_TX, curve.I_TY, color="#8b929b", label="soft encoders")
axes.plot(hard.I_TX[hull], hard.I_TY[hull], "C0o", label="on the hull")
axes.plot(hard.I_TX[~hull], hard.I_TY[~hull], "C1x", label="below it")
axes.set(xlabel="I(X;Z) = H(Z) of partitions (nats)", ylabel="I(Z;Y) (nats)")
axes.set_title("partitions of the digits beside the soft curve")
axes.legend(loc="lower right")

# %%
# Normal variables have a closed form. X is the upper half of an image, Y the
# lower, by their covariances. Directions come in one by one, each at one over
# its squared canonical correlation.

inked = images.std(axis=0) > 0
upper, lower = images[:, :32][:, inked[:32]], images[:, 32:][:, inked[32:]]
blocks = vi.joint_covariance(upper, lower)
normal = vi.gaussian_bottleneck_curve(*blocks)
print(normal)
print("critical betas:", *normal.critical_betas[:6].round(3), "...")
shrunk = vi.joint_covariance(upper, lower, shrinkage="ledoit-wolf")
print(f"I(X;Y) with shrunken correlations: "
      f"{vi.gaussian_bottleneck_curve(*shrunk).limit:.3f} nats")
three = vi.gaussian_bottleneck(*blocks, beta=3.0)
A, (cov_x, cov_xy, cov_y) = three.projection, blocks
cov_z = A @ cov_x @ A.T + np.eye(len(A))
again = (vi.gaussian_mutual_information(cov_x, cov_x @ A.T, cov_z),
         vi.gaussian_mutual_information(cov_z, A @ cov_xy, cov_y))
print(three)
print("from covariances of Z = A x + noise:", *(f"{x:.4f}" for x in again))
assert np.allclose(again, (three.I_TX, three.I_TY), atol=1e-8)

first = normal.critical_betas[0]
_, axes = plt.subplots(figsize=(7.2, 3.8))
axes.plot(normal.I_TX, normal.I_TY, "C0", label="the curve")
enter = np.isin(normal.beta, normal.critical_betas)
axes.plot(normal.I_TX[enter], normal.I_TY[enter], "C1o", ms=4,
          label="a direction comes in")
axes.plot([0, 4], [0, 4 / first], "C2--", label="slope 1 / critical beta")
axes.axhline(normal.limit, color="#8b929b", linestyle=":", label="I(X;Y)")
axes.set(xlim=(-0.5, 40), ylim=(-0.1, 5.4))
axes.set(xlabel="I(X;Z) (nats)", ylabel="I(Z;Y) (nats)")
axes.set_title("upper halves of digits about lower halves, as if normal")
axes.legend(loc="center right")

# %%
# The deep version replaces both terms by bounds: a reference r(z)
# instead of q(z), a decoder d(y|z) instead of p(y|z). Any pair is safe; each
# costs a KL.

q = vi.Categorical(logits=by_hand)  # q(z|x), x = 0, 1: equally probable
p_z = p_zy.sum(axis=1)
p_y_z = vi.Categorical(probs=p_zy / p_z[:, None])
r = vi.Categorical(probs=[0.6, 0.4])
decoder = vi.Categorical(probs=[[0.7, 0.3], [0.2, 0.8]])

rate = float(vi.rate(q, r, over="dataset"))
relevance = np.sum(p_zy * np.log(decoder.probs)) + vi.entropy(p_xy.sum(0))
above = vi.kl(vi.Categorical(probs=p_z), r)
below = p_z @ vi.kl(p_y_z, decoder)
i_xz, i_zy = hand
print(f"I(X;Z) {i_xz:.6f} + KL of the reference {above:.6f} = {rate:.6f}")
print(f"I(Z;Y) {i_zy:.6f} - KL of the decoder   {below:.6f} = {relevance:.6f}")
print(f"VIB objective {rate - beta * relevance:.6f} >= "
      f"{found.objective:.6f}, the bottleneck's")
assert abs(i_xz + above - rate) < 1e-10 and above > 0
assert abs(i_zy - below - relevance) < 1e-10 and below > 0

# %%
# With networks: 1,200 digits to fit, 597 to place the codes by, one bottleneck
# at each weight 1/beta of the rate.

shuffled = np.random.default_rng(0).permutation(len(images))
fit, other = shuffled[:1200], shuffled[1200:]
held_out = images[other], labels[other]
weights = [1e-3, 1e-2, 0.1, 0.3, 1, 10]
plane = vi.vib_plane(images[fit], labels[fit], weights,
                     vi.VIB(latent_dim=8, hidden=(64,)), held_out=held_out,
                     epochs=40, draws=50, rng=0)
print(plane)
rates = np.array([point.rate.value for point in plane])
label_information = [point.label_information for point in plane]
assert np.all(np.diff(rates) < 0) and plane.collapsed == (10.0,)
for point, told in zip(plane, label_information):
    assert told.direction == "lower" and point.rate.direction == "upper"
    spread = np.hypot(told.stderr, point.rate.stderr)
    assert told.value < min(np.log(10), point.rate.value) + 5 * spread

# %%
# Each point stands at its rate, an upper bound on I(X;Z); the line to its left
# ends at the index information, which lies below I(X;Z). The height is a
# lower bound on I(Y;Z).

_, axes = plt.subplots(figsize=(7.2, 4.0))
at = np.geomspace(1e-3, 100, 200)
axes.plot(at, np.minimum(at, np.log(10)), color="#8b929b", linestyle=":",
          label="min(rate, log 10)")
for k, (point, told) in enumerate(zip(plane, label_information)):
    name = "1.96 standard errors" if k == 0 else None
    left = max(float(point.index_information.value), 1e-3)
    axes.plot([left, rates[k]], [told.value] * 2, "C1", lw=1,
              label="to the index information" if k == 0 else None)
    axes.errorbar(rates[k], told.value, 1.96 * told.stderr, fmt="C0o",
                  capsize=3, label=name)
    axes.annotate(f"{point.rate_weight:g}", (rates[k], told.value),
                  xytext=(6, -14), textcoords="offset points")
axes.set(xscale="log", xlim=(8e-4, 150), ylim=(-0.4, 2.6))
axes.set(xlabel="rate (nats)", ylabel="label information (nats)")
axes.set_title("deep bottlenecks of digits, by the weight of the rate")
axes.legend(loc="center left")
