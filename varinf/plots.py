"""Pictures of results that have one; matplotlib is imported on use."""

import numpy as np

from varinf.inference.diagnose import SHOWN, Diagnosis
from varinf.inference.fit import Fit

ELBO, KL, REFERENCE = "#2a6f97", "#e07a5f", "#81a684"


def plot(result):
    """Draw the picture of a result.

    Parameters
    ----------
    result : Fit, Diagnosis, Statement or RateDistortionPlane
        What `fit`, `diagnose`, a statement of the page, or `rate_distortion_plane` returned.

    Returns
    -------
    matplotlib.figure.Figure
        Drawn without a window; ``figure.savefig(path)`` writes it.

    Raises
    ------
    TypeError
        For a result that has no picture.
    ImportError
        Without matplotlib: ``pip install "varinf[examples]"``.

    See Also
    --------
    lens : The page's questions, answered in words.
    summarize : Bounds as a table.

    Examples
    --------
    >>> from varinf.page.statement import Study
    >>> from varinf.page.worked_example import worked_example
    >>> figure = plot(worked_example(Study()))  # the digits come with scikit-learn
    >>> [axes.get_title() for axes in figure.axes]
    ['fidelity against compressibility']
    """
    if isinstance(result, Fit | Diagnosis):
        draw, data = (_fit if isinstance(result, Fit) else _diagnosis), {"result": result}
    else:
        draw, data = _PICTURES.get(getattr(result, "slug", None)), getattr(result, "data", {})
    if draw is None:
        what = getattr(result, "slug", type(result).__name__)
        raise TypeError(f"{what} has no picture: these have one: {', '.join(_PICTURES)}, fit, diagnose")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "varinf[examples]"') from error
    height = 6.4 if draw is _rate_distortion_plane and _side(data["images"]) else 4.2
    figure = Figure(figsize=(7.2, height), layout="constrained")
    draw(figure, **data)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _ink():
    """The colour of words: what is drawn in it shows on light and on dark styles."""
    from matplotlib import rcParams

    return rcParams["text.color"]


def _fit(figure, result):
    """The objective on its way, and the ELBO of where it ended, from fresh draws."""
    axes, elbo = figure.add_subplot(), result.elbo
    climbed = np.array([step.objective for step in result.history])
    axes.plot(np.arange(1, len(climbed) + 1), climbed, "o-", color=KL, ms=3, label="objective")
    value, error = float(elbo.value), 1.96 * float(elbo.stderr)
    axes.axhline(value, color=ELBO, lw=1.6, label="ELBO of q from fresh draws, ± 1.96 se")
    axes.axhspan(value - error, value + error, color=ELBO, alpha=0.25, lw=0)
    ended = "converged" if result.converged else "NOT converged"
    axes.set_title(f"{result.family} fit, {result.method}: {ended}")
    stochastic = result.method == "stochastic"
    axes.set(xlabel="level, each of half the step size" if stochastic else "looks that improved", ylabel="nats")
    high = np.isfinite(climbed)
    if high.sum() > 4 and np.isfinite(value):  # a start from far below would flatten the rest: it is named instead
        last = climbed[high][len(climbed[high]) // 2 :]
        low, top = min(last.min(), value - error), max(last.max(), value + error)
        floor = low - max(0.3 * (top - low), 1e-3)
        if climbed[high].min() < floor:
            axes.set_ylim(floor, top + 0.1 * (top - floor))
            start = f"objective from {climbed[high].min():.4g}"
            axes.annotate(start, (1, floor), xytext=(6, 4), textcoords="offset points")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, loc="lower right")


def _diagnosis(figure, result):
    """Mean and standard deviation of each parameter by q, and corrected by the weights."""
    axes, names = figure.add_subplot(), result.names[:SHOWN]
    i = np.arange(len(names))
    for by, mean, sd, colour, shift in (
        ("q", result.q_mean, result.q_sd, KL, -0.13),
        ("corrected", result.mean, result.sd, ELBO, 0.13),
    ):
        axes.errorbar(i + shift, mean[: len(i)], sd[: len(i)], fmt="o", color=colour, ms=4, label=f"{by}, ± sd")
    sign = "≤" if result.k_hat <= result.threshold else ">"
    title = f"k_hat {result.k_hat:.2f} {sign} {result.threshold:.2f}: {'' if result.trusted else 'not '}to be trusted"
    more = f", the first {SHOWN} of {len(result.names):,}" if len(result.names) > SHOWN else ""
    axes.set(title=title + more, ylabel="parameter, in its own units")
    axes.set_xticks(i, names, rotation=30 if len(names) > 5 else 0, ha="right" if len(names) > 5 else "center")
    axes.legend(frameon=False)


def _definition_1(figure, widths, log_evidence, elbo, kl):
    """Bars of one height: whatever q is, ELBO and KL add up to log p(x)."""
    axes = figure.add_subplot()
    i = np.arange(len(widths))
    floor = np.floor(np.min(elbo)) - 1
    axes.bar(i, elbo - floor, bottom=floor, color=ELBO, width=0.6, label="ELBO")
    axes.bar(i, kl, bottom=elbo, color=KL, width=0.6, label=r"KL$(q\,\|\,$posterior$)$")
    axes.axhline(log_evidence, color=_ink(), lw=1.6, label=r"$\log p(x)$")
    axes.set_ylim(floor, log_evidence + 0.18 * (log_evidence - floor))
    axes.set_xticks(i, [f"{width:g}" for width in widths])
    axes.set(xlabel="width of q, times the best diagonal one", ylabel="nats (axis cut below)")
    axes.set_title(r"one image, five q: ELBO + KL = $\log p(x)$")
    axes.legend(frameon=False, ncols=3, loc="upper center")


