"""
Inference as optimisation: a normal finds its place
===================================================

Ten lines fit a normal with independent features to a log density, and what
the fit is worth is measured. Then `vi.fit` does it, to all digits.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import varinf as vi

# Ten coefficients given 442 patients: here the exact posterior is known.
X, y = vi.datasets.diabetes()
model = vi.models.LinearRegression(X, y, noise_variance=0.5)
posterior, log_p = model.posterior(), model.log_evidence()

# %%
# The fit sees log p(y, z) and its gradient, nothing else. Draws of q are
# z = m + s * eps. The eps are drawn once, each with its mirror image, and
# kept: so the objective is an ordinary function of m and log s.

half = np.random.default_rng(0).standard_normal((100, 10))
eps = np.concatenate([half, -half])


def minus_elbo(parameters):
    m, log_s = parameters.reshape(2, 10)
    z = m + np.exp(log_s) * eps
    slope = (y - z @ X.T) @ X / 0.5 - z  # gradient of log p(y, z) in z
    entropy = 5 * np.log(2 * np.pi * np.e) + log_s.sum()
    by_log_s = (slope * eps).mean(0) * np.exp(log_s) + 1
    gradient = np.concatenate([slope.mean(0), by_log_s])
    return -model.log_joint(None, z).mean() - entropy, -gradient


path = [np.repeat([0, np.log(0.2)], 10)]  # m = 0, s = 0.2
fit = minimize(minus_elbo, path[0], jac=True, callback=path.append)

# %%
# At every step on the way the ELBO and the KL to the posterior, both exact,
# add up to log p(y), from the marginal density of y. The optimiser climbs the
# first; the second falls by as much.

way = [vi.DiagonalNormal.from_log_scale(*p.reshape(2, 10)) for p in path]
parts = [vi.identity(model, None, q) for q in way]
kl = np.array([part.kl for part in parts])
for i in (0, 10, 20, len(way) - 1):
    elbo = parts[i].elbo
    total = elbo + kl[i]
    print(f"step {i:2d}: ELBO {elbo:.6f} + KL {kl[i]:10.6f} = {total:.6f}")
    assert abs(total - log_p) < 1e-10 * abs(log_p)
print(f"log p(y):                                {log_p:.6f}")

# %%
# How good can a diagonal normal be? Its best ELBO has a closed form, reached
# at the posterior's mean with variances 1 / Lambda_ii, Lambda the posterior's
# precision. The fitted objective lies *above* it: parameters chosen on fixed
# draws flatter themselves on those draws. Fresh draws tell the truth.

q, best = way[-1], vi.identity(model, None, model.mean_field()).elbo
precision = X.T @ X / 0.5 + np.eye(10)
log_det = np.linalg.slogdet(precision)[1]
gap = (np.log(np.diag(precision)).sum() - log_det) / 2
z, log_q = q.sample_and_log_prob(10_000, rng=1)
log_w = model.log_joint(None, z) - log_q
fresh = vi.elbo(log_w)
print(f"best diagonal ELBO          {best:.6f}")
print(f"log p(y) minus closed gap   {log_p - gap:.6f}")
print(f"objective on fixed draws    {-fit.fun:.6f}   too good to be true")
print(f"ELBO of the same q          {parts[-1].elbo:.6f}")
print(f"from fresh draws            {float(fresh):.3f} ± {fresh.stderr:.3f}")
assert abs(best - (log_p - gap)) < 1e-10 * abs(best)
assert np.allclose(q.loc, posterior.loc, atol=1e-5)  # by the mirror images
assert parts[-1].elbo < best < -fit.fun and best - parts[-1].elbo < 0.3
assert abs(float(fresh) - parts[-1].elbo) < 5 * fresh.stderr

# %%
# The verdict. The tail index of the weights is above its threshold: q is too
# narrow, its bound loose. Between two normals the index has a closed form, one
# minus the least eigenvalue of s Lambda s. An evidence sandwich says the same
# in nats.

print(vi.psis(log_w))
shrunk = precision * np.outer(q.scale, q.scale)
print(f"exact tail index {1 - np.linalg.eigvalsh(shrunk)[0]:.2f}")
sandwich = vi.sandwich(model, None, q, rng=2)
print(f"sandwich {float(sandwich.lower):.1f} < log p(y) < "
      f"{float(sandwich.upper):.1f}")
print("posterior variance / that of the best q, per coefficient:")
ratio = posterior.variance * np.diag(precision)
print(np.array2string(ratio, precision=1, suppress_small=True))
assert fresh.k_hat > 0.7 and np.all(ratio > 1)
assert sandwich.interval(0.999).low < log_p < sandwich.interval(0.999).high

# %%
# The package needs the same two functions. ``vi.fit`` moves its fixed draws to
# mean zero and covariance I. For a normal target the objective over them *is*
# the ELBO, so that the best diagonal normal comes out to all digits, and with
# a full covariance the posterior itself.


def slope_at(z):
    return (y - z @ X.T) @ X / 0.5 - z


def log_joint(z):
    return model.log_joint(None, z)


target = vi.Target(log_joint, 10, gradient=slope_at).check(rng=0)
fits = {f: vi.fit(target, family=f, rng=0) for f in ("diagonal", "full")}
print("            objective        known             fresh draws")
for (family, f), known in zip(fits.items(), (best, log_p)):
    print(f"{family:<9} {f.objective.value:.9f}  {known:.9f}", end="  ")
    print(f"{f.elbo.value:.4f} ± {f.elbo.stderr:.4f}")
    assert f.converged and abs(f.objective.value - known) < 1e-7
    assert abs(f.elbo.value - known) < 5 * f.elbo.stderr + 1e-7

# %%
# Without that, draws as they come: the objective ends above the best ELBO,
# its q below it, by about the same. With a full covariance the objective
# passes even log p(y). It is a bound on nothing.

for family, known in (("diagonal", best), ("full", log_p)):
    plain = vi.fit(target, family=family, draws=32, whiten=False, rng=0)
    true = vi.identity(model, None, plain.q).elbo
    print(f"{family:<9} objective {plain.objective.value:.3f}", end=", ")
    print(f"best {known:.3f}, ELBO of its q {true:.3f}")
    assert true < known < plain.objective.value
    assert plain.objective.direction is vi.Direction.NEITHER

# %%
# How much, over 200 sets of S mirrored draws: both sides go like 1/S. For
# diagonal normals the first order has a closed form, (D + sum of c_ij^2 over
# i < j) / S, where c is the precision scaled to a diagonal of ones.

narrowest = 1 / np.sqrt(np.diag(precision))
c = precision * np.outer(narrowest, narrowest)
order = 10 + (np.triu(c, 1) ** 2).sum()


def optimum(second):
    """Log scales, over narrowest, that are best for draws' moments."""

    def loss(u):
        s = np.exp(u)
        return s @ (c * second) @ s / 2 - u.sum(), s * (c * second @ s) - 1

    return minimize(loss, np.zeros(10), jac=True, options={"gtol": 1e-8})


