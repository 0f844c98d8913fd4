"""The one table of kernels: inputs, a high-precision oracle and a tolerance for each function of each kernel.

Parity, contract and benchmark follow from it (`test_parity.py`, `test_contract.py`, `benchmarks/bench_kernels.py`);
a new kernel function is one row here.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One kernel function with the data to hold it against.

    make(rng, dtype, size) gives the positional arguments, `size` being (rows, columns) in the sense of the kernel;
    oracle(*arguments) gives the outputs in more precision than float64 (a tuple, even of one); rtol and atol, keyed by
    dtype name, bound |output - oracle| <= atol + rtol |oracle|, with the reason beside the number.
    """

    name: str  # "kernel.function"
    make: Callable
    oracle: Callable
    rtol: dict
    atol: dict
    sizes: tuple = ((1, 1), (3, 7), (17, 33), (40, 130))

    @property
    def kernel(self):
        return self.name.split(".")[0]

    @property
    def function(self):
        return self.name.split(".")[1]


def as_tuple(outputs):
    """Kernels that return one array, as the tuple that the table speaks of."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


CASES = []

# log_weights ---------------------------------------------------------------------------------------------------------

# gaussian_kl ---------------------------------------------------------------------------------------------------------

# monte_carlo_elbo ----------------------------------------------------------------------------------------------------

# mixture_density -----------------------------------------------------------------------------------------------------

# random_normal -------------------------------------------------------------------------------------------------------
