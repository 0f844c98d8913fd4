"""Both twins against the oracle of the case table, on every level that was built and that this processor runs."""

import importlib

import numpy as np
import pytest
from cases import CASES, as_tuple

from varinf import _kernels


def twins(name):
    """The modules to hold against the oracle: the reference, and each level built and supported."""
    yield "reference", importlib.import_module(f"varinf._kernels.{name}")
    for level in _kernels.runnable_levels():
        yield level, importlib.import_module(f"varinf._kernels._{level}._{name}")


PAIRS = [pytest.param(case, twin, id=f"{case.name}-{level}") for case in CASES for level, twin in twins(case.kernel)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("case", "twin"), PAIRS)
def test_oracle(case, twin, dtype):
    for size in case.sizes:
        arguments = case.make(np.random.default_rng(sum(size)), np.dtype(dtype), size)
        outputs = as_tuple(getattr(twin, case.function)(*arguments))
        expected = as_tuple(case.oracle(*arguments))
        assert len(outputs) == len(expected)
        for i, (got, want) in enumerate(zip(outputs, expected, strict=True)):
            np.testing.assert_allclose(
                np.asarray(got, dtype=np.longdouble),
                np.asarray(want, dtype=np.longdouble),
                rtol=case.rtol[dtype],
                atol=case.atol[dtype],
                err_msg=f"{case.name}, output {i}, size {size}",
            )
