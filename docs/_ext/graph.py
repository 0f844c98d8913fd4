"""The graph of what rests on what, as an SVG drawing whose boxes are links."""

from html import escape

WIDTH, HEIGHT, ACROSS, DOWN = 190, 44, 214, 92


def drawing(entries, url):
    """SVG of {label: entry} with `uses`; a statement stands below all that it rests on."""
    uses = {label: [used for used in entry.get("uses", ()) if used in entries] for label, entry in entries.items()}
    place = _places(uses)
    columns = max(x for x, _ in place.values()) + 1
    rows = max(y for _, y in place.values()) + 1
    at = {label: (x * ACROSS + 12, y * DOWN + 12) for label, (x, y) in place.items()}
    lines = [
        f'<svg class="vi-graph" viewBox="0 0 {columns * ACROSS} {rows * DOWN - 24}" style="width: {columns * ACROSS}px" '
        'role="group" aria-label="What each statement rests on">'
    ]
    for label, below in at.items():
        for used in uses[label]:
            (x0, y0), (x1, y1) = at[used], below
            start, end, bend = (x0 + WIDTH / 2, y0 + HEIGHT), (x1 + WIDTH / 2, y1), (y0 + HEIGHT + y1) / 2
            lines.append(f'<path d="M{start[0]} {start[1]} C{start[0]} {bend} {end[0]} {bend} {end[0]} {end[1]}"/>')
    for label, (x, y) in at.items():
        entry = entries[label]
        lines.append(
            f'<a href="{escape(url[label])}"><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" '
            f'class="{entry["kind"]}"/><text x="{x + WIDTH / 2}" y="{y + 18}">{escape(entry.get("number", ""))}</text>'
            f'<text x="{x + WIDTH / 2}" y="{y + 35}" class="title">{escape(entry["title"])}</text></a>'
        )
    return f'<div class="vi-scroll" tabindex="0" role="region" aria-label="Graph">{"".join(lines)}</svg></div>'


def _places(uses):
    """{label: (column, row)}: the row is the longest way down; in a row, near the middle of what is rested on."""

    def row(label):
        return 1 + max(map(row, uses[label]), default=-1)

    place = {}
    for depth in range(1 + max(map(row, uses), default=0)):
        labels = [label for label in uses if row(label) == depth]

        def middle(label):
            columns = [place[used][0] for used in uses[label]]
            return sum(columns) / len(columns) if columns else 0

        for column, label in enumerate(sorted(labels, key=middle)):
            place[label] = (column, depth)
    return place