def _theorem_1(figure, t, elbo, log_evidence, history):
    """Left: q walks to the posterior. Right: EM's half steps, two lines that meet after each E step."""
    left, right = figure.subplots(1, 2)
    left.axhline(log_evidence, color=_ink(), lw=1.6, label=r"$\log p(x)$")
    left.plot(t, elbo, "o-", color=ELBO, label="ELBO")
    left.fill_between(t, elbo, log_evidence, color=KL, alpha=0.25, lw=0, label="KL")
    left.set(xlabel="from the best diagonal q (0)\nto the posterior (1)", ylabel="nats", title="diabetes regression")
    left.legend(frameon=False, loc="lower right")
    steps = np.arange(len(history)) / 2
    right.plot(steps, history[:, 1], color=_ink(), lw=1.6, label=r"$\log p(x)$ per image")
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


def _theorem_2(figure, reconstruction, kl, images):
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


def _theorem_3(figure, z, aggregate, references, information):
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


def _worked_example(figure, points, curve):
    """The plane: the linear VAE's points on the Gaussian source's curve."""
    axes = figure.add_subplot()
    axes.plot(curve[:, 0], curve[:, 1], color=_ink(), lw=1.2, label="Shannon curve of the Gaussian source")
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


def _rate_distortion_plane(figure, points, curve, images):
    """The plane in nats with lines of equal ELBO; squared error beside the curve; a few reconstructions."""
    panels = figure.subfigures(2, 1, height_ratios=(3, 2)) if _side(images) else (figure.subfigures(1, 1), None)
    axes, *rest = np.atleast_1d(panels[0].subplots(1, 1 if curve is None else 2))
    rates, distortions = ([float(getattr(p, name).value) for p in points] for name in ("rate", "distortion"))
    errors = [[1.96 * float(getattr(p, name).stderr) for p in points] for name in ("distortion", "rate")]
    _equal_elbo(axes, rates, distortions)
    axes.errorbar(rates, distortions, *errors, fmt="o", color=KL, ms=4)
    axes.set(xlabel="rate (nats)", ylabel="distortion (nats)", title="the plane, with lines of equal ELBO")
    _name_betas(axes, points, rates, distortions)
    for error_axes in rest:
        error_axes.plot(curve.rate, curve.distortion, color=_ink(), lw=1.2, label="normal source")
        error_axes.plot(rates, [p.squared_error for p in points], "o", color=KL, ms=4, label="one point per beta")
        error_axes.set(xlabel="rate (nats)", ylabel="squared error", title="beside Shannon's curve")
        error_axes.set_ylim(bottom=0)
        error_axes.legend(frameon=False, loc="lower left", fontsize="small")  # codes lie on the curve or around it
        _name_betas(error_axes, points, rates, [p.squared_error for p in points])
    if panels[1] is not None:
        _reconstructions(panels[1], points, images)


def _name_betas(axes, points, x, y):
    """Each point's beta beside it; those of points that lie on one another in one label."""
    places, names = np.column_stack([x, y]), []
    near = np.ptp(places, axis=0) / 20
    for place, point in zip(places, points, strict=True):
        if names and (np.abs(names[-1][0] - place) <= near).all():
            names[-1][1].append(f"{point.beta:g}")
        else:
            names.append((place, [f"{point.beta:g}"]))
    for place, labels in names:
        axes.annotate(f"β = {', '.join(labels)}", place, xytext=(6, 4), textcoords="offset points", fontsize="small")


def _equal_elbo(axes, rates, distortions):
    """Lines distortion + rate = constant through the points' range."""
    levels = [x + y for x, y in zip(rates, distortions, strict=True)]
    reach = max(*rates, 1e-9)
    for level in np.linspace(min(levels), max(levels), 5):
        axes.plot([0, reach], [level, level - reach], color=REFERENCE, lw=0.8, zorder=0)


def _reconstructions(figure, points, images):
    """A row of images, and below it one a beta."""
    side, rows = _side(images), {"data": images}
    chosen = [points[i] for i in sorted({0, len(points) // 2, len(points) - 1})]
    rows |= {f"β = {p.beta:g}": p.reconstructions for p in chosen}
    low, high = float(np.min(images)), float(np.max(images))
    for line, (name, found) in zip(np.atleast_2d(figure.subplots(len(rows), len(images))), rows.items(), strict=True):
        for axes, image in zip(line, found, strict=True):
            axes.imshow(np.reshape(image, (side, side)), cmap="gray_r", vmin=low, vmax=high)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize="small")


def _side(images):
    """The side of square images; 0 for data that are none."""
    side = round(np.sqrt(images.shape[1]))
    return side if side * side == images.shape[1] and side > 2 else 0


_PICTURES = {
    "definition_1": _definition_1,
    "theorem_1": _theorem_1,
    "theorem_2": _theorem_2,
    "theorem_3": _theorem_3,
    "worked_example": _worked_example,
    "rate_distortion_plane": _rate_distortion_plane,
}
