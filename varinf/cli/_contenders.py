"""What is timed: public calls of varinf, and the same as users of other packages write it.

A case has inputs by shape and dtype, the public call, the kernel function behind it where one alone carries it, a
formula for the array libraries (see `_libraries`), and functions of packages that have one of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import varinf as vi
from varinf.cli import _formulas as f


@dataclass(frozen=True)
class Case:
    """One thing to compute. `shapes` go from small to large; `varinf bench` takes the one at `quick`.

    `make(rng, dtype, *shape)` gives the arrays, `public(*arrays)` what is timed: a call that returns an array or a
    tuple of arrays. The same is what `formula(lib, *arrays)` returns, and the calls that the `others`, {package:
    builder}, build of the arrays, unless `alike` is false. What makes a package's arrays of NumPy's is not timed; where
    varinf's families check and copy them, `anew` is the call with this in it.
    """

    name: str
    shapes: tuple
    quick: int
    make: Callable
    public: Callable
    formula: Callable | None = None
    others: dict = field(default_factory=dict)
    kernel: tuple | None = None  # (name of the kernel, call(module, *arrays))
    anew: Callable | None = None
    alike: bool = True
    tolerance: float | None = None  # for being alike, where the dtype's own is too strict
    dtypes: tuple = ("float64", "float32")


CASES = (
    Case(
        "KL to standard, by scale",
        ((1, 10), (10_000, 50), (1_000_000, 64)),
        1,
        f.diagonals(1),
        f.prepared(f.scales),
        f.kl_to_standard,
        anew=lambda *arrays: lambda: vi.kl(*f.scales(*arrays)),
        others={"numba": f.numba("kl_to_standard")},
        kernel=("gaussian_kl", lambda module, loc, scale: module.diagonal_standard(loc, scale, 0)),
    ),
    Case(
        "KL to standard, by log variance",
        ((1, 10), (10_000, 50), (1_000_000, 64)),
        1,
        f.diagonals(1, logarithms=True),
        f.prepared(f.log_variances),
        f.kl_of_log_variances,
        anew=lambda *arrays: lambda: vi.kl(*f.log_variances(*arrays)),
        others={"numba": f.numba("kl_of_log_variances")},
        kernel=("gaussian_kl", lambda module, m, v: module.diagonal_standard(m, v, 2)),
    ),
    Case(
        "KL of diagonal pairs",
        ((1, 10), (10_000, 50), (1_000_000, 64)),
        1,
        f.diagonals(2),
        f.prepared(f.pairs),
        f.kl_of_pairs,
        anew=lambda *arrays: lambda: vi.kl(*f.pairs(*arrays)),
        others={"numba": f.numba("kl_of_pairs")},
        kernel=("gaussian_kl", lambda module, *arrays: module.diagonal_diagonal(*arrays, 0)),
    ),
    Case(
        "KL of full covariances",
        ((10_000, 2), (10_000, 8), (10_000, 32)),
        1,
        f.covariances,
        lambda *arrays: lambda: vi.gaussian_kl(*arrays),
        f.kl_of_covariances,
        kernel=("gaussian_kl", lambda module, *arrays: module.full_full_from_covariances(*arrays, 1e-3)),
    ),
    *(
        Case(
            f"log-mean-exp, {where}",
            ((1, 64), (10_000, 64), (10_000, 5_000)) if axis else ((64, 1), (64, 10_000), (5_000, 10_000)),
            1,
            f.log_weights,
            lambda x, axis=axis: lambda: vi.log_mean_exp(x, axis=axis),
            f.log_mean_exp(axis),
            kernel=("log_weights", f.log_mean_of_kernel(axis)),
            others={"scipy": f.scipy_log_mean_exp(axis)} | ({"numba": f.numba("log_mean_exp")} if axis else {}),
        )
        for axis, where in ((-1, "last axis"), (0, "first axis"))
    ),
    Case(
        "ELBO, IWELBO, ESS and weights",
        ((1, 64), (10_000, 64), (10_000, 5_000)),
        1,
        f.log_weights,
        f.our_bounds_and_weights,
        f.bounds_and_weights,
        others={"numba": f.numba("bounds_and_weights")},
        kernel=("log_weights", f.bounds_and_weights_of_kernel),
    ),
    Case(
        "ELBO, IWELBO, ESS and weights, into out=",
        ((10_000, 64), (10_000, 5_000)),
        0,
        f.log_weights,
        f.our_bounds_and_weights_into,
        f.bounds_and_weights,
        others={"numba": f.numba("bounds_and_weights")},
    ),
    Case(
        "MC ELBO and gradient, draws given",
        ((8, 1_000, 50), (8, 10_000, 50), (64, 1_000, 784)),
        0,
        f.bernoulli,
        f.of_kernel("monte_carlo_elbo", f.given),
        f.elbo_and_gradient,
        kernel=("monte_carlo_elbo", f.given),
    ),
    Case(
        "MC ELBO and gradient, own draws",
        ((8, 1_000, 50), (8, 10_000, 50), (64, 1_000, 784)),
        0,
        f.bernoulli,
        f.of_kernel("monte_carlo_elbo", f.own),
        f.elbo_own_draws,
        kernel=("monte_carlo_elbo", f.own),
        alike=False,
    ),
    Case(
        "normals",
        ((1_000,), (1_000_000,), (10_000_000,)),
        1,
        f.count,
        f.sample,
        lambda lib, out: lib.normal((out.shape[0],), out),
        kernel=("random_normal", lambda module, out: module.normals(1, 2, 0, out.size, out.dtype.char)),
        alike=False,
    ),
    Case(
        "normals, into out=",
        ((1_000,), (1_000_000,), (10_000_000,)),
        1,
        f.count,
        f.sample_into,
        others={"numpy": f.numpy_normals_into, "torch": f.torch_normals_into},
        alike=False,
    ),
    Case(
        "tail index",
        ((10_000,), (100_000,), (1_000_000,)),
        1,
        f.tail,
        lambda x: lambda: vi.psis(x).k_hat,
        others={"arviz": f.arviz, "arviz_stats": f.arviz_stats},
        dtypes=("float64",),
        tolerance=1e-3,  # arviz_stats takes a tail of another length at some numbers of draws
    ),
    Case(
        "aggregate posterior",
        ((1_000, 16), (10_000, 16)),
        0,
        f.codes,
        f.our_aggregate,
        f.aggregate,
        kernel=("mixture_density", lambda module, z, loc, scale: module.log_density(z, loc, scale)),
    ),
)
