"""varinf bench: varinf against its reference and, on request, against other packages, on this machine."""

import datetime
import importlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from varinf import _kernels
from varinf._progress import progress_bar
from varinf.cli._arguments import naming, positive, writable_file
from varinf.cli._contenders import CASES
from varinf.cli._libraries import installed, runners
from varinf.cli._timing import check_alike, interleaved, peak_memory

HELP = "compiled kernels against the reference and, with --peers, other packages"
PACKAGES = ("numpy", "scipy", "numba", "torch", "jax", "arviz", "arviz_stats")
# Read by libraries when they are imported; where the system can bind a process to processors it is bound besides.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
OURS = ("varinf", "varinf, from arrays", "compiled", "reference")
CHILD = "VARINF_BENCH_THREADS"


def add_arguments(parser):
    parser.description = (
        "Medians of interleaved runs of public calls, after a check that all contenders computed the same. "
        "Ratios within one run are what counts; absolute times move with the machine."
    )
    parser.add_argument("--peers", action="store_true", help="also the installed ones of other packages")
    parser.add_argument("--full", action="store_true", help="all sizes, and torch.compile among the peers: an hour")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="threads of everybody (default 1)")
    parser.add_argument("--rounds", type=positive, default=7, metavar="N", help="runs of each contender (default 7)")
    parser.add_argument("--only", metavar="WORDS", default="", help="cases whose name has these words")
    parser.add_argument("--json", metavar="FILE", help="write medians, spreads and peaks of memory here")


def run(arguments):
    """Prints one line for each case, size and dtype. Returns the exit status."""
    path = None if arguments.json is None else writable_file("--json", arguments.json)
    if os.environ.get(CHILD) != str(arguments.threads):
        return _in_a_process_of_its_own(arguments)
    libraries = runners(compilers=arguments.full) if arguments.peers else {}
    plan = [
        (case, shape, dtype)
        for case in CASES
        if arguments.only.lower() in case.name.lower()
        for shape in (case.shapes if arguments.full else case.shapes[case.quick : case.quick + 1])
        for dtype in case.dtypes
    ]
    if not plan:
        raise ValueError(f"--only {arguments.only!r} names no case: use a part of {', '.join(c.name for c in CASES)}")
    rows = []
    for case, shape, dtype in progress_bar(plan, "bench"):
        rows.append(_row(case, shape, dtype, libraries, arguments))
    threads = f"{arguments.threads} thread{'s' * (arguments.threads > 1)}"
    print(f"{_kernels.level} kernels, {arguments.rounds} rounds, medians in ms, {threads}")
    print("\n".join(_lines(rows, arguments.peers)))
    if path is not None:
        with naming("--json", path, "give a file that can be written to"):
            path.write_text(json.dumps({"about": _about(arguments), "rows": rows}, indent=1) + "\n")
        print(f"wrote {path}")
    return 0


def _in_a_process_of_its_own(arguments):
    """The same command where every library, imported anew, finds as many threads as it may use."""
    environment = os.environ | dict.fromkeys((*THREADS, CHILD), str(arguments.threads))
    command = [sys.executable, "-m", "varinf", "bench", *_as_options(arguments)]
    with _bound_to(arguments.threads):
        return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def _bound_to(threads):
    """Children that are started in here may use so many processors, where the system can say so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    processors = os.sched_getaffinity(0)
    if threads > len(processors):
        raise ValueError(f"--threads {threads}: this process may use {len(processors)} processors")
    os.sched_setaffinity(0, sorted(processors)[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


def _as_options(arguments):
    """What the command line said, said again."""
    for name in ("peers", "full"):
        if getattr(arguments, name):
            yield f"--{name}"
    for name in ("threads", "rounds", "only", "json"):
        if getattr(arguments, name) is not None:
            yield from (f"--{name}", str(getattr(arguments, name)))


# One row -------------------------------------------------------------------------------------------------------------


def _row(case, shape, dtype, libraries, arguments):
    """Times and peaks of memory of the contenders of one case."""
    arrays = case.make(np.random.default_rng(0), np.dtype(dtype), *shape)
    contenders = _contenders(case, arrays, libraries, arguments.peers)
    title = f"{case.name}, {_times(shape)}"
    if case.alike:
        check_alike(title, contenders, dtype, case.tolerance)
    ours = [name for name in contenders if name in OURS or name == "numpy"]
    return {
        "case": case.name,
        "shape": list(shape),
        "dtype": dtype,
        "seconds": interleaved(contenders, arguments.rounds),
        "bytes": {name: peak_memory(contenders[name]) for name in ours},
    }


def _contenders(case, arrays, libraries, peers):
    """{name: call}: the public call, the twins of its kernel, and the peers."""
    found = {"varinf": case.public(*arrays)}
    if case.anew is not None:
        found["varinf, from arrays"] = case.anew(*arrays)
    if case.kernel is not None:
        name, call = case.kernel
        modules = {"reference": f"varinf._kernels.{name}"}
        if _kernels.level != "reference":
            modules["compiled"] = f"varinf._kernels._{_kernels.level}._{name}"
        for twin, module in modules.items():
            found[twin] = partial(call, importlib.import_module(module), *arrays)
    if case.formula is not None:
        found |= {name: build(case.formula, arrays) for name, build in libraries.items()}
    if peers:
        found |= {name: case.others[name](*arrays) for name in installed(case.others)}
    return found


# What is printed and stored ------------------------------------------------------------------------------------------


def _lines(rows, peers):
    widths = (36, 9, 10, 7, 11, 7)[: 6 if peers else 4]
    yield _line(("", "varinf", "reference", "", "best peer", "")[: len(widths)], widths)
    for row in rows:
        seconds = {name: figures["median"] for name, figures in row["seconds"].items()}
        ours, reference = seconds["varinf"], seconds.get("reference", math.nan)
        short = row["case"].replace(" to standard", "").replace("log variance", "log var")
        cells = [f"{short} {_times(row['shape'])} {row['dtype'].replace('float', 'f')}"]
        cells += [_ms(ours), _ms(reference), _ratio(reference / ours)]
        if peers:
            best = min((value for name, value in seconds.items() if name not in OURS), default=math.nan)
            cells += [_ms(best), _ratio(best / ours)]
        if len(cells[0]) >= widths[0]:
            yield cells[0]
            cells[0] = ""
        yield _line(cells, widths)


def _line(cells, widths):
    first, *rest = cells
    return (first.ljust(widths[0]) + "".join(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))).rstrip()


def _ms(seconds):
    return "" if math.isnan(seconds) else f"{1e3 * seconds:.3g}"


def _ratio(ratio):
    return "" if math.isnan(ratio) else f"{ratio:.1f}x"


def _times(shape):
    return "x".join(f"{n:,}" for n in shape)


def _about(arguments):
    """What a stored table needs to be read by somebody else: machine, versions, commit, day."""
    return {
        "level": _kernels.level,
        "processor": _processor(),
        "rounds": arguments.rounds,
        "threads": arguments.threads,
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in installed(PACKAGES if arguments.peers else ["numpy"])},
    }


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _commit():
    """Of the checkout that runs; None for an installed package."""
    root = Path(__file__).parents[2]
    git = ("git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*")
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None
