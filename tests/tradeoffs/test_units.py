"""Nats and bits: what is information is converted, by log 2, there and back; nothing else is."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from varinf.tradeoffs.units import converted


@dataclass(frozen=True)
class Result:
    rate: object
    slope: float
    units: str = "nats"


def test_bits_and_back():
    result = Result(np.array([math.log(2), 0.0, math.inf]), 3.0)
    bits = converted(result, "bits", ["rate"])
    np.testing.assert_allclose(bits.rate, [1.0, 0.0, math.inf], rtol=1e-15)
    assert (bits.slope, bits.units, type(bits)) == (3.0, "bits", Result)
    np.testing.assert_allclose(converted(bits, "nats", ["rate"]).rate, result.rate, rtol=1e-15)
    assert converted(result, "nats", ["rate"]) is result


def test_other_units_are_refused():
    with pytest.raises(ValueError, match="units='dits': use 'nats' or 'bits'"):
        converted(Result(1.0, 0.0), "dits", ["rate"])
