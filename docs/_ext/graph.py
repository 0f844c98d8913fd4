"""The graph of what rests on what, as an SVG drawing whose boxes are links."""

import textwrap
from html import escape

WIDTH, HEIGHT, ACROSS, DOWN = 158, 82, 168, 122  # of a box; from box to box


def drawing(entries, url):
    """SVG of {label: entry} with `uses`; a statement stands below all that it rests on."""
    uses = {label: [used for used in entry.get("uses", ()) if used in entries] for label, entry in entries.items()}
    at = _places(uses)
    width, height = (max(place[i] for place in at.values()) + size + 8 for i, size in ((0, WIDTH), (1, HEIGHT)))
    lines = [
        f'<svg class="vi-graph" viewBox="0 0 {width:g} {height:g}" style="max-width: {width:g}px" role="group" '
        'aria-label="What each statement rests on">'
    ]
    for label, (x, y) in at.items():
        for used in uses[label]:
            x0, y0 = at[used]
            start, end, bend = (x0 + WIDTH / 2, y0 + HEIGHT), (x + WIDTH / 2, y), (y0 + HEIGHT + y) / 2
            lines.append(f'<path d="M{start[0]} {start[1]} C{start[0]} {bend} {end[0]} {bend} {end[0]} {end[1]}"/>')
    for label, (x, y) in at.items():
        entry, middle = entries[label], x + WIDTH / 2
        title = textwrap.wrap(entry["title"], 19)
        words = [f'<text x="{middle}" y="{y + 20}">{escape(entry.get("number", ""))}</text>']
        words += [
            f'<text x="{middle}" y="{y + 38 + 17 * i}" class="title">{escape(line)}</text>'
            for i, line in enumerate(title)
        ]
        box = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" class="{entry["kind"]}"/>'
        lines.append(f'<a href="{escape(url[label])}">{box}{"".join(words)}</a>')
    return f'<div class="vi-scroll" tabindex="0" role="region" aria-label="Graph">{"".join(lines)}</svg></div>'


def _places(uses):
    """{label: (x, y)} of upper left corners: rows by the longest way down, each in the middle of the drawing."""

    def row(label):
        return 1 + max(map(row, uses[label]), default=-1)

    rows = {}
    for label in uses:
        rows.setdefault(row(label), []).append(label)
    widest = max(map(len, rows.values()))
    place = {}
    for depth, labels in sorted(rows.items()):
        left = 8 + (widest - len(labels)) * ACROSS / 2
        # Near the middle of what each rests on, so that few lines cross.
        labels.sort(key=lambda label: sum(place[used][0] for used in uses[label]) / max(1, len(uses[label])))
        place |= {label: (left + i * ACROSS, 8 + depth * DOWN) for i, label in enumerate(labels)}
    return place
