"""varinf bench: compiled kernels against their reference and, on request, against other packages, on this machine."""

import datetime
import importlib
import json
import platform
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from varinf import _kernels
from varinf._progress import progress_bar
from varinf.cli._arguments import naming, positive, writable_file

HELP = "compiled kernels against the reference and, with --peers, other packages"
WIDTHS = (37, 9, 10, 7)


def add_arguments(parser):
    parser.description = (
        "Medians of interleaved runs on one thread, after a check that all contenders computed the same. "
        "Ratios within one run are what counts; absolute times move with the machine."
    )
    parser.add_argument("--peers", action="store_true", help="also numpy and scipy as users write them, and torch")
    parser.add_argument("--rounds", type=positive, default=7, metavar="N", help="runs of each contender (default 7)")
    parser.add_argument("--json", metavar="FILE", help="also write every median and spread to this file")


def run(arguments):
    """Prints one line for each kernel and dtype. Returns the exit status."""
    path = None if arguments.json is None else writable_file("--json", arguments.json)
    torch = _single_threaded_torch() if arguments.peers else None
    plan = [(case, dtype) for case in CASES for dtype in ("float64", "float32")]
    rows = []
    for case, dtype in progress_bar(plan, "bench"):
        title, contenders, alike = case(np.random.default_rng(0), np.dtype(dtype), arguments.peers, torch)
        if alike:
            _check_alike(title, contenders, dtype)
        rows.append({"kernel": title, "dtype": dtype, "seconds": _interleaved(contenders, arguments.rounds)})
    print(f"{_kernels.level} kernels, {arguments.rounds} rounds, medians in ms, one thread")
    print("\n".join(_lines(rows, arguments.peers)))
    if path is not None:
        with naming("--json", path, "give a file that can be written to"):
            path.write_text(json.dumps({"about": _about(arguments, torch), "rows": rows}, indent=1) + "\n")
        print(f"wrote {path}")
    return 0


def _about(arguments, torch):
    """What a stored table needs to be read by somebody else: machine, versions, commit, day."""
    peers = {"scipy": importlib.import_module("scipy").__version__} if arguments.peers else {}
    if torch is not None:
        peers["torch"] = torch.__version__
    return {
        "level": _kernels.level,
        "processor": _processor(),
        "rounds": arguments.rounds,
        "threads": 1,
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **peers},
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


# Timing --------------------------------------------------------------------------------------------------------------


def _interleaved(contenders, rounds):
    """{name: {median, low, high}} in seconds: every round runs each contender once, so that drift meets them all."""
    times = {name: [] for name in contenders}
    for call in contenders.values():
        call()  # a first call pays for caches and imports
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: {"median": statistics.median(t), "low": min(t), "high": max(t)} for name, t in times.items()}


def _check_alike(title, contenders, dtype):
    """All contenders must have computed the same: a fast wrong answer is no contender."""
    tolerance = {"float64": 1e-9, "float32": 1e-3}[dtype]
    results = {name: np.asarray(call(), dtype=np.float64) for name, call in contenders.items()}
    expected = results["reference"]
    for name, result in results.items():
        if not np.allclose(result, expected, rtol=tolerance, atol=tolerance):
            raise ValueError(
                f"{title}, {dtype}: {name} did not compute what the reference did; this is a bug to report"
            )


def _lines(rows, peers):
    names = ("", "compiled", "reference", "ratio", *(("best peer", "ratio") if peers else ()))
    widths = (*WIDTHS, *((10, 7) if peers else ()))
    yield _line(names, widths) if not peers else _line((names[0], "compiled", "reference", "", "best peer", ""), widths)
    for row in rows:
        seconds = {name: figures["median"] for name, figures in row["seconds"].items()}
        ours = seconds.get("compiled", seconds["reference"])
        cells = [f"{row['kernel']} {row['dtype'].replace('float', 'f')}"]
        cells.append(f"{1e3 * seconds['compiled']:.3g}" if "compiled" in seconds else "none")
        cells += [f"{1e3 * seconds['reference']:.3g}", f"{seconds['reference'] / ours:.1f}x"]
        others = [value for name, value in seconds.items() if name not in ("compiled", "reference")]
        if peers:
            cells += [f"{1e3 * min(others):.3g}", f"{min(others) / ours:.1f}x"] if others else ["", ""]
        yield _line(cells, widths)


