"""What pictures share: colours that show on light and on dark, names beside points, tables as images."""

import numpy as np

ELBO, KL, REFERENCE = "#2a6f97", "#e07a5f", "#81a684"
TICKS = 12  # rows or columns of a table that are numbered one by one


def ink():
    """The colour of words: what is drawn in it shows on light and on dark styles."""
    from matplotlib import rcParams

    return rcParams["text.color"]


def class_colours(count):
    """Colours (R, G, B, 1) that tell up to 20 classes apart; of one, the ELBO's."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgba

    if count == 1:
        return [to_rgba(ELBO)]
    return [colormaps["tab10" if count <= 10 else "tab20"](i) for i in range(count)]


def name_points(axes, symbol, values, x, y, offset=(6, 4)):
    """Each point's value beside it; those of points so near that their names would meet in one label."""
    places, names = np.column_stack([x, y]), []
    near = np.ptp(places, axis=0) / (10, 20)  # a name is wider than high
    for place, value in zip(places, values, strict=True):
        for other, together in names:
            if (np.abs(other - place) <= near).all():
                together.append(f"{value:g}")
                break
        else:
            names.append((place, [f"{value:g}"]))
    for place, labels in names:
        label = f"{symbol} = {', '.join(labels)}"
        axes.annotate(label, place, xytext=offset, textcoords="offset points", fontsize="small")


def scale_of(axes, first, last):
    """A logarithmic axis of x with plain numbers; a linear one where it spans less than a factor of 4."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xlim(first, last)
    if last >= 4 * first:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if last < 200 * first else (1,)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def legend_below(figure, axes):
    """What the marks of one of several panels mean, below all of them: within, it would cover some."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize="small")


def line_through(axes, place, slope, x_range, y_range, **options):
    """The part of a straight line that lies in a box."""
    (x, y), (left, right), (bottom, top) = place, x_range, y_range
    if slope != 0:
        ends = sorted(x + (level - y) / slope for level in (bottom, top))
        left, right = max(left, ends[0]), min(right, ends[1])
    both = np.array([left, right])
    return axes.plot(both, y + slope * (both - x), **options)


def table(figure, axes, p, rows, columns):
    """Probabilities as an image, from 0 up, with a scale beside it."""
    image = axes.imshow(p, vmin=0, vmax=max(float(np.max(p)), 1e-12), aspect="auto", interpolation="nearest")
    axes.set(xlabel=columns, ylabel=rows)
    for axis, count in ((axes.xaxis, p.shape[1]), (axes.yaxis, p.shape[0])):
        if count <= TICKS:
            axis.set_ticks(range(count))
        else:
            axis.get_major_locator().set_params(integer=True)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes).outline.set_visible(False)
