"""
Mutual information: what a noisy channel lets through
=====================================================

One number by four routes, what processing takes away, and the Gaussian pair.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

p_x = np.array([0.5, 0.3, 0.2])
channel = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]])
p_xz = p_x[:, None] * channel  # row x, column z
p_z = p_xz.sum(axis=0)

# %%
# The function for it; the joint distribution against the product of its
# margins; the average KL of the channel's rows to their mixture; entropies.

joint = vi.Categorical(probs=p_xz.ravel())
product = vi.Categorical(probs=np.outer(p_x, p_z).ravel())
rows, mixture = vi.Categorical(probs=channel), vi.Categorical(probs=p_z)
h_x_given_z = p_z @ vi.entropy((p_xz / p_z).T)
routes = {
    "mutual_information": vi.mutual_information(p_xz),
    "KL(joint, product)": vi.kl(joint, product),
    "E KL(p(z|x), p(z))": p_x @ vi.kl(rows, mixture),
    "H(X) - H(X|Z)": vi.entropy(p_x) - h_x_given_z,
}
for name, value in routes.items():
    print(f"{name:<20} {value:.12f} nats")
    assert abs(value - routes["mutual_information"]) < 1e-12

# %%
# Processing: Z goes through the channel again and again, which sees nothing
# of X. A step from z to t loses I(X;Z|T), what z still tells about X once t
# is known.

for step in range(1, 5):
    p_xzt = p_xz[:, :, None] * channel  # p(x, z) p(t | z)
    p_xt, p_t = p_xzt.sum(axis=1), p_xzt.sum(axis=(0, 1))
    given_t = np.moveaxis(p_xzt / p_t, -1, 0)  # p(x, z | t), a batch over t
    before, after = vi.mutual_information(p_xz), vi.mutual_information(p_xt)
    lost = p_t @ vi.mutual_information(given_t)
    print(f"step {step}: {before:.6f} = kept {after:.6f} + lost {lost:.6f}")
    assert abs(before - after - lost) < 1e-12 and after <= before
    p_xz = p_xt

# %%
# Real data: what each pixel of the binary digits tells about the pixel at the
# cross. Dark is much. Its information about itself is its entropy; that square
# is left white.

B = vi.datasets.digits("fixed")
one = B.T @ B[:, 28] / len(B)  # P(pixel = 1, centre = 1)
on, centre = B.mean(axis=0), B[:, 28].mean()
tables = np.array([[one, on - one], [centre - one, 1 - on - centre + one]])
tables = np.clip(np.moveaxis(tables, -1, 0), 0, 1)  # 64 tables, 2 x 2
information = vi.mutual_information(tables)
assert abs(information[28] - vi.entropy([centre, 1 - centre])) < 1e-10
information[28] = 0.0
best = np.argmax(information)
where = f"row {best // 8}, column {best % 8}"
print(f"most about it has {where}: {information[best]:.4f} nats")

_, axes = plt.subplots(figsize=(3.6, 3.6))
axes.imshow(information.reshape(8, 8), cmap="gray_r")
axes.plot(4, 3, "x", color="C1", ms=12, mew=3)
axes.set(title="I(pixel; the pixel at the cross)")
_ = axes.axis("off")

# %%
# A Gaussian pair of correlation ρ: the formula, the function for any number
# of dimensions, and the KL between joint and product.

for rho in (0.0, 0.5, 0.9, 0.99):
    by_formula = -0.5 * np.log(1 - rho**2)
    general = vi.gaussian_mutual_information([[1.0]], [[rho]], [[1.0]])
    pair = vi.FullNormal([0.0, 0.0], covariance=[[1.0, rho], [rho, 1.0]])
    divergence = vi.kl(pair, vi.DiagonalNormal.standard(2))
    print(f"rho {rho:4}: I = {general:.10f}, KL = {divergence:.10f} nats")
    assert abs(general - by_formula) <= 1e-10 * by_formula
    assert abs(divergence - by_formula) <= 1e-10 * by_formula + 1e-15

# %%
# The joint distribution, where it differs from the product of its margins.


def picture(rho):
    """correlation of the pair"""
    nats = vi.gaussian_mutual_information([[1.0]], [[rho]], [[1.0]])
    angle = np.linspace(0, 2 * np.pi, 73)
    circle = np.array([np.cos(angle), np.sin(angle)])
    tril = np.linalg.cholesky([[1.0, rho], [rho, 1.0]])
    _, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7))
    for radius in (0.7, 1.4, 2.1):
        left.plot(*(radius * circle), "C1", ls="--", lw=1)
        left.plot(*(tril @ circle * radius), "C0")
    left.set(xlim=(-2.4, 2.4), ylim=(-2.4, 2.4), aspect="equal")
    left.set(title="joint (solid), product (dashed)", xlabel="x", ylabel="z")
    curve = np.linspace(-0.99, 0.99, 199)
    right.plot(curve, -0.5 * np.log(1 - curve**2), "#8b929b")
    right.plot(rho, nats, "C0o", clip_on=False)
    right.text(-0.45, 1.6, f"I = {nats:.3f} nats", color="C0")
    right.set(xlim=(-1, 1), ylim=(-0.05, 2), xlabel=r"$\rho$", ylabel="nats")
    right.set(title=r"$I = -\frac{1}{2}\log(1 - \rho^2)$")


positions = np.linspace(-0.98, 0.98, 49)
picture(positions[39])
