"""Tables that are data elsewhere: the page's five questions about every objective, and the stored benchmark."""

import json
import re
from pathlib import Path

from sphinx.util.docutils import SphinxDirective
from sphinx.util.rst import escape

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
    """The stored result of ``varinf bench --peers --json docs/benchmarks.json``."""

    def run(self):
        path = Path(self.env.srcdir, "benchmarks.json")
        self.env.note_dependency(str(path))
        stored = json.loads(path.read_text(encoding="utf-8"))
        about = stored["about"]
        rows = [("kernel", "compiled", "reference", "ratio", "fastest peer", "ratio")]
        rows += [_timed(row) for row in stored["rows"]]
        versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        caption = (
            f"Medians of {about['rounds']} interleaved runs in milliseconds, {about['threads']} thread, on the "
            f"{about['level']} kernels: {about['processor']}; {versions}; commit {about['commit']}, {about['date']}."
        )
        table = _list_table(rows, classes="vi-wide vi-numbers")
        return self.parse_text_to_nodes("\n".join([*table, "", escape(caption)]))


def _timed(row):
    seconds = {name: figures["median"] for name, figures in row["seconds"].items()}
    ours, reference = seconds.pop("compiled"), seconds.pop("reference")
    peer = min(seconds, key=seconds.get, default=None)
    rest = (f"{peer} {1e3 * seconds[peer]:.3g}", f"{seconds[peer] / ours:.1f}×") if peer else ("", "")
    name = re.sub(r"(?<=\d)x(?=\d)", "×", f"{row['kernel']}, {row['dtype']}")
    return (name, f"{1e3 * ours:.3g}", f"{1e3 * reference:.3g}", f"{reference / ours:.1f}×", *rest)


def _list_table(rows, widths="auto", classes="vi-wide"):
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", f"   :class: {classes}", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return lines


def setup(app):
    app.add_directive("lens-table", LensTable)
    app.add_directive("benchmark-table", BenchmarkTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
