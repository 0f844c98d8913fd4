"""
Every bound around one number
=============================

One image, one q, and every bound on log p(x): which side, how far, how sure.
"""

import matplotlib.pyplot as plt
import numpy as np

import varinf as vi

# The lens of an objective: the five questions, answered.
print(vi.lens(vi.iwelbo))

# %%
# The lens of a result has the numbers of a run worked into the answers. One
# digit image under probabilistic PCA, and a q that is off the posterior; here
# is what the run adds to each answer.

X = vi.datasets.digits(raw=True)
model = vi.models.LinearGaussian(latent_dim=6).fit(X)
x = X[:1]
posterior = model.mean_field(x)  # exact for a fit in closed form
truth = float(model.log_evidence(x)[0])


def off(shift):
    """A q wider than the posterior, its mean off by shift sd."""
    sd = posterior.scale
    return vi.DiagonalNormal(posterior.mean + shift * sd, 1.3 * sd)


def log_weights(source, q, draws=3000, rng=0):
    """log p(x, z) - log q(z) at draws from source."""
    z = source.sample(draws, rng=rng)
    return (model.log_joint(x, z) - q.log_prob(z))[:, 0]


q = off(0.5)
result = vi.iwelbo(log_weights(q, q))
for question, answer in vi.lens(result):
    _, *of_this_run = answer.splitlines()
    print(question, *of_this_run, sep="\n    ")
assert result.direction == vi.lens(vi.iwelbo).objective.claimed()

# %%
# The rate of the codes of all images is another kind of result: its direction
# is the other one, and the fifth question has its say.

rate = vi.rate(model.mean_field(X), over="dataset")
title, *answers, source = str(vi.lens(rate)).split("\n\n")
print(title, answers[2], answers[4], source, sep="\n\n")
assert rate.direction == "upper"

# %%
# The third question in numbers, for eight objectives. The estimands of four
# are log p(x) plus or minus a divergence that is known here in closed form:
# what the draws say must agree with it.


def bounds(q):
    """{name: estimate}, lower ones first."""
    w, w_above = log_weights(q, q), log_weights(posterior, q, rng=1)
    return {
        "ELBO": vi.elbo(w),
        "Rényi 1/2": vi.renyi_bound(w, alpha=0.5),
        "IWELBO, k = 10": vi.iwelbo(w, k=10),
        "IWELBO": vi.iwelbo(w),
        "jackknife": vi.jackknife_evidence(w),
        "thermodynamic": vi.thermodynamic(w, w_above).log_evidence,
        "CUBO 2": vi.cubo(w, order=2, on_heavy_tail="ignore"),
        "EUBO": vi.eubo(w_above),
    }


def gaps(q):
    """{name: estimand - log p(x)} where a closed form is known."""
    return {
        "ELBO": -vi.kl(q, posterior)[0],
        "Rényi 1/2": -vi.renyi_divergence(q, posterior, alpha=0.5)[0],
        "CUBO 2": vi.renyi_divergence(posterior, q, alpha=2.0)[0] / 2,
        "EUBO": vi.kl(posterior, q)[0],
    }


known = gaps(q)
print("                 estimate - log p(x)    in theory  direction  bound?")
for name, b in bounds(q).items():
    off_by = b.value - truth
    theory = f"{known[name]:+9.4f}" if name in known else "        ."
    print(f"{name:15} {off_by:+9.4f} ± {b.stderr:.4f}      {theory}  "
          f"{b.direction:9}  {b.is_bound}")
    if name in known:
        assert abs(off_by - known[name]) < 5 * b.stderr
    if b.is_bound:
        side = {"lower": 1, "upper": -1}[b.direction.value]
        assert side * off_by < 5 * b.stderr

# %%
# The same as a picture. A triangle points to where log p(x) is said to lie, a
# circle takes no side; an open mark is no bound from finitely many draws.


def picture(shift):
    """distance of q from the posterior (sd)"""
    _, axes = plt.subplots(figsize=(7.2, 3.9))
    axes.axvline(0, color="C2")
    marks = {"lower": (">", "C0"), "upper": ("<", "C1")}
    names = []
    for row, (name, b) in enumerate(bounds(off(shift)).items()):
        mark, colour = marks.get(b.direction.value, ("o", "C3"))
        axes.errorbar(b.value - truth, -row, xerr=2 * b.stderr, fmt=mark,
                      color=colour, mfc=colour if b.is_bound else "none", ms=8)
        names.append(name)
    axes.text(0.08, 0.25, r"$\log p(x)$", color="C2")
    axes.set(xlim=(-3, 3), ylim=(-7.7, 0.6), yticks=-np.arange(8.0))
    axes.set(yticklabels=names, xlabel=r"nats from $\log p(x)$, ± 2 errors")
    axes.set_title(r"Bounds from both sides of $\log p(x)$, one q")


positions = np.linspace(0, 0.8, 17)
picture(positions[10])

# %%
# An objective that varinf does not carry, decoded by hand: the beta-VAE. Its
# best q is the posterior of a decoder with beta times the noise variance, and
# its value there is known by another route: beta log of the integral of
# p(z) p(x|z)^(1/beta). A lower bound on log p(x) for beta >= 1, none below.

prior, noise = vi.DiagonalNormal.standard(6), model.noise_variance
for beta in (0.5, 1.0, 2.0, 4.0):
    hot = vi.models.LinearGaussian.from_parameters(
        model.weights, model.mean, beta * noise)
    q = hot.mean_field(x)
    charge = vi.kl(q, prior)[0]
    value = model.expected_log_likelihood(x, q)[0] - beta * charge
    constant = 32 * (np.log(2 * np.pi * beta * noise)  # 64 pixels, halved
                     - np.log(2 * np.pi * noise) / beta)
    other_route = beta * (hot.log_evidence(x)[0] + constant)
    print(f"beta {beta}: KL {charge:5.2f}, objective {value:9.4f}, "
          f"{value - truth:+8.4f} from log p(x)")
    assert abs(value - other_route) < 1e-10 * abs(value)
    assert (value <= truth + 1e-9) == (beta >= 1)
