"""Pictures of autoencoders and bottlenecks: sweeps in the plane of what they keep, and codes of two dimensions."""

import numpy as np

from varinf._pictures.style import KL, REFERENCE, class_colours, ink, legend_below, name_points

MOST_CODES = 1_000  # ellipses that are drawn; more would cover each other
CROWDED = 500  # ellipses: beyond, their lines are thinner
MOST_CLASSES = 20


def rate_distortion_plane(figure, points, curve, images):
    """The plane in nats with lines of equal ELBO; squared error beside the curve; a few reconstructions."""
    figure.set_figheight(6.4 if _side(images) else figure.get_figheight())
    panels = figure.subfigures(2, 1, height_ratios=(3, 2)) if _side(images) else (figure.subfigures(1, 1), None)
    axes, *rest = np.atleast_1d(panels[0].subplots(1, 1 if curve is None else 2))
    rates, distortions = ([float(getattr(p, name).value) for p in points] for name in ("rate", "distortion"))
    errors = [[1.96 * float(getattr(p, name).stderr) for p in points] for name in ("distortion", "rate")]
    _equal_elbo(axes, rates, distortions)
    axes.errorbar(rates, distortions, *errors, fmt="o", color=KL, ms=4)
    axes.set(xlabel="rate (nats)", ylabel="distortion (nats)", title="the plane, with lines of equal ELBO")
    name_points(axes, "β", [p.beta for p in points], rates, distortions)
    for error_axes in rest:
        error_axes.plot(curve.rate, curve.distortion, color=ink(), lw=1.2, label="normal source")
        error_axes.plot(rates, [p.squared_error for p in points], "o", color=KL, ms=4, label="one point per beta")
        error_axes.set(xlabel="rate (nats)", ylabel="squared error", title="beside Shannon's curve")
        error_axes.set_ylim(bottom=0)
        error_axes.legend(frameon=False, loc="lower left", fontsize="small")  # codes lie on the curve or around it
        name_points(error_axes, "β", [p.beta for p in points], rates, [p.squared_error for p in points])
    if panels[1] is not None:
        _reconstructions(panels[1], points, images)


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


def vib_plane(figure, points):
    """What is kept of the data against what of the labels, with errors, the ceiling, and the codes that fell silent."""
    axes, units = figure.add_subplot(), points[0].rate.units
    known = points[0].label_information
    kept, told, index = (
        np.array([float(getattr(p, name).value) for p in points])
        for name in ("rate", "label_information", "index_information")
    )
    errors = [
        1.96 * np.array([float(getattr(p, name).stderr) for p in points]) for name in ("label_information", "rate")
    ]
    silent = np.array([p.collapsed for p in points])
    name = points[0].index_information.quantity
    for i in range(len(points)):
        axes.plot([index[i], kept[i]], [told[i], told[i]], color=REFERENCE, lw=1.0, zorder=1)
    axes.plot(index, told, "|", color=REFERENCE, ms=9, mew=2, label=f"index information {name}")
    style = {"fmt": "o", "color": KL, "ms": 5, "capsize": 2, "zorder": 3}
    axes.errorbar(kept, told, *errors, **style, label="rate, ± 1.96 se of both")
    axes.axhline(known.ceiling, color=ink(), lw=1.2, label=f"H(Y) = {known.ceiling:.4g} {units}")
    if silent.any():
        style = {"mfc": "none", "mec": ink(), "ms": 11, "zorder": 2}
        axes.plot(kept[silent], told[silent], "o", **style, label="collapsed: predicts the class frequencies")
    name_points(axes, "w", [p.rate_weight for p in points], kept, told, offset=(5, -13))
    axes.set(
        xlabel=f"rate, above {points[0].rate.quantity} ({units})",
        ylabel=f"label information, below {known.quantity} ({units})",
    )
    axes.margins(0.08, 0.12)
    axes.set_title("the information plane, one point a weight w of the rate")
    legend_below(figure, axes)


def codes(figure, codes):
    """An ellipse of one standard deviation for each datum, coloured by its label, over the prior's."""
    from matplotlib.collections import EllipseCollection
    from matplotlib.lines import Line2D

    shown, axes = codes.plane(), figure.add_subplot()
    total, classes = len(shown.loc), codes.classes
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"labels hold {len(classes):,} classes: colours tell {MOST_CLASSES} apart, give coarser ones")
    loc, covariance = shown.loc[:MOST_CODES], shown.covariance[:MOST_CODES]
    values, vectors = np.linalg.eigh(covariance)
    wide, narrow = 2 * np.sqrt(values[:, 1]), 2 * np.sqrt(values[:, 0])
    angle = np.degrees(np.arctan2(vectors[:, 1, 1], vectors[:, 0, 1]))
    colours, faint, line = class_colours(len(classes)), min(0.15, 20 / len(loc)), 0.8 if len(loc) <= CROWDED else 0.4
    for label, colour in zip(classes, colours, strict=True):
        own = np.ones(len(loc), dtype=bool) if label is None else codes.labels[:MOST_CODES] == label
        style = {"edgecolors": colour, "facecolors": (*colour[:3], faint), "linewidths": line}
        across = wide[own], narrow[own], angle[own]
        ellipses = EllipseCollection(*across, units="xy", offsets=loc[own], offset_transform=axes.transData, **style)
        axes.add_collection(ellipses)
        axes.plot(*loc[own].T, ".", color=colour, ms=3)
    around = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(around), np.sin(around), "--", color=ink(), lw=1.2, label="prior N(0, I)")
    reach = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    axes.update_datalim(np.concatenate([loc - reach, loc + reach]))
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="datalim")
    plain = codes.q.loc.shape[1] == 2
    names = ("first latent", "second latent") if plain else ("first direction", "second direction")
    part = "" if plain else f", directions with {100 * shown.share:.0f}% of the variance of the means"
    count = f"{total:,} codes" if total <= MOST_CODES else f"the first {MOST_CODES:,} of {total:,} codes"
    axes.set(xlabel=names[0], ylabel=names[1], title=f"{count}, ± 1 sd{part}")
    marks = [Line2D([], [], ls="", marker="o", color=c, label=str(n)) for n, c in zip(classes, colours, strict=True)]
    marks = [*axes.get_lines()[-1:], *(marks if codes.labels is not None else [])]
    axes.legend(handles=marks, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
