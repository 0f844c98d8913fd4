"""
The information bottleneck: clusters that split
===============================================

Z keeps of X what tells about Y. As relevance gains weight, one cluster becomes
two, and more.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.special import log_softmax, logsumexp, xlogy
from sklearn.datasets import load_digits

import varinf as vi

# %%
# The self-consistent equations of the bottleneck, iterated. Encoder and
# cluster sizes stay logarithms, so no cluster is lost to underflow, and xlogy
# skips 0 log 0.


def bottleneck(p_xy, beta, log_encoder, steps=2000):
    """log q(z|x), (X, Z), from a first guess: min I(X;Z) - beta I(Z;Y)."""
    p_x = p_xy.sum(axis=1, keepdims=True)
    for _ in range(steps):
        log_xz = np.log(p_x) + log_encoder
        log_z = logsumexp(log_xz, axis=0)
        p_y_z = np.exp(log_xz - log_z).T @ (p_xy / p_x)  # p(y|z)
        fit = xlogy((p_xy / p_x)[:, None], p_y_z).sum(axis=-1)
        last = np.exp(log_encoder)
        log_encoder = log_softmax(log_z + beta * fit, axis=1)
        if np.max(np.abs(np.exp(log_encoder) - last)) < 1e-12:
            break
    return log_encoder


def plane(p_xy, log_encoder):
    """I(X;Z) and I(Z;Y), in nats."""
    encoder = np.exp(log_encoder)
    p_xz = p_xy.sum(axis=1, keepdims=True) * encoder
    return vi.mutual_information(p_xz), vi.mutual_information(encoder.T @ p_xy)


# %%
# A source with an exact answer: x a fair bit, y the same bit flipped with
# probability 0.1. On the exact curve Z is x flipped with probability delta,
# and beta is what a nat of I(Z;Y) costs there in I(X;Z).

eps = 0.1
p_xy = np.array([[1 - eps, eps], [eps, 1 - eps]]) / 2
start = log_softmax(5 * np.eye(2), axis=1)  # a cluster for each x


def h(p):
    return vi.entropy([p, 1 - p])


delta = brentq(lambda p: h(p) - np.log(2) / 2, 1e-9, 0.5, xtol=1e-15)
flips = delta * (1 - eps) + (1 - delta) * eps  # of y against z
slope = np.log(1 / delta - 1) / np.log(1 / flips - 1) / (1 - 2 * eps)
found = bottleneck(p_xy, slope, start)
i_xz, i_zy = plane(p_xy, found)
print("bits at beta", f"{slope:.10f}", "  iterated       exact")
print(f"I(X;Z)                   {i_xz / np.log(2):.10f}  0.5")
print(f"I(Z;Y)                   {i_zy / np.log(2):.10f}  "
      f"{1 - h(flips) / np.log(2):.10f}")
assert abs(i_xz - np.log(2) / 2) < 1e-9
assert abs(i_zy - np.log(2) + h(flips)) < 1e-9

# %%
# Start with a cluster for each x and let beta fall: below the critical beta,
# 1 / (1 - 2 eps)^2, the clusters are one. Read from left to right, they split.

betas, log_encoder, branches = np.linspace(4, 1, 61), start, []
for beta in betas:
    log_encoder = bottleneck(p_xy, beta, log_encoder)
    p_zy = np.exp(log_encoder).T @ p_xy
    branches.append(p_zy[:, 1] / p_zy.sum(axis=1))
branches, critical = np.array(branches), 1 / (1 - 2 * eps) ** 2

_, axes = plt.subplots()
axes.plot(betas, branches[:, 0], "C0", label="cluster 1")
axes.plot(betas, branches[:, 1], "C1--", label="cluster 2")
axes.axvline(critical, color="#8b929b", linestyle=":")
axes.text(critical + 0.04, 0.93, f"critical beta {critical:.4f}")
axes.set(xlabel="beta", ylabel="p(y = 1 | z)", ylim=(0, 1))
axes.set_title("clusters splitting at the critical beta")
axes.legend(loc="center right")
assert np.ptp(branches[betas < critical - 0.01]) < 1e-6
assert np.all(np.diff(branches[betas > critical + 0.01]) > 0.1)

# %%
# The deep version replaces both terms by bounds: a reference r(z)
# instead of q(z), a decoder d(y|z) instead of p(y|z). Any pair is safe; each
# costs a KL.

q = vi.Categorical(logits=found)  # q(z|x), x = 0, 1: equally probable
p_zy = np.exp(found).T @ p_xy
p_z = p_zy.sum(axis=1)
p_y_z = vi.Categorical(probs=p_zy / p_z[:, None])
r = vi.Categorical(probs=[0.6, 0.4])
decoder = vi.Categorical(probs=[[0.7, 0.3], [0.2, 0.8]])

rate = float(vi.rate(q, r, over="dataset"))
relevance = np.sum(p_zy * np.log(decoder.probs)) + vi.entropy(p_xy.sum(0))
above = vi.kl(vi.Categorical(probs=p_z), r)
below = p_z @ vi.kl(p_y_z, decoder)
print(f"I(X;Z) {i_xz:.6f} + KL of the reference {above:.6f} = {rate:.6f}")
print(f"I(Z;Y) {i_zy:.6f} - KL of the decoder   {below:.6f} = {relevance:.6f}")
print(f"VIB objective {rate - slope * relevance:.6f} >= "
      f"{i_xz - slope * i_zy:.6f}, the bottleneck's")
assert abs(i_xz + above - rate) < 1e-10 and above > 0
assert abs(i_zy - below - relevance) < 1e-10 and below > 0

# %%
# Real data: x is a digit's class, y the pixel in which a drop of its ink lies.
# Which digits does a short code confuse?

images, ink = vi.datasets.digits(raw=True), []
labels = load_digits().target
order = [0, 6, 4, 7, 2, 5, 3, 9, 8, 1]
ink = np.array([images[labels == digit].mean(axis=0) for digit in order])
ink = ink[:, ink.sum(axis=0) > 0] / ink.sum()
betas = np.geomspace(40, 10, 29)
log_encoder, encoders = log_softmax(8 * np.eye(10), axis=1), []
for beta in betas:
    log_encoder = bottleneck(ink, beta, log_encoder, steps=200)
    encoders.append(log_encoder)
curve = np.array([plane(ink, found) for found in encoders])
lagrangian = curve[:, 0] - betas * curve[:, 1]
whole = vi.mutual_information(ink)
for i in (0, 10, 16, 20, 24):
    print(f"beta {betas[i]:5.2f}: I(X;Z) {curve[i, 0]:.3f}, I(Z;Y) "
          f"{curve[i, 1]:.4f}, {curve[i, 1] / whole:4.0%} of I(X;Y)")
assert np.all(curve[:, 1] < curve[:, 0]) and np.all(curve[:, 1] < whole)

# %%
# The second singular value tells where the trivial encoder stops being a local
# optimum. Here a better encoder, far from it, exists before that.

scaled = ink / np.sqrt(np.outer(ink.sum(axis=1), ink.sum(axis=0)))
local = 1 / np.linalg.svd(scaled, compute_uv=False)[1] ** 2
i = np.flatnonzero(betas < local)[0]
print(f"1 / (second singular value)^2 = {local:.3f}; at beta {betas[i]:.3f} "
      f"already\nI(X;Z) - beta I(Z;Y) = {lagrangian[i]:.4f} < 0")
assert lagrangian[i] < -1e-3

# %%
# Move beta. Left: each row is a cluster z, each column a digit x, the height
# of a bar is q(z|x). Right: the line through the point has slope 1 / beta,
# since there a nat of relevance costs beta nats of rate.


def picture(beta):
    """beta, nats of rate paid for a nat of relevance"""
    i = np.argmin(np.abs(betas - beta))
    _, (left, right) = plt.subplots(1, 2)
    for z, row in enumerate(np.exp(encoders[i]).T):
        left.bar(range(10), 0.9 * row, bottom=z, color=f"C{z % 5}")
    left.set(xticks=range(10), xticklabels=order, yticks=[], ylim=(0, 10))
    left.set(xlabel="digit x", ylabel="cluster z", title="q(z|x)")
    x, y = curve[i]
    right.plot(*curve.T, color="#8b929b", label="found")
    right.plot([x - 0.5, x + 0.5], [y - 0.5 / beta, y + 0.5 / beta], "C1--",
               label="slope 1 / beta")
    right.plot(x, y, "C0o")
    right.axhline(whole, color="C2", linestyle=":", label="I(X;Y)")
    right.set(xlim=(-0.1, 2.5), ylim=(-0.01, 0.19), title="information plane")
    right.set(xlabel="I(X;Z) (nats)", ylabel="I(Z;Y) (nats)")
    right.legend(loc="lower right")


positions = betas[::-1]
picture(positions[12])
