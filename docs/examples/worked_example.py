"""
Fidelity against compressibility: digits over beta
==================================================

A larger beta buys a shorter code with a worse picture, along Shannon's curve.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

import varinf as vi

X = vi.datasets.digits(raw=True)  # 1,797 images of 8 x 8 pixels, 0 to 16
centre = X.mean(axis=0)
variances, axes_of_x = np.linalg.eigh(np.cov(X.T, bias=True))
variances, axes_of_x = variances[::-1], axes_of_x[:, ::-1]
K = 20  # the dimension of z
noise = vi.models.LinearGaussian(latent_dim=K).fit(X).noise_variance
print(f"decoder noise sigma^2 = {noise:.4f}, at every beta")

# %%
# The linear VAE of largest objective, for each beta. With the water level
# tau = beta sigma^2 it is the linear Gaussian model of noise variance tau
# whose decoder keeps of each variance what stands above the water.


def best(beta):
    """(model, encoder) at this beta."""
    tau = beta * noise
    kept = np.sqrt(np.maximum(variances[:K] - tau, 0))
    model = vi.models.LinearGaussian.from_parameters(
        axes_of_x[:, :K] * kept, centre, tau)
    return model, model.mean_field(X)


def errors(model, q):
    """E_q of the squared error, for each image."""
    at_mean = X - centre - q.mean @ model.weights.T
    spread = q.variance @ np.sum(model.weights**2, axis=0)
    return np.sum(at_mean**2, axis=1) + spread


# %%
# Shannon's curve for a Gaussian source with the digits' covariance, by a route
# that has no beta in it: from the squared error alone, find the water level
# that spends it, and read off the nats.


def shannon(error):
    """R(D) in nats, by reverse water-filling."""
    def unspent(level):
        return np.minimum(variances, level).sum() - error
    level = brentq(unspent, 0, variances[0], xtol=1e-13, rtol=1e-14)
    return np.sum(np.log(np.maximum(variances / level, 1))) / 2


print(" beta     tau     rate   squared error   R(D)      excess")
for tau in (noise, 6, variances[K], 20, 60, 100, 160):
    model, q = best(tau / noise)
    rate = float(vi.rate(q, over="dataset"))
    error = errors(model, q).mean()
    excess = rate - shannon(error)
    print(f"{tau / noise:5.2f}  {tau:6.2f}  {rate:8.4f}  {error:9.2f}"
          f"     {shannon(error):8.4f}   {excess:.1e}")
    if tau >= variances[K]:  # nothing left out stands above the water
        assert abs(excess) < 1e-10 * rate
    else:
        assert excess > 0.01
    if tau == 60:
        assert abs(rate - 1.8115) < 5e-5 and abs(error - 846.72) < 5e-3

# %%
# How that looks: one digit from its code, at seven values of beta.

levels = np.geomspace(0.3, 178, 200)
curve = [(np.log(np.maximum(variances / t, 1)).sum() / 2,
          np.minimum(variances, t).sum()) for t in levels]
_, axes = plt.subplots(figsize=(7.2, 4.6))
axes.plot(*np.transpose(curve), color="C0")
axes.text(0.3, 50, "filled: on the curve\nopen: above it", color="C1")
axes.set(xlim=(-0.5, 30), ylim=(0, 1400))
axes.set(xlabel="rate (nats per image)", ylabel="squared error")
axes.set_title("Digits on the rate-distortion plane, from beta 60 to beta 1")
n = 4  # the image shown
places = {60: (1.5, 1120), 35: (5.2, 980), 20: (8.9, 840), 10: (12.6, 700),
          4: (16.3, 560), 2: (20.6, 430), 1: (26.0, 340), 0: (26.0, 1050)}
for beta, (x, y) in places.items():
    pixels = X[n]  # the image itself, at no beta
    if beta:
        model, q = best(beta)
        pixels = centre + model.weights @ q.mean[n]
        point = vi.rate(q, over="dataset").value, errors(model, q).mean()
        on_curve = beta * noise >= variances[K]
        axes.plot(*zip(point, (x, y + 40)), color="#8b929b", lw=0.7)
        axes.plot(*point, "o", color="C1", mfc="C1" if on_curve else "none")
    small = axes.inset_axes([x, y, 3.3, 210], transform=axes.transData)
    small.imshow(pixels.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    small.axis("off")
    name = rf"$\beta$ = {beta}" if beta else "the image"
    small.set_title(name, fontsize="small", pad=2)

# %%
# A network in place of the matrix, with the same noise: one hidden layer each
# way, trained on 1,500 images at each beta, placed by the 297 others. It falls
# silent as the linear one does. In between it passes below the curve, which is
# that of a Gaussian source: digits are none. At beta = 1 it lies above.

network = vi.VAE(K, hidden=(128,), likelihood="normal", noise_scale=noise**0.5)
plane = vi.rate_distortion_plane(
    X[:1500], [1, 4, 10, 20, 100], network, held_out=X[1500:], rng=0,
    learning_rate=1e-2, schedule="cosine")
print(plane)
rates = [point.rate.value for point in plane]
assert rates == sorted(rates, reverse=True) and plane.collapsed == (100,)
curve_rates = [shannon(point.squared_error) for point in list(plane)[:4]]
print("R(D) of the first four:", *(f"{rate:.3f}" for rate in curve_rates))
below = [rate < least for rate, least in zip(rates, curve_rates)]
assert below == [False, True, True, True]

# %%
# Move beta: the digit fades as its code gets shorter.


def picture(beta):
    """beta"""
    model, q = best(beta)
    rate, error = float(vi.rate(q, over="dataset")), errors(model, q)
    digit = (centre + model.weights @ q.mean[n]).reshape(8, 8)
    own = vi.kl(q, vi.DiagonalNormal.standard(K))[n]
    _, (left, right) = plt.subplots(
        1, 2, figsize=(7.2, 3.6), width_ratios=[1, 1.5])
    left.pcolormesh(digit[::-1], cmap="gray_r", vmin=0, vmax=16)
    left.set(aspect="equal")
    left.axis("off")
    left.set_title("one digit from its code")
    right.plot(*np.transpose(curve), color="C0")
    right.plot(rate, error.mean(), "o", color="C1")
    right.text(9, 1150, f"all images: {rate:.2f} nats")
    right.text(9, 1030, f"squared error {error.mean():.0f}")
    right.text(9, 850, f"this digit: {own:.2f} nats", color="C1")
    right.text(9, 730, f"squared error {error[n]:.0f}", color="C1")
    right.set(xlim=(-0.5, 30), ylim=(0, 1300))
    right.set(xlabel="rate (nats)", ylabel="squared error")
    right.set_title("where on the plane")


positions = np.geomspace(1, 60, 25)
picture(positions[12])
