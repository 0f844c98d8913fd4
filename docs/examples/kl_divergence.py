"""
KL divergence: two directions between two normals
=================================================

The same two curves, averaged under q and averaged under p.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

p = vi.DiagonalNormal([0.0], [1.0])
grid = np.linspace(-40, 40, 20_001)[:, None]


def integral(q, p):
    """The integral of q log(q/p), from the log densities alone."""
    log_q, log_p = q.log_prob(grid), p.log_prob(grid)
    return np.trapezoid(np.exp(log_q) * (log_q - log_p), grid[:, 0])


# %%
# The closed form against the integral and against draws, in both directions,
# which are two different numbers.

for scale in (0.5, 2.0):
    q = vi.DiagonalNormal([1.0], [scale])
    for name, a, b in (("KL(q, p)", q, p), ("KL(p, q)", p, q)):
        exact, by_quadrature = vi.kl(a, b), integral(a, b)
        drawn = vi.kl(a, b, method="monte_carlo", draws=10_000, rng=0)
        print(f"q = N(1, {scale}²): {name} {exact:.10f}", end=", ")
        print(f"integral {by_quadrature:.10f}, drawn {drawn.value:.3f}")
        assert abs(exact - by_quadrature) < 1e-10 * exact
        assert abs(drawn.value - exact) < 5 * drawn.stderr

# %%
# The gradient against differences of the integral: two steps to either side
# of each parameter, with an error of fourth order in the step.

step = 1e-3
_, gradient = vi.kl_and_gradient(vi.DiagonalNormal([1.0], [0.5]), p)


def moved(loc, scale):
    """KL(q, p) by the integral, q moved away from N(1, 0.5²)."""
    return integral(vi.DiagonalNormal([1.0 + loc], [0.5 + scale]), p)


for name, x, y in (("loc", step, 0.0), ("scale", 0.0, step)):
    values = [moved(t * x, t * y) for t in (-2, -1, 1, 2)]
    slope = np.dot(values, (1, -8, 8, -1)) / (12 * step)
    derivative = getattr(gradient, name)[0]
    print(f"d KL(q, p) / d {name}: {derivative:.9f}, differences {slope:.9f}")
    assert abs(derivative - slope) < 1e-8 * abs(slope)

# %%
# Where q has mass and p has none, KL(q, p) is infinite. The other way round
# the term is 0 log 0 = 0.

q3 = vi.Categorical(probs=[0.5, 0.3, 0.2])
p3 = vi.Categorical(probs=[0.6, 0.4, 0.0])
by_hand = 0.6 * np.log(0.6 / 0.5) + 0.4 * np.log(0.4 / 0.3)
print(f"KL(q, p) = {vi.kl(q3, p3)}, KL(p, q) = {vi.kl(p3, q3):.6f}")
assert vi.kl(q3, p3) == np.inf
assert abs(vi.kl(p3, q3) - by_hand) < 1e-12

# %%
# The integrands. What lies below the axis counts against what lies above it.


def picture(scale):
    """width of q (standard deviation)"""
    q, z = vi.DiagonalNormal([1.0], [scale]), np.linspace(-5, 6, 221)
    log = {"q": q.log_prob(z[:, None]), "p": p.log_prob(z[:, None])}
    _, panels = plt.subplots(1, 2, figsize=(7.2, 3.6), sharey=True)
    values = vi.kl(q, p), vi.kl(p, q)
    for axes, a, b, value in zip(panels, "qp", "pq", values, strict=True):
        axes.plot(z, np.exp(log["q"]), "C0", label="q")
        axes.plot(z, np.exp(log["p"]), "C1", ls="--", label="p")
        integrand = np.exp(log[a]) * (log[a] - log[b])
        name = rf"${a}\,\log({a}/{b})$"
        axes.fill_between(z, integrand, color="C2", alpha=0.4, label=name)
        axes.axhline(0, color="#8b929b", lw=0.8)
        axes.text(0.5, 1.85, f"KL({a}, {b}) = {value:.3f}", ha="center")
        axes.set(title=f"averaged under {a}", xlabel="z")
        axes.set(xlim=(-5, 6), ylim=(-0.5, 2.4))
        axes.legend(loc="upper left", ncols=3, fontsize="small")


positions = np.geomspace(0.5, 2, 33)
picture(positions[4])
