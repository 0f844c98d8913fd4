"""Every kernel of the case table, compiled and reference, in two sizes and both precisions.

    python -m pytest benchmarks/bench_kernels.py --benchmark-group-by=group --benchmark-columns=median,iqr,rounds

One thread. Before anything is timed the twins are checked to have computed the same.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kernels"))
from cases import CASES, as_tuple

from varinf import _kernels

SIZES = {"small": (20, 64), "large": (2_000, 64)}
ROWS = {case.name: case for case in CASES}.values()  # one row per function is enough to time it


@pytest.mark.parametrize("twin", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_kernel(benchmark, case, size, dtype, twin):
    if not _kernels.runnable_levels():
        pytest.skip("this build has no compiled kernels")
    arguments = case.make(np.random.default_rng(0), np.dtype(dtype), SIZES[size])
    level = _kernels.runnable_levels()[-1]
    reference = getattr(importlib.import_module(f"varinf._kernels.{case.kernel}"), case.function)
    compiled = getattr(importlib.import_module(f"varinf._kernels._{level}._{case.kernel}"), case.function)
    loose = {"float64": 1e-8, "float32": 1e-2}[dtype]  # the same computation; how close is the parity test's business
    for a, b in zip(as_tuple(reference(*arguments)), as_tuple(compiled(*arguments)), strict=True):
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=loose, atol=loose)
    benchmark.group = f"{case.name} {dtype} {size}"
    benchmark(reference if twin == "reference" else compiled, *arguments)
