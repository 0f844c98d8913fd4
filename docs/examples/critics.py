"""
Bounds on information from scores, and their ceiling
====================================================

A critic scores N pairs; its InfoNCE bound never passes log N.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# x and y normal in 20 dimensions, correlated by rho in each of them.
d, rng = 20, np.random.default_rng(0)


def batches(information, N, count, rng=rng):
    """log p(y_i | x_j) and log p(y_i): (count, N, N) over j, i; (count, N)."""
    rho = np.sqrt(-np.expm1(-2 * information / d))
    variance = 1 - rho**2
    x = rng.standard_normal((count, N, d))
    y = rho * x + np.sqrt(variance) * rng.standard_normal((count, N, d))
    squares = (y**2).sum(-1)
    cross = x @ y.transpose(0, 2, 1)
    away = squares[:, None] - 2 * rho * cross
    away += rho**2 * (x**2).sum(-1)[..., None]  # |y_i - rho x_j|²
    conditional = -(away / variance + d * np.log(2 * np.pi * variance)) / 2
    return conditional, -(squares + d * np.log(2 * np.pi)) / 2


# %%
# The bounds: a matrix of scores f(x_j, y_i) each, true pairs on the diagonal.


def each(bound):
    return lambda batch: np.array([float(bound(scores)) for scores in batch])


infonce = each(vi.infonce)  # contrast over x for each y
leave_one_out = each(vi.leave_one_out)  # an upper bound, with the true one
nwj = each(vi.nwj)
donsker_varadhan = each(vi.donsker_varadhan)

# %%
# Information 2 nats, 64 pairs, the optimal critic of each: averages over 1,200
# batches, beside values from long simulations.


def score(name, values, truth, error=0.0):
    mean, own = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    z = (mean - truth) / np.hypot(own, error)
    print(f"{name:24} {mean:8.4f} ± {own:.4f}, should be {truth:.4f}")
    assert abs(z) < 5, z
    return mean


conditional, marginal = batches(2.0, 64, 1200)
ratio = conditional - marginal[:, None]
low = score("InfoNCE", infonce(conditional), 1.8121, 0.0005)
high = score("leave-one-out", leave_one_out(conditional), 2.1611, 0.0005)
score("NWJ", nwj(1 + ratio), 2.0)
wrong_axis = conditional.swapaxes(1, 2)
score("InfoNCE, contrast over y", infonce(wrong_axis), -0.78, 0.005)
assert low < 2 < high
assert np.allclose(infonce(conditional), infonce(ratio), rtol=1e-10)
far = batches(10.0, 64, 500)
scores = donsker_varadhan(far[0] - far[1][:, None])
above = score("Donsker-Varadhan, I = 10", scores, 11.30, 0.02)
assert above > 10  # on a batch it is no lower bound
assert infonce(far[0]).max() <= np.log(64)

# %%
# The index information of a data set is InfoNCE with the encoder as the
# critic: the same draws give the same number.

rho = np.sqrt(-np.expm1(-4 / d))
x = rng.standard_normal((256, d))
q = vi.DiagonalNormal(rho * x, np.full_like(x, np.sqrt(1 - rho**2)))
codes = q.sample(1, rng=1)[0]
each = np.broadcast_to(codes[:, None], (256, 256, d))
scores = q.log_prob(each).T  # [j, i]: code i under the encoder of x_j
bound, ours = vi.infonce(scores), vi.index_information(q, rng=1)
print(f"InfoNCE {float(bound):.12f}, index information {float(ours):.12f}")
assert abs(float(bound) - float(ours)) < 1e-10
print(bound)

# %%
# The staircase: the information grows by 2 nats every 20 batches, and each
# InfoNCE stops below its log N.

steps = np.repeat([2.0, 4.0, 6.0, 8.0, 10.0], 20)
_, axes = plt.subplots()
axes.plot(steps, "--", color="C2", label="I(X; Y)")
for i, N in enumerate((8, 64, 256)):
    values = [infonce(batches(step, N, 1)[0])[0] for step in steps]
    axes.plot(values, color=f"C{(0, 1, 3)[i]}", label=f"InfoNCE, N = {N}")
    axes.hlines(np.log(N), 0, 100, color="#8b929b", lw=0.8, ls=":")
    axes.text(101, np.log(N), f"log {N}", va="center")
    assert max(values) <= np.log(N)
axes.set(xlim=(0, 112), ylim=(0, 12), xlabel="batch", ylabel="nats")
axes.set(title="InfoNCE with the optimal critic stays under log N")
_ = axes.legend(loc="upper left", fontsize="small")

# %%
# More pairs close the bracket from both sides, as far as the information
# allows. The slider changes the number of pairs.


def picture(N):
    """number of pairs N in a batch"""
    N, rng = int(N), np.random.default_rng(1)
    levels = np.arange(0.5, 10.1, 0.5)
    runs = [batches(level, N, 1 + 512 // N, rng)[0] for level in levels]
    low = [infonce(scores).mean() for scores in runs]
    high = [leave_one_out(scores).mean() for scores in runs]
    _, axes = plt.subplots()
    axes.plot(levels, levels, "-.", color="C2", label="I(X; Y)")
    axes.plot(levels, low, color="C0", label="InfoNCE")
    axes.plot(levels, high, "--", color="C1", label="leave-one-out")
    axes.axhline(np.log(N), color="#8b929b", ls=":", label="log N")
    axes.set(xlim=(0, 10.5), ylim=(0, 14), ylabel="nats, mean over batches")
    axes.set(xlabel="information (nats)", title=f"A bracket from {N} pairs")
    axes.legend(loc="upper left")


positions = np.unique(np.geomspace(2, 256, 22).round())
picture(positions[8])
