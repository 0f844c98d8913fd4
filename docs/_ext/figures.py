"""What sphinx-gallery does with figures: inline SVG in the colours of the page, and sliders where there are positions.

A figure is drawn with matplotlib's colour cycle, C0, C1, ..., and saved twice: as PNG for thumbnails and notebooks, and
as SVG that stands in the page, whose colours are the page's CSS variables and so follow light and dark.

An example that defines ``picture(position)`` and ``positions`` gets a slider: the picture is drawn at every position
when the docs are built, and the page swaps the paths and texts that differ. With scripts off the first drawing stands.
Images do not move: pixels that shall are drawn by ``pcolormesh``.
"""

import io
import json
import re
from itertools import count
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# (hex in the drawing, CSS variable): the light values of varinf.css. Each differs, so that replacement is exact.
COLOURS = {
    "#20639b": "--vi-c0",
    "#c8553d": "--vi-c1",
    "#3a7d44": "--vi-c2",
    "#8e5ea2": "--vi-c3",
    "#b8860b": "--vi-c4",
    "#21252a": "--vi-ink",
    "#8b929b": "--vi-faint",
}
INK, FAINT = "#21252a", "#8b929b"
# The slugs of the course, in the order of its table of contents.
COURSE = re.findall(r"^   (\w+)$", (Path(__file__).parents[1] / "theorems" / "index.rst").read_text("utf-8"), re.M)


def course_order(filename):
    """Key by which the gallery is sorted: the page's order."""
    slug = filename.removesuffix(".py")
    return f"{COURSE.index(slug):02d}" if slug in COURSE else slug


def style(gallery_conf, fname):
    """Before each example: one look for all figures."""
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "figure.figsize": (7.2, 3.9),
            "figure.constrained_layout.use": True,
            "axes.prop_cycle": plt.cycler(color=list(COLOURS)[:5]),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "font.size": 10.5,
            "svg.fonttype": "none",
            "svg.hashsalt": "varinf",
            **dict.fromkeys(
                ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "axes.titlecolor"),
                INK,
            ),
            "grid.color": FAINT,
        }
    )


def scraper(block, block_vars, gallery_conf):
    """The figures that a block left open, as reStructuredText."""
    names = block_vars["example_globals"]
    figures = [plt.figure(number) for number in plt.get_fignums()]
    if isinstance(names.get("figure"), Figure) and names["figure"] not in figures:
        figures.append(names.pop("figure"))  # those that varinf.plot draws are not pyplot's
    parts = []
    for figure in map(_laid_out, figures):
        figure.savefig(next(block_vars["image_path_iterator"]), dpi=120)
        drawing, slider = _svg(figure), None
        if "positions" in names and "picture" in names:
            slider = _slider(names["picture"], list(names.pop("positions")), drawing)
        parts.append(_html(_title(figure), drawing, slider))
    plt.close("all")
    return "\n".join(parts)


def _laid_out(figure):
    """The figure with its layout fixed: each drawing would move it a little, and frames would differ from the first."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def _title(figure):
    """The figure's name for those who do not see it: its own title, or those of its axes."""
    titles = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    return "; ".join(" ".join(title.split()) for title in titles if title) or "figure"


def _svg(figure):
    """The figure as an SVG element whose colours are those of the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.S)
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg[svg.index("<svg") :].strip()


# Sliders --------------------------------------------------------------------------------------------------------------

MOVING = ("path", "use", "text", "tspan")  # what a drawing is made of; sliders.js counts the same elements
FIXED = ("id", "clip-path", "href")  # and whatever points to another element, which has its own name in each drawing


def _slider(picture, positions, drawing):
    """What sliders.js reads: the name of what moves, and for each position the parts that differ between positions."""
    frames = []
    for position in positions:
        plt.close("all")
        picture(position)
        frames.append(_parts(_svg(_laid_out(plt.gcf()))))
    shown = _parts(drawing)
    if {len(frame) for frame in frames} != {len(shown)}:
        raise ValueError("picture(position) must draw the same artists at every position: fix its limits and ticks")
    if shown not in frames:
        raise ValueError("the picture that the example shows must be that of one of its positions")
    moving = [i for i, seen in enumerate(zip(*frames, strict=True)) if any(part != seen[0] for part in seen)]
    return {
        "label": picture.__doc__.strip().rstrip("."),
        "start": frames.index(shown),
        "positions": [f"{position:.3g}" for position in positions],
        "moving": moving,
        "frames": [[frame[i] for i in moving] for frame in frames],
    }


def _parts(svg):
    """Every element of MOVING, in the order of the document: its attributes, and its text under the name ""."""
    parts = []
    for element in ElementTree.fromstring(svg).iter():
        if element.tag.rpartition("}")[2] in MOVING:
            given = {name.rpartition("}")[2]: re.sub(r"\s+", " ", value) for name, value in element.attrib.items()}
            part = {name: value for name, value in given.items() if name not in FIXED and "url(#" not in value}
            # Mathematics is a text of several parts, each with its place: the parts carry the words.
            parts.append(part | ({"": element.text} if (element.text or "").strip() else {}))
    return parts


# HTML -----------------------------------------------------------------------------------------------------------------

_serial = count(1)


def _html(title, svg, slider):
    """The raw directive of a figure; identifiers get a prefix, since a page may show several figures."""
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>f{next(_serial)}-", svg)
    head, rest = svg.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', head).group()
    width = re.search(r'width="([0-9.]+)pt"', head).group(1)
    opening = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {view} role="img" aria-label="{_attribute(title)}"'
    lines = ['<figure class="vi-figure">', f'{opening} style="--vi-width: {float(width) / 72 * 96:.0f}px">{rest}']
    if slider:
        data = json.dumps(slider, separators=(",", ":")).replace("</", "<\\/")
        lines.append(f'<script type="application/json" class="vi-frames">{data}</script>')
    text = "\n".join([*lines, "</figure>"])
    return "\n.. raw:: html\n\n" + "".join(f"    {line}\n" for line in text.splitlines()) + "\n"


def _attribute(text):
    """Text for an HTML attribute, its mathematics without dollars and backslashes."""
    text = re.sub(r"\\(mathrm|,|\||[a-z]+)", lambda m: "" if m[1] in ("mathrm", ",") else m[1], text).replace("$", "")
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