sizes, rng = np.array([32, 64, 128, 256, 512]), np.random.default_rng(3)
above, below = np.zeros((2, 5, 200))
for i, size in enumerate(sizes):
    for k in range(200):
        half = rng.standard_normal((size // 2, 10))
        found = optimum(half.T @ half / (size // 2))
        s = np.exp(found.x)
        above[i, k] = 5 - found.fun  # at moments I the least loss is 5
        below[i, k] = (s**2).sum() / 2 - found.x.sum() - 5
print("   S  objective too high  q too low  first order   (nats)")
for size, high, low in zip(sizes, above, below):
    print(f"{size:4d} {high.mean():10.3f} {low.mean():16.3f}", end="")
    print(f" {order / size:12.3f}")
for found in (above[-1], below[-1]):
    error = found.std() / 200**0.5
    assert abs(found.mean() - order / 512) < 5 * error + 0.1 * order / 512
assert (below > 0).all() and (above.mean(axis=1) > 0).all()

_, axes = plt.subplots(figsize=(7.2, 3.4))
axes.loglog(sizes, above.mean(axis=1), "C0o", label="objective too high")
axes.loglog(sizes, below.mean(axis=1), "C1s", label="its q too low")
axes.loglog(sizes, order / sizes, "C2--", label="first order, like 1/S")
axes.set_xticks(sizes, [f"{size}" for size in sizes])
axes.minorticks_off()
axes.set(xlabel="fixed draws S", ylabel="nats from the best ELBO")
axes.set_title("what plain fixed draws cost")
axes.legend()

# %%
# Too few draws for a full covariance: 9 mirrored pairs in 10 dimensions. One
# direction is orthogonal to all of them. The factor's last row may grow along
# it without moving a draw, and the entropy rises without end: by log t.
# ``vi.fit`` refuses.

pairs = np.random.default_rng(4).standard_normal((9, 10))
unseen = np.linalg.svd(pairs)[2][-1]
heights = []
for t in (1, 1e3, 1e6):
    tril = np.diag(narrowest)
    tril[-1] += (t - 1) * narrowest[-1] * unseen / unseen[-1]
    z = posterior.loc + np.concatenate([pairs, -pairs]) @ tril.T
    entropy = 5 * np.log(2 * np.pi * np.e) + np.log(np.diag(tril)).sum()
    heights.append(log_joint(z).mean() + entropy)
    print(f"stretched by {t:9,.0f}: objective {heights[-1]:.3f}")
    assert abs(heights[-1] - heights[0] - np.log(t)) < 1e-5
try:
    vi.fit(target, family="full", draws=18)
except ValueError as error:
    print("vi.fit:", str(error).partition(":")[0])
else:
    raise AssertionError

# %%
# Linear response. Tilt the log density by t . z: for a normal posterior the
# means of q move by Sigma t, although q itself has no correlations. One solve
# with the curvature of the ELBO per coefficient brings the spreads back that
# mean field lost.

mean_field = fits["diagonal"]
response = mean_field.covariance("linear_response")
off = np.abs(response - posterior.covariance).max()
print("coefficient        ", *(f"{i:5d}" for i in range(10)))
for name, variance in (
    ("sd of q", mean_field.q.variance),
    ("by linear response", np.diag(response)),
    ("of the posterior", posterior.variance),
):
    print(f"{name:<19}", *(f"{sd:.3f}" for sd in variance**0.5))
print(f"largest error in the covariance matrix: {off:.0e}")
assert off < 1e-7 < np.abs(np.diag(response) - mean_field.q.variance).max()

# %%
# Stochastic fits use new draws each step. Along the path of a draw, with the
# parameters inside log q held, the gradient in q's means is that of
# log p - log q. At q = posterior it is zero at *every* draw; with the entropy
# in closed form it is zero in the mean, and noise.

spread = {}
for name, at in (("posterior", posterior), ("mean field", model.mean_field())):
    z = at.sample(2000, rng=5)
    inverse = np.linalg.inv(at.scale_tril @ at.scale_tril.T)
    path = slope_at(z) + (z - at.loc) @ inverse  # minus the slope of log q
    spread[name] = slope_at(z).std(axis=0).max(), path.std(axis=0).max()
    print(f"q = {name:<11} sd over draws: with closed entropy", end=" ")
    print(f"{spread[name][0]:.1f}, along the path {spread[name][1]:.1g}")
assert spread["posterior"][1] < 1e-9 * spread["posterior"][0]
assert spread["mean field"][1] > 1

# %%
# What the weights say, and cannot say. ``vi.diagnose`` condemns mean field and
# passes the full fit. Then two modes, 20 standard deviations apart, and a fit
# of one of them: the weights are constant and perfect, and half of the
# posterior is missing. Restarts find it.

for family, f in fits.items():
    d = vi.diagnose(f, rng=6)
    print(f"{family}: k_hat {d.k_hat:.2f}, trusted: {d.trusted}")
    assert d.trusted == (family == "full")

two = vi.Mixture([0.5, 0.5], vi.DiagonalNormal([[-10.0], [10.0]], [[1], [1]]))
modes = vi.Target(
    two.log_prob, 1, gradient=lambda z: 10 * np.tanh(10 * z) - z
)
one = vi.fit(modes.check(rng=0), start=[9.0], rng=0)
alone = vi.diagnose(one, rng=7)
looked = vi.diagnose(one, restarts=8, rng=7)
print(f"one mode: ELBO {one.elbo.value:.6f}, -log 2 = {-np.log(2):.6f}")
print(f"by weights: k_hat {alone.k_hat:.2f}, trusted: {alone.trusted}")
means = ", ".join(f"{o.q.loc[0]:.2f}" for o in looked.optima)
print(f"8 restarts: trusted: {looked.trusted}, optima at {means}")
assert abs(one.elbo.value + np.log(2)) < 1e-6
assert alone.trusted and not looked.trusted and len(looked.optima) == 2

# %%
# The first fit again, step by step, in two coefficients whose features carry
# nearly the same information. Their posterior is a long ridge; q settles on
# its crest and stays narrow.

turn = np.linspace(0, 2 * np.pi, 100)
circle = 2 * np.array([np.cos(turn), np.sin(turn)])  # two standard deviations


def picture(step):
    """step of the optimiser"""
    q = way[int(step)]
    _, (left, right) = plt.subplots(1, 2)
    ridge = np.linalg.cholesky(posterior.covariance[4:6, 4:6]) @ circle
    left.plot(*(posterior.loc[4:6, None] + ridge), "C2--", label="posterior")
    ellipse = q.loc[4:6, None] + q.scale[4:6, None] * circle
    left.plot(*ellipse, "C0", label="q")
    left.set(xlim=(-1.2, 0.6), ylim=(-0.5, 1.0), title="two coefficients")
    left.set(xlabel="s1", ylabel="s2")
    left.legend(loc="upper right")
    right.semilogy(kl, "C1", label="KL(q || posterior)")
    right.axhline(gap, color="C4", linestyle=":", label="least possible")
    right.plot(step, kl[int(step)], "C1o")
    right.set(ylim=(1, 1000), xlabel="step", ylabel="nats")
    right.set(title=r"the gap, $\log p(y) -$ ELBO")
    right.legend(loc="upper right")


positions = np.arange(len(way))
picture(positions[-1])
