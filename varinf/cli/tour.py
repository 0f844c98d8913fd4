"""varinf tour: every statement of the page, computed, printed, checked, and drawn on request."""

import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from varinf import _kernels
from varinf._progress import progress_bar
from varinf._text import WIDTH, wrapped
from varinf.cli._arguments import naming, natural
from varinf.page.computation_lens import computation_lens
from varinf.page.definition_1 import definition_1
from varinf.page.statement import Study
from varinf.page.theorem_1 import theorem_1
from varinf.page.theorem_2 import theorem_2
from varinf.page.theorem_3 import theorem_3
from varinf.page.worked_example import worked_example

HELP = "every statement of the page on real data, as numbers that add up"
ORDER = (definition_1, theorem_1, theorem_2, theorem_3, worked_example, computation_lens)  # the page's
ADVICE = "give a folder that files can be written to"


def add_arguments(parser):
    parser.add_argument("--figures", metavar="DIR", help="also draw each statement into this folder (needs matplotlib)")
    parser.add_argument("--seed", type=natural, default=0, help="seed of every draw (default 0)")


def run(arguments):
    """Exit status: 0 when every statement holds, 1 when one does not, 2 when the tour cannot be made."""
    # Whatever stops the tour is found before its work.
    _require("scikit-learn", "sklearn")
    folder = None if arguments.figures is None else _folder(arguments.figures)
    print("\n".join(wrapped(f"varinf tour, on {_kernels.level} kernels: {_kernels.reason}")))
    began = time.perf_counter()
    study, statements = Study(arguments.seed), []
    try:
        for compute in progress_bar(ORDER, "tour"):
            statements.append(compute(study))
    finally:  # printed after the bar, which shares the terminal; and what was computed is shown whatever happened
        for statement in statements:
            print()
            print("\n".join(_lines(statement)))
    if folder is not None:
        _draw(statements, folder)
    passed = sum(statement.passed for statement in statements)
    checks = [check for statement in statements for check in statement.checks]
    print(
        f"\n{passed} of {len(statements)} statements hold ({sum(c.passed for c in checks)} of {len(checks)} checks)",
        end="",
    )
    print(f" in {time.perf_counter() - began:.0f} s")
    return 0 if passed == len(statements) else 1


def _require(package, module):
    if find_spec(module) is None:
        raise ImportError(f'{package} is not installed: pip install "varinf[examples]"')


def _folder(figures):
    """The folder of the figures, which exists and takes files."""
    _require("matplotlib, which draws the --figures,", "matplotlib")
    if not figures:
        raise ValueError("--figures: the name is empty: give a folder, such as --figures tour")
    folder = Path(figures)
    with naming("--figures", folder, ADVICE):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    return folder


def _lines(statement):
    yield statement.title
    yield "=" * len(statement.title)
    yield f"  {statement.formula}"
    yield from wrapped(statement.reading, "  ")
    yield ""
    yield from _table(statement.header, statement.rows)
    yield ""
    for check in statement.checks:
        yield f"  {'pass' if check.passed else 'FAIL'}  {check.claim.ljust(52)}{check.evidence.rjust(WIDTH - 60)}"


def _table(header, rows):
    """Columns as wide as their longest cell: text to the left in the first one, numbers to the right in the others."""
    if not header:
        return [row[0] for row in rows]
    grid = [header, *rows]
    widths = [max(len(row[i]) for row in grid) for i in range(len(header))]
    lines = []
    for row in grid:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines


def _draw(statements, folder):
    from varinf.plots import plot

    for statement in statements:
        if not statement.data:
            continue
        figure = plot(statement)
        path = folder / f"{statement.slug}.png"
        with naming("--figures", folder, ADVICE):
            figure.savefig(path, dpi=150)
        print(f"drew {path}")
