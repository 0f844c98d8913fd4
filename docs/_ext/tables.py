"""Tables that are data elsewhere: the page's five questions about every objective, and the stored benchmark."""

import json
from pathlib import Path

from sphinx.util.docutils import SphinxDirective
from sphinx.util.rst import escape

from varinf.cli.bench import OURS
from varinf.estimate import Direction
from varinf.objectives import OBJECTIVES, QUESTIONS


class LensTable(SphinxDirective):
    """Every public objective: its formula, direction and source; then its five answers, folded."""

    def run(self):
        rows = [("objective", "formula", "direction")]
        rows += [(f":obj:`varinf.{o.name}`", f"``{o.formula}``", _direction(o)) for o in OBJECTIVES.values()]
        lines = _list_table(rows, widths="20 60 20")
        for objective in OBJECTIVES.values():
            lines += ["", f".. dropdown:: {escape(objective.title)}", ""]
            for question, answer in zip(QUESTIONS, objective.answers, strict=True):
                lines += [f"   **{question}**", f"   {escape(answer)}", ""]
            lines += [f"   Source: {escape(objective.source)}."]
        return self.parse_text_to_nodes("\n".join(lines))


def _direction(objective):
    if callable(objective.direction):
        return "by its order"
    if isinstance(objective.direction, tuple):
        return " and ".join(objective.direction)
    return "exact, by draws" if objective.direction == Direction.EXACT else str(objective.direction)


class BenchmarkTable(SphinxDirective):
    """The stored result of ``python benchmarks/bench_peers.py``."""

    def run(self):
        path = Path(self.env.srcdir, "benchmarks.json")
        self.env.note_dependency(str(path))
        stored = json.loads(path.read_text(encoding="utf-8"))
        about = stored["about"]
        rows = [("size", "", "varinf", "reference", "ratio", "fastest peer", "ratio", "MiB")]
        lines = []
        for case in dict.fromkeys(row["case"] for row in stored["rows"]):
            timed = [_timed(row) for row in stored["rows"] if row["case"] == case]
            lines += ["", f".. rubric:: {case[:1].upper()}{case[1:]}", "", *_list_table(rows + timed, classes=NUMBERS)]
        versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        caption = (
            f"Medians of {about['rounds']} interleaved runs in milliseconds, {about['threads']} thread, on the "
            f"{about['level']} kernels: {about['processor']}; {versions}; commit {about['commit']}, {about['date']}."
        )
        return self.parse_text_to_nodes("\n".join([escape(caption), *lines]))


NUMBERS = "vi-wide vi-numbers vi-close"


def _timed(row):
    seconds = {name: figures["median"] for name, figures in row["seconds"].items()}
    ours, reference = seconds["varinf"], seconds.get("reference")
    peers = {name: value for name, value in seconds.items() if name not in OURS}
    peer = min(peers, key=peers.get, default=None)
    shape = "\xa0×\xa0".join(f"{n:,}" for n in row["shape"])
    return (
        shape,
        row["dtype"].replace("float", "f"),
        _ms(ours),
        "" if reference is None else _ms(reference),
        "" if reference is None else _two_digits(reference / ours),
        "" if peer is None else f"{_ms(peers[peer])} {peer}",
        "" if peer is None else _two_digits(peers[peer] / ours),
        _two_digits(row["bytes"]["varinf"] / 2**20),
    )


def _ms(seconds):
    return f"{1e3 * seconds:.3g}"


def _two_digits(x):
    """Two at least: 0.031, 3.1, 31, 310."""
    return f"{x:.2g}" if x < 1 else f"{x:.1f}" if x < 10 else f"{x:,.0f}"


def _list_table(rows, widths="auto", classes="vi-wide"):
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", f"   :class: {classes}", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return lines


def setup(app):
    app.add_directive("lens-table", LensTable)
    app.add_directive("benchmark-table", BenchmarkTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
