"""PyMC: a model's joint log density over its unconstrained value variables as a target."""

import functools
import math

try:
    import pymc  # noqa: F401, for the error below: PyTensor without PyMC makes no model
    import pytensor
    import pytensor.tensor as pt
    from pymc.pytensorf import join_nonshared_inputs
    from pytensor.compile.mode import Mode
    from pytensor.gradient import NullTypeGradError
    from pytensor.graph.replace import vectorize_graph
    from pytensor.graph.utils import MethodNotDefined
except ImportError as error:
    raise ImportError('Target.from_pymc needs PyMC: pip install "varinf[pymc]"') from error

from varinf.inference.target import Target


def target_from_pymc(model, *, hessian=False, mode=None):
    """A target from a PyMC model; `varinf.Target.from_pymc` is the public name.

    Parameters
    ----------
    model : pymc.Model
        With continuous free variables alone.
    hessian : bool
        Whether to compile products with the Hessian: 3 to 15 seconds more on eight schools, where it saved nothing.
    mode : str or pytensor Mode, optional
        How PyTensor compiles. None is its C code where there is a C++ compiler, and PyTensor's own default elsewhere.
        That is Numba now: as fast as C when it runs, it compiles for several times as long.

    Returns
    -------
    Target
        With exact gradients, and the model's variables as `variables`.

    Raises
    ------
    ValueError
        For a model with discrete free variables, or with none.
    """
    if model.discrete_value_vars:
        discrete = [variable.name for variable in model.discrete_value_vars]
        raise ValueError(
            f"the model has discrete free variables, {discrete}: a fit needs a density with gradients. Sum them out, "
            "as pymc.Mixture does for the components of a mixture"
        )
    if not model.value_vars:
        raise ValueError("the model has no free variables: there is nothing to infer")
    if mode is None and pytensor.config.cxx:
        mode = Mode("cvm", "fast_run")
    point = model.initial_point(random_seed=0)  # of which only the shapes matter
    shapes = {variable.name: point[variable.name].shape for variable in model.value_vars}
    wanted = model.free_RVs + model.deterministics
    outputs = [model.logp(jacobian=True), *model.replace_rvs_by_values(wanted)]
    (log_p, *values), z = join_nonshared_inputs(point, outputs, model.value_vars)
    gradient = pytensor.grad(log_p, z)
    both = _batched([log_p, gradient], [z], mode)
    variables, names = _batched(values, [z], mode), [variable.name for variable in wanted]
    return Target(
        lambda x: both(x)[0],  # a gradient costs less than compiling the density once more without it
        sum(map(math.prod, shapes.values())),
        value_and_gradient=both,
        hessian_product=_hessian_product(gradient, z, mode) if hessian else None,
        names=shapes,
        variables=lambda x: dict(zip(names, variables(x), strict=True)),
    )


def _hessian_product(gradient, z, mode):
    """As the gradient of gradient · v; None where an operation of the model has no second derivative."""
    v = z.type("v")
    try:
        product = pytensor.grad(pt.sum(gradient * v), z, disconnected_inputs="ignore")
    except (NotImplementedError, MethodNotDefined, NullTypeGradError):
        return None
    of_rows = _batched([product], [z, v], mode)
    return lambda x, v: of_rows(x, v)[0]


def _batched(outputs, inputs, mode):
    """A function of arrays of rows (S, dim) for each input, to arrays (S, ...); compiled when it is first called.

    One call of a vectorised graph: from 20 times, for 32 rows, to 150 times faster than a call for each.
    """

    @functools.cache
    def compiled():
        rows = [pt.matrix(x.name, dtype=x.dtype) for x in inputs]
        found = vectorize_graph(outputs, dict(zip(inputs, rows, strict=True)))
        for i, (one, many) in enumerate(zip(outputs, found, strict=True)):
            if many.type.ndim == one.type.ndim:  # what depends on no parameter has no rows yet
                found[i] = many + pt.zeros((rows[0].shape[0],) + (1,) * one.type.ndim)
        return pytensor.function(rows, found, mode=mode, on_unused_input="ignore")

    return lambda *x: compiled()(*(part.astype(i.dtype) for part, i in zip(x, inputs, strict=True)))
