"""Every kernel of the case table, compiled and reference, from tiny to larger than the caches, in both precisions.

    python -m pytest benchmarks/bench_kernels.py --benchmark-group-by=group --benchmark-columns=median,iqr,rounds

One thread; and the public calls that share out rows, by one worker and by two. Before anything is timed the two sides
are checked to have computed the same.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kernels"))
from cases import CASES, as_tuple

from varinf import _kernels
from varinf._pool import working
from varinf.cli._contenders import CASES as PUBLIC

# (rows, columns) as the kernel counts them. Kernels with an inner loop of their own get fewer rows for the same work:
# a matrix a row, all pairs of rows, six draws of each, columns behind the draws.
SIZES = {"tiny": (1, 10), "medium": (2_000, 64), "large": (100_000, 64)}
FEWER = {
    "gaussian_kl.full": 200,
    "gaussian_kl.cholesky": 200,
    "gaussian_kl.flawed_rows": 200,
    "log_weights": 130,
    "mixture_density": 40,
    "monte_carlo_elbo": 8,
    "pareto_tail": 40,
}
ROWS = {case.name: case for case in CASES}.values()  # one row per function is enough to time it
SHARED = [case for case in PUBLIC if not case.name.startswith(("MC ELBO", "tail index"))]  # these have one row, or none


def size_of(name, size):
    rows, columns = SIZES[size]
    fewer = next((share for kernel, share in FEWER.items() if name.startswith(kernel)), 1)
    return max(1, rows // fewer), columns


@pytest.mark.parametrize("twin", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_kernel(benchmark, case, size, dtype, twin):
    if not _kernels.runnable_levels():
        pytest.skip("this build has no compiled kernels")
    arguments = case.make(np.random.default_rng(0), np.dtype(dtype), size_of(case.name, size))
    level = _kernels.runnable_levels()[-1]
    reference = getattr(importlib.import_module(f"varinf._kernels.{case.kernel}"), case.function)
    compiled = getattr(importlib.import_module(f"varinf._kernels._{level}._{case.kernel}"), case.function)
    loose = {"float64": 1e-8, "float32": 1e-2}[dtype]  # the same computation; how close is the parity test's business
    for a, b in zip(as_tuple(reference(*arguments)), as_tuple(compiled(*arguments)), strict=True):
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=loose, atol=loose)
    benchmark.group = f"{case.name} {dtype} {size}"
    benchmark(reference if twin == "reference" else compiled, *arguments)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", SHARED, ids=lambda case: case.name)
def test_workers(benchmark, case, dtype, workers):
    call = case.public(*case.make(np.random.default_rng(0), np.dtype(dtype), *case.shapes[-1]))

    def by(workers):
        with working(workers):
            return call()

    for a, b in zip(as_tuple(by(1)), as_tuple(by(workers)), strict=True):
        np.testing.assert_array_equal(a, b)
    benchmark.group = f"{case.name} {dtype} workers"
    benchmark(by, workers)