def _line(cells, widths):
    first, *rest = cells
    return (first.ljust(widths[0]) + "".join(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))).rstrip()


# Contenders ----------------------------------------------------------------------------------------------------------


def _twins(kernel, call):
    """{"reference": ..., "compiled": ...} for `call(module)`; the compiled one where this run has it."""
    modules = {"reference": importlib.import_module(f"varinf._kernels.{kernel}")}
    if _kernels.level != "reference":
        modules["compiled"] = importlib.import_module(f"varinf._kernels._{_kernels.level}._{kernel}")
    return {name: lambda module=module: call(module) for name, module in modules.items()}


def _single_threaded_torch():
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    return torch


def _kl(rng, dtype, peers, torch):
    loc, scale = rng.normal(size=(10_000, 50)).astype(dtype), rng.gamma(2, size=(10_000, 50)).astype(dtype)
    contenders = _twins("gaussian_kl", lambda module: module.diagonal_standard(loc, scale, False))
    if peers:
        contenders["numpy"] = lambda: ((loc**2 + scale**2 - 1) / 2 - np.log(scale)).sum(axis=1)
    if torch is not None:
        m, s = torch.from_numpy(loc), torch.from_numpy(scale)
        contenders["torch"] = lambda: ((m**2 + s**2 - 1) / 2 - torch.log(s)).sum(1)
    return "KL to standard, 10,000x50", contenders, True


def _log_mean(rng, dtype, peers, torch):
    x = rng.normal(-30, 3, size=(10_000, 64)).astype(dtype)
    contenders = _twins("log_weights", lambda module: module.moments(x[:, :, None], 1.0)[1][:, 0])
    if peers:
        from scipy.special import logsumexp

        contenders["scipy"] = lambda: logsumexp(x, axis=1) - np.log(64)
    if torch is not None:
        t = torch.from_numpy(x)
        contenders["torch"] = lambda: torch.logsumexp(t, 1) - float(np.log(64))
    return "all moments of w, 10,000x64", contenders, True


def _mixture(rng, dtype, peers, torch):
    z, loc = (rng.normal(size=(1_000, 16)).astype(dtype) for _ in range(2))
    scale = rng.gamma(4, 0.25, size=(1_000, 16)).astype(dtype)
    contenders = _twins("mixture_density", lambda module: module.log_density(z, loc, scale))
    if peers:
        from scipy.special import logsumexp

        def expanded():
            precision = 1 / scale**2
            constant = (loc**2 * precision).sum(1) + 2 * np.log(scale).sum(1) + 16 * np.log(2 * np.pi)
            squares = z**2 @ precision.T - 2 * z @ (loc * precision).T
            return logsumexp(-(squares + constant) / 2, axis=1) - np.log(1_000)

        contenders["numpy"] = expanded
    return "mixture density, 1,000x1,000x16", contenders, True


def _monte_carlo(rng, dtype, peers, torch):
    x = (rng.random((1_000, 50)) < 0.5).astype(dtype)
    loc, log_scale = (0.3 * rng.normal(size=(1_000, 50)).astype(dtype) for _ in range(2))
    noise = rng.normal(size=(8, 1_000, 50)).astype(dtype)
    contenders = _twins("monte_carlo_elbo", lambda module: module.elbo(x, loc, log_scale, noise, "bernoulli", 1.0)[3])
    if torch is not None:
        data, eps, spread = torch.from_numpy(x), torch.from_numpy(noise), torch.from_numpy(log_scale)

        def by_autograd():
            m, s = torch.from_numpy(loc).requires_grad_(), spread.clone().requires_grad_()
            z = m + torch.exp(s) * eps
            likelihood = (data * z - torch.nn.functional.softplus(z)).sum(-1).mean(0)
            kl = ((m**2 + torch.exp(2 * s) - 1) / 2 - s).sum(-1)
            (likelihood - kl).sum().backward()
            return m.grad

        contenders["torch"] = by_autograd
    return "MC ELBO and gradient, 8x1,000x50", contenders, True


def _normals(rng, dtype, peers, torch):
    contenders = _twins("random_normal", lambda module: module.normals(1, 2, 0, 1_000_000, dtype.char))
    if peers:
        contenders["numpy"] = lambda: rng.standard_normal(1_000_000, dtype=dtype)
    return "normals, 1,000,000", contenders, False  # each has a stream of its own


CASES = (_kl, _log_mean, _mixture, _monte_carlo, _normals)
