"""
Rate–distortion: a coin, and a Gaussian source under water
==========================================================

What a given fidelity costs in nats, for a binary source and for the digits.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# %%
# A fair coin, rebuilt with at most a share D of errors: R(D) = log 2 - h(D).
# The channel that reaches it errs with probability D, whatever the side.

D = 0.11
formula = np.log(2) - vi.entropy([D, 1 - D])
tables = [[(1 - D) / 2, D / 2], [D / 2, (1 - D) / 2]]  # p(x, x_hat)
reached = vi.mutual_information(tables)
print(f"R(0.11) = {formula / np.log(2):.10f} bits, formula")
print(f"    I   = {reached / np.log(2):.10f} bits, through the test channel")
assert abs(reached - formula) < 1e-12
assert abs(formula / np.log(2) - 0.5000840418) < 1e-10

# %%
# Every other channel pays at least as much. Ten thousand at random: what each
# lets through, I(X; X̂), and how often it errs.

flip_0, flip_1 = np.random.default_rng(0).random((2, 10_000)) ** 2
tables = np.array([[1 - flip_0, flip_0], [flip_1, 1 - flip_1]]) / 2
nats = vi.mutual_information(np.moveaxis(tables, -1, 0))
errors = (flip_0 + flip_1) / 2


def coin(D):
    """R(D) of a fair coin in nats; nothing is needed from D = 1/2 on."""
    D = np.minimum(D, 0.5)
    return np.log(2) - vi.entropy(np.stack([D, 1 - D], axis=-1))


spare = nats - coin(errors)
print(f"smallest I - R(D) among 10,000: {np.min(spare):.1e} nats")
assert np.all(spare >= -1e-12)

share = np.linspace(0, 0.6, 241)
_, axes = plt.subplots(figsize=(5.4, 3.6))
axes.plot(errors[:600], nats[:600], ".", color="#8b929b", ms=3)
axes.plot(share, coin(share), "C0")
axes.text(0.03, 0.05, "no channel here", color="C0")
axes.set(xlim=(0, 0.6), ylim=(0, 0.72), xlabel="errors, D", ylabel="nats")
_ = axes.set(title="A fair coin: R(D), and 600 channels at random")

# %%
# A Gaussian source with the covariance of the digits. Reverse water-filling:
# directions of less variance than the level are given up, the others are
# rebuilt up to an error of the level.

X = vi.datasets.digits(raw=True)
used = X.std(axis=0) > 0  # three pixels are never inked
centred = X[:, used] - X[:, used].mean(axis=0)
covariance = centred.T @ centred / len(centred)
variances, directions = np.linalg.eigh(covariance)
variances, directions = variances[::-1], directions[:, ::-1]


def water_filling(level):
    """Rate in nats and squared error, per image."""
    rate = 0.5 * np.sum(np.log(np.maximum(variances / level, 1)))
    return rate, np.sum(np.minimum(variances, level))


# %%
# The same point by another route: build the test channel, a noisy code of the
# directions above water, and ask for its information and its error from
# covariances alone. To lose the same share of every variance instead, for the
# same error in all, takes more nats.

for level in (120.0, 60.0, 5.0):
    rate, error = water_filling(level)
    U = directions[:, variances > level]
    keep = 1 - level / variances[variances > level]
    cov_xz = covariance @ U * keep  # z = keep * U'x + noise; X̂ = U z
    cov_z = keep[:, None] * (U.T @ cov_xz) + np.diag(level * keep)
    information = vi.gaussian_mutual_information(covariance, cov_xz, cov_z)
    squared = np.trace(covariance) - 2 * np.sum(U * cov_xz) + np.trace(cov_z)
    print(f"level {level:5}: R {rate:.10f}, I {information:.10f} nats")
    print(f"             D {error:.8f}, E|x - X̂|² {squared:.8f}")
    assert abs(information - rate) < 1e-10 * rate
    assert abs(squared - error) < 1e-10 * error
    even = 0.5 * len(variances) * np.log(variances.sum() / error)
    print(f"             the same share of every variance: {even:.4f} nats")
    assert even > rate

# %%
# Below water: lost. Above: kept.


def picture(level):
    """water level (variance)"""
    rate, error = water_filling(level)
    first, lost = np.arange(1, 17), np.minimum(variances, level)[:16]
    kept = variances[:16] - lost
    _, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
    left.bar(first, lost, color="C0", label="lost")
    left.bar(first, kept, bottom=lost, color="C1", label="kept")
    left.axhline(level, color="C0")
    left.set(xlim=(0, 17), ylim=(0, 225), xlabel="direction")
    left.set(title="variances under water")
    left.legend(loc="upper right")
    curve = [water_filling(t) for t in np.geomspace(1, 179, 100)]
    right.plot([d for _, d in curve], [r for r, _ in curve], "#8b929b")
    right.plot(error, rate, "C0o")
    right.text(330, 38, f"R = {rate:.2f} nats", color="C0")
    right.text(330, 34, f"D = {error:.0f}", color="C0")
    right.set(xlim=(0, 1250), ylim=(-1, 42), xlabel="squared error, D")
    right.set(title="R(D) of the Gaussian source", ylabel="nats")


positions = np.linspace(4, 179, 36)
picture(positions[11])

# %%
# One image through the test channel at falling water levels.

noise = np.random.default_rng(1).standard_normal(len(variances))
levels = 170.0, 100.0, 40.0, 10.0, 1.0, 0.0
_, panels = plt.subplots(1, 6, figsize=(7.2, 2.1))
plt.suptitle("One image, rebuilt from more and more nats", fontsize="medium")
for axes, level in zip(panels, levels, strict=True):
    keep = np.maximum(1 - level / variances, 0)
    z = keep * (centred[0] @ directions) + np.sqrt(level * keep) * noise
    image = X.mean(axis=0)
    image[used] += directions @ z
    axes.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    axes.set(title=f"{water_filling(level)[0]:.1f} nats" if level else "image")
    axes.axis("off")
