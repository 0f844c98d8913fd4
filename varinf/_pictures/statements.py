"""Pictures of the statements of the page."""

import numpy as np

from varinf._pictures.style import ELBO, KL, ink


def definition_1(figure, widths, log_evidence, elbo, kl):
    """Bars of one height: whatever q is, ELBO and KL add up to log p(x)."""
    axes = figure.add_subplot()
    i = np.arange(len(widths))
    floor = np.floor(np.min(elbo)) - 1
    axes.bar(i, elbo - floor, bottom=floor, color=ELBO, width=0.6, label="ELBO")
    axes.bar(i, kl, bottom=elbo, color=KL, width=0.6, label=r"KL$(q\,\|\,$posterior$)$")
    axes.axhline(log_evidence, color=ink(), lw=1.6, label=r"$\log p(x)$")
    axes.set_ylim(floor, log_evidence + 0.18 * (log_evidence - floor))
    axes.set_xticks(i, [f"{width:g}" for width in widths])
    axes.set(xlabel="width of q, times the best diagonal one", ylabel="nats (axis cut below)")
    axes.set_title(r"one image, five q: ELBO + KL = $\log p(x)$")
    axes.legend(frameon=False, ncols=3, loc="upper center")


def theorem_1(figure, t, elbo, log_evidence, history):
    """Left: q walks to the posterior. Right: EM's half steps, two lines that meet after each E step."""
    left, right = figure.subplots(1, 2)
    left.axhline(log_evidence, color=ink(), lw=1.6, label=r"$\log p(x)$")
    left.plot(t, elbo, "o-", color=ELBO, label="ELBO")
    left.fill_between(t, elbo, log_evidence, color=KL, alpha=0.25, lw=0, label="KL")
    left.set(xlabel="from the best diagonal q (0)\nto the posterior (1)", ylabel="nats", title="diabetes regression")
    left.legend(frameon=False, loc="lower right")
    steps = np.arange(len(history)) / 2
    right.plot(steps, history[:, 1], color=ink(), lw=1.6, label=r"$\log p(x)$ per image")
    right.plot(steps, history[:, 0], "o-", color=ELBO, ms=3, label="ELBO per image")
    right.fill_between(steps, history[:, 0], history[:, 1], color=KL, alpha=0.25, lw=0)
    right.set(
        xlabel="EM step (E, then M)",
        ylabel="nats (axis cut below)",
        title="digits: E closes the gap,\nM lifts the evidence",
    )
    # The start is so far below that it would flatten the rest: it is named instead of shown.
    floor = np.min(history[1:, 0]) - 5
    right.set_ylim(floor, np.max(history) + 3)
    start = f"ELBO from {history[0, 0]:.1f}"
    right.annotate(start, (steps[1], floor), xytext=(6, 4), textcoords="offset points", color=ELBO)
    right.legend(frameon=False, loc="center right")


def theorem_2(figure, reconstruction, kl, images):
    """Each digit with its two terms."""
    axes = figure.add_subplot()
    i = np.arange(len(kl))
    axes.bar(i - 0.2, -reconstruction, width=0.38, color=ELBO, label="distortion: minus reconstruction")
    axes.bar(i + 0.2, kl, width=0.38, color=KL, label="rate: KL to the prior")
    axes.set(
        ylabel="nats", title="minus ELBO = distortion + rate, for ten images", xticks=[], xlim=(-0.6, len(kl) - 0.4)
    )
    axes.set_ylim(0, 1.25 * np.max(-reconstruction))
    axes.legend(frameon=False, loc="upper right", ncols=2)
    for x, image in zip(i, images, strict=True):
        inset = axes.inset_axes([x - 0.35, -0.19, 0.7, 0.16], transform=axes.get_xaxis_transform())
        inset.imshow(image.reshape(8, 8), cmap="gray_r")
        inset.set_axis_off()


def theorem_3(figure, z, aggregate, references, information):
    """The aggregate under two references: the information stays, the gap moves."""
    axes = figure.add_subplot()
    near = np.abs(z) < 5
    axes.fill_between(z[near], aggregate[near], color=ELBO, alpha=0.3, lw=0, label="q(z), two signals")
    for (name, scale), style in zip(references.items(), ("-", "--"), strict=True):
        r = np.exp(-((z / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))
        gap = np.trapezoid(aggregate * (np.log(aggregate) - np.log(r)), z)
        axes.plot(z[near], r[near], style, color=KL, label=f"{name}: rate {information + gap:.4f}, gap {gap:.4f}")
    axes.set(xlabel="z", ylabel="density", title=f"rate = information ({information:.4f} nats) + gap")
    axes.set_ylim(0, 0.6)
    axes.legend(frameon=False, loc="upper left")


def worked_example(figure, points, curve):
    """The plane: the linear VAE's points on the Gaussian source's curve."""
    axes = figure.add_subplot()
    axes.plot(curve[:, 0], curve[:, 1], color=ink(), lw=1.2, label="Shannon curve of the Gaussian source")
    axes.plot(points[:, 0], points[:, 1], "o", color=KL, label="linear VAE, one point per beta")
    axes.annotate("more beta", points[-1], xytext=(12, 4), textcoords="offset points", color=KL)
    axes.set(
        xlabel="rate: KL to the prior (nats)",
        ylabel="distortion: squared error",
        title="fidelity against compressibility",
    )
    axes.set_xlim(0, 3.2 * points[0, 0])
    axes.set_ylim(0.6 * points[:, 1].min(), 1.05 * curve[:, 1].max())
    axes.legend(frameon=False, loc="upper right")
