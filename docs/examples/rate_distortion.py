"""
Rate–distortion: a coin, pixels, and a Gaussian source under water
==================================================================

What a given fidelity costs in nats: by formula where there is one, between
two certified limits where there is none.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# %%
# A fair coin, rebuilt with at most a share D of errors: R(D) = log 2 - h(D).
# The channel that reaches it errs with probability D, whatever the side.

D = 0.11
formula = vi.binary_rate_distortion(0.5, D)
tables = [[(1 - D) / 2, D / 2], [D / 2, (1 - D) / 2]]  # p(x, x_hat)
reached = vi.mutual_information(tables)
print(f"R(0.11) = {formula / np.log(2):.10f} bits, formula")
print(f"    I   = {reached / np.log(2):.10f} bits, through the test channel")
assert abs(reached - formula) < 1e-12
assert abs(formula / np.log(2) - 0.5000840418) < 1e-10

# %%
# The solver is given the source, the table of costs, and what an error may
# cost: the slope of the curve at 0.11. It finds point and channel.

error_costs = np.array([[0, 1], [1, 0]])
slope = np.log((1 - D) / D)  # nats per error
point = vi.blahut_arimoto([0.5, 0.5], error_costs, slope).to("bits")
print(point)
print(point.channel)
assert abs(point.rate - formula / np.log(2)) < 1e-10
assert abs(point.distortion - D) < 1e-10 and point.converged

# %%
# Every other channel pays at least as much. Ten thousand at random: what each
# lets through, I(X; X̂), and how often it errs.

flip_0, flip_1 = np.random.default_rng(0).random((2, 10_000)) ** 2
tables = np.array([[1 - flip_0, flip_0], [flip_1, 1 - flip_1]]) / 2
nats = vi.mutual_information(np.moveaxis(tables, -1, 0))
errors = (flip_0 + flip_1) / 2
spare = nats - vi.binary_rate_distortion(0.5, errors)
print(f"smallest I - R(D) among 10,000: {np.min(spare):.1e} nats")
assert np.all(spare >= -1e-12)

share = np.linspace(0, 0.6, 241)
_, axes = plt.subplots(figsize=(5.4, 3.6))
axes.plot(errors[:600], nats[:600], ".", color="#8b929b", ms=3)
axes.plot(share, vi.binary_rate_distortion(0.5, share), "C0")
axes.text(0.03, 0.05, "no channel here", color="C0")
axes.set(xlim=(0, 0.6), ylim=(0, 0.72), xlabel="errors, D", ylabel="nats")
_ = axes.set(title="A fair coin: R(D), and 600 channels at random")

# %%
# A source without a formula: the intensity of a pixel of the digits, 0 to 16,
# half of them 0. What is rebuilt may lie on a finer grid, and at the mean; the
# cost is the squared error.

X = vi.datasets.digits(raw=True)
p_x = np.bincount(X.astype(int).ravel(), minlength=17) / X.size
values, mean = np.arange(17), X.mean()
grid = np.append(np.linspace(0, 16, 65), mean)
cost = (values[:, None] - grid) ** 2

few = vi.rate_distortion_curve(p_x, cost, tolerance=0.1)
curve = vi.rate_distortion_curve(p_x, cost)
print(few, curve, sep="\n")
low, high = curve.rate_at(4.0)
print(f"{low:.4f} <= R(4) <= {high:.4f} nats; a normal source of this")
gaussian = 0.5 * np.log(X.var() / 4)
print(f"variance needs {gaussian:.4f}, the entropy is {vi.entropy(p_x):.4f}")
assert few.converged.all() and curve.converged.all()
assert few.rate_at(4.0)[0] <= low <= high <= few.rate_at(4.0)[1]
assert high < gaussian and abs(curve.rate[0] - vi.entropy(p_x)) < 1e-9
assert abs(curve.distortion[-1] - X.var()) < 1e-9

# %%
# Each solve gives a point *and a line below the curve*. Between neighbouring
# points the curve lies above both tangents and below the chord. Here are seven
# points, and the limits that they leave to all others.

D = np.linspace(0, few.distortion[-1], 400)
low, high = few.rate_at(D)
_, axes = plt.subplots(figsize=(7.2, 4.2))
axes.fill_between(D, low, high, color="C1", alpha=0.25, lw=0)
axes.plot(D, high, "C1", lw=1.2, label="chords: above")
axes.plot(D, low, "C0", lw=1.2, label="tangents: below")
axes.plot(few.distortion, few.rate, "C0o", label="points solved")
exact = curve.rate_at(D)[1]
axes.plot(D, exact, "C2", lw=1.2, label=f"{len(curve.rate)} points")
normal = 0.5 * np.log(X.var() / D[D > 0.3])
axes.plot(D[D > 0.3], normal, "C3--", lw=1.2, label="normal source")
axes.set(xlim=(-0.5, 37.5), ylim=(-0.05, 2.4))
axes.set(xlabel="squared error per pixel, D", ylabel="nats per pixel")
axes.set_title("R(D) of one pixel, between its tangents and its chords")
axes.legend(loc="upper right")
assert np.all(low <= exact + 1e-9) and np.all(exact <= high + 1e-9)

# %%
# What is solved at one slope. ``q`` are the probabilities of the outputs; the
# loop of Blahut and Arimoto multiplies each by what it is asked for, ``c``.
# The gap between value and certificate needs no knowledge of the solution.

slope = 0.1  # nats per unit of squared error
A = np.exp(-slope * (cost - cost.min(axis=1, keepdims=True)))
q, gaps = np.full(len(grid), 1 / len(grid)), []
for _ in range(10_000):
    c = A.T @ (p_x / (A @ q))
    above = q * c * np.log(np.maximum(c, 1e-300))  # of F(q) over its channel
    gaps.append(np.log(c.max()) - above.sum())
    q = q * c
steps = (1, 10, 100, 1000, 10_000)
print("step", *(f"{n:>9,}" for n in steps))
print("gap ", *(f"{gaps[n - 1]:9.1e}" for n in steps), "nats")

solved = vi.blahut_arimoto(p_x, cost, slope)
print(solved, f"\nin {solved.iterations} steps")
floor = p_x @ cost.min(axis=1)
plain = -p_x @ np.log(A @ q) + slope * floor  # of the loop, where it ended
print(f"the loop ends {plain - solved.lower:.1e} nats above the certificate")
assert solved.converged and solved.gap < 1e-10 < gaps[-1]
assert -1e-12 < plain - solved.lower < gaps[-1]

# %%
# The loop crawls: its gap falls as 1/n, since outputs next to each other serve
# nearly alike, and those that are not needed die slowly. The solver begins
# with the same steps, sees that they will take long, and finishes by an
# interior point. The value never rises; the gap may, on the way.

count = np.arange(1, solved.iterations + 1)
stops = [vi.blahut_arimoto(p_x, cost, slope, iterations=int(n)) for n in count]
_, axes = plt.subplots(figsize=(7.2, 3.6))
axes.loglog(np.arange(1, 10_001), gaps, "C1", label="the loop above")
axes.loglog(count, [s.gap for s in stops], "C0", label="blahut_arimoto")
axes.axhline(1e-10, color="#8b929b", linestyle=":")
axes.text(1.1, 2e-10, "asked for")
axes.set(xlabel="steps", ylabel="certified gap (nats)", ylim=(1e-11, 3))
axes.set_title("how far from the least value, at most")
axes.legend(loc="upper right")
used = np.flatnonzero(solved.output > 1e-6)
print("outputs in use:", ", ".join(f"{grid[i]:.4g}" for i in used))
for stop in stops:  # every stop's limits hold the value
    assert stop.lower <= solved.upper + 1e-12
    assert stop.upper >= solved.lower - 1e-12

# %%
# A Gaussian source with the covariance of the digits. Reverse water-filling:
# directions of less variance than the level are given up, the others are
# rebuilt up to an error of the level.

used = X.std(axis=0) > 0  # three pixels are never inked
centred = X[:, used] - X[:, used].mean(axis=0)
covariance = centred.T @ centred / len(centred)
variances, directions = np.linalg.eigh(covariance)
variances, directions = variances[::-1], directions[:, ::-1]

# %%
# The same point by another route: build the test channel, a noisy code of the
# directions above water, and ask for its information and its error from
# covariances alone. To lose the same share of every variance instead, for the
# same error in all, takes more nats.

for level in (120.0, 60.0, 5.0):
    source = vi.reverse_water_filling(variances, level)
    rate, error = source.rate, source.distortion
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
    source = vi.reverse_water_filling(variances, level)
    rate, error = source.rate, source.distortion
    first, lost = np.arange(1, 17), np.minimum(variances, level)[:16]
    kept = variances[:16] - lost
    _, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
    left.bar(first, lost, color="C0", label="lost")
    left.bar(first, kept, bottom=lost, color="C1", label="kept")
    left.axhline(level, color="C0")
    left.set(xlim=(0, 17), ylim=(0, 225), xlabel="direction")
    left.set(title="variances under water")
    left.legend(loc="upper right")
    whole = vi.reverse_water_filling(variances, np.geomspace(1, 179, 100))
    right.plot(whole.distortion, whole.rate, "#8b929b")
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
    rate = vi.reverse_water_filling(variances, level).rate
    axes.set(title=f"{rate:.1f} nats" if level else "image")
    axes.axis("off")
