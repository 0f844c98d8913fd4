"""What is to be inferred: a log density, with its gradient, over named parameters that may have constraints."""

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf.inference.check import STEP, check
from varinf.inference.layout import blocks, coordinates


class Target:
    """An unnormalised log density over `dim` parameters, log p(x, z) as a function of z.

    Fits work in free coordinates, real numbers. Where a parameter has a constraint, a named transform leads from the
    one to the other, and the log of its Jacobian is added: `log_prob` and all that a fit returns are about free
    coordinates, and `constrain` leads back.

    Parameters
    ----------
    log_prob : callable (S, dim) -> (S,)
        Log density in nats at S parameter vectors at once; constants count, as in ``log p(x, z)``.
    dim : int
        Number of parameters that `log_prob` takes.
    gradient : callable (S, dim) -> (S, dim), optional
        Gradient of `log_prob`. Without it, central differences: 2 · dim evaluations for each gradient.
    value_and_gradient : callable (S, dim) -> ((S,), (S, dim)), optional
        Both at once, where that costs less than one after the other; `gradient` is not needed then.
    hessian_product : callable ((S, dim), (S, dim)) -> (S, dim), optional
        Hessian of `log_prob` at each row of the first, times that row of the second. Without it, differences of the
        gradient.
    names : list of str or dict of str to shape, optional
        A name for each number, or named arrays whose sizes add up to `dim`, in the order in which they are laid out.
    transforms : dict of str to transform, optional
        Constraints, by name: "positive", "unit_interval", ``("interval", low, high)``, "ordered" or "simplex".
    variables : callable (S, dim) -> dict of str to array (S, ...), optional
        Quantities of parameter vectors that are wanted in their place, by name: what `named`, and with it the draws of
        a fit, then give.

    Attributes
    ----------
    dim : int
        Number of parameters.
    free_dim : int
        Number of free coordinates; less than `dim` by one for each simplex.
    names : tuple of str
        Of the free coordinates: "theta[2]" for a number of a named array.

    Raises
    ------
    ValueError
        If names, shapes and `dim` do not fit, or a transform is unknown.

    See Also
    --------
    Target.from_data : For data in batches.
    Target.from_jax, Target.from_torch, Target.from_pymc : For a function or model of another library.
    fit : Find an approximate posterior.

    Examples
    --------
    >>> import numpy as np
    >>> from varinf.inference.target import Target
    >>> def log_prob(x):  # a normal of unknown mean and scale, three data, flat and half-Cauchy priors
    ...     mean, scale = x.T
    ...     data = np.array([1.0, 2.0, 4.0])[:, None]
    ...     return np.sum(-(((data - mean) / scale) ** 2) / 2 - np.log(scale), axis=0) - np.log1p(scale**2)
    >>> target = Target(log_prob, 2, names=["mean", "scale"], transforms={"scale": "positive"})
    >>> target.check(rng=0).names
    ('mean', 'scale')
    >>> target.constrain(np.array([[0.5, 0.0]]))
    array([[0.5, 1. ]])
    """

    def __init__(
        self,
        log_prob,
        dim,
        *,
        gradient=None,
        value_and_gradient=None,
        hessian_product=None,
        names=None,
        transforms=None,
        variables=None,
    ):
        for name, function in {
            "log_prob": log_prob,
            "gradient": gradient,
            "value_and_gradient": value_and_gradient,
            "hessian_product": hessian_product,
            "variables": variables,
        }.items():
            if not callable(function) and (function is not None or name == "log_prob"):
                raise TypeError(f"{name}={function!r}: give a function of an array (S, dim)")
        if gradient is not None and value_and_gradient is not None:
            raise ValueError("gradient and value_and_gradient say the same: give one of them")
        self.dim = positive_integer(dim, "dim")
        self._log_prob, self._gradient, self._both = log_prob, gradient, value_and_gradient
        self._hessian_product, self._variables = hessian_product, variables
        self.blocks = blocks(self.dim, names, transforms)
        self.free_dim = self.blocks[-1].free.stop
        self.names = tuple(name for block in self.blocks for name in coordinates(block))
        self._constrained = [block for block in self.blocks if block.transform is not None]
        self._data = None

    @classmethod
    def from_data(
        cls,
        log_prior,
        log_likelihood,
        data,
        dim,
        *,
        prior_gradient=None,
        likelihood_gradient=None,
        names=None,
        transforms=None,
    ):
        """A target whose data come in batches: log prior + scale · log likelihood of the batch, scale = N / batch size.

        Parameters
        ----------
        log_prior : callable (S, dim) -> (S,)
            Log prior density.
        log_likelihood : callable ((S, dim), rows) -> (S,)
            Log likelihood of some rows of the data, summed over them and not scaled: the scale is applied here, once.
        data : array (N, ...)
            Data, independent given the parameters.
        dim : int
            Number of parameters.
        prior_gradient : callable (S, dim) -> (S, dim), optional
            Gradient of `log_prior`.
        likelihood_gradient : callable ((S, dim), rows) -> (S, dim), optional
            Gradient of `log_likelihood`; with both, no differences are needed.
        names, transforms : optional
            As of a `Target`.

        Returns
        -------
        Target
            Of all data; stochastic fits take ``batch_size=`` of them a step.
        """
        data = np.asarray(data)
        if data.ndim == 0 or len(data) == 0:
            raise ValueError(f"data has shape {data.shape}: give (N, ...), one row per datum")
        if (prior_gradient is None) != (likelihood_gradient is None):
            raise ValueError("give both gradients, prior_gradient and likelihood_gradient, or neither")

        def over(rows, scale):
            def log_prob(x):
                return np.asarray(log_prior(x)) + scale * np.asarray(log_likelihood(x, rows))

            def gradient(x):
                return np.asarray(prior_gradient(x)) + scale * np.asarray(likelihood_gradient(x, rows))

            exact = prior_gradient is not None
            return cls(log_prob, dim, gradient=gradient if exact else None, names=names, transforms=transforms)

        target = over(data, 1.0)
        target._data = (data, over)
        return target

    @classmethod
    def from_jax(cls, f, dim, *, names=None, transforms=None, batched=False):
        """A target from a log density written in JAX, with its gradients and Hessian products.

        Parameters
        ----------
        f : callable (dim,) -> ()
            Log density in nats of one parameter vector, a JAX array of float64; traced, so of JAX operations alone.
        dim : int
            Number of parameters that `f` takes.
        names, transforms : optional
            As of a `Target`.
        batched : bool
            Whether `f` takes S vectors (S, dim) at once, to (S,), as no `jax.vmap` of one could do it.

        Returns
        -------
        Target
            Which computes in float64, whatever JAX's own setting is, and leaves that setting alone.

        Raises
        ------
        ImportError
            Without JAX.
        ValueError
            If what `f` returns is no number for each vector.

        Notes
        -----
        JAX compiles for each number of rows; rows are filled up to powers of two, so that this happens a few times.
        JAX arrays that `f` refers to keep their own dtype, float32 unless it was told otherwise; NumPy's stay float64.
        """
        from varinf.interop.jax import target_from_jax

        return target_from_jax(f, dim, names=names, transforms=transforms, batched=batched)

    @classmethod
    def from_torch(cls, f, dim, *, names=None, transforms=None, batched=False):
        """A target from a log density written in torch, with its gradients and Hessian products.

        Parameters
        ----------
        f : callable (dim,) -> ()
            Log density in nats of one parameter vector, a CPU tensor of float64; `torch.func.vmap` runs it on many.
        dim : int
            Number of parameters that `f` takes.
        names, transforms : optional
            As of a `Target`.
        batched : bool
            Whether `f` takes S vectors (S, dim) at once, to (S,): for functions that `torch.func.vmap` cannot run.

        Returns
        -------
        Target
            Which computes in float64.

        Raises
        ------
        ImportError
            Without torch.
        ValueError
            From the target, if what `f` returns is no number for each vector, or it cannot be mapped over vectors.
        """
        from varinf.interop.torch_target import target_from_torch

        return target_from_torch(f, dim, names=names, transforms=transforms, batched=batched)

    @classmethod
    def from_pymc(cls, model, *, hessian=False, mode=None):
        """A target from a PyMC model: its joint log density, with gradients by PyTensor.

        Free coordinates are the model's value variables, such as ``tau_log__``, and the density has the Jacobian of
        PyMC's transforms. Draws of a fit are the model's own variables, free and deterministic, by their names.

        Parameters
        ----------
        model : pymc.Model
            With continuous free variables alone.
        hessian : bool
            Whether to compile products with the Hessian too, where PyTensor has second derivatives. It takes several
            times as long as the gradient, whose differences serve a fit as well.
        mode : str or pytensor Mode, optional
            How PyTensor compiles; by default in C where there is a C++ compiler, else by its own default.

        Returns
        -------
        Target
            Of all free variables, observed data fixed as they are now.

        Raises
        ------
        ImportError
            Without PyMC.
        ValueError
            For a model with discrete free variables, or with none.
        """
        from varinf.interop.pymc import target_from_pymc

        return target_from_pymc(model, hessian=hessian, mode=mode)

    @property
    def data_size(self):
        """Number N of data that can come in batches; None for a target that is one function."""
        return None if self._data is None else len(self._data[0])

    def minibatch(self, rows):
        """The target as these rows of the data show it: an unbiased estimate of this one at each point.

        Parameters
        ----------
        rows : array of int
            Which data.

        Returns
        -------
        Target
            With the likelihood of the rows times N over their number.
        """
        if self._data is None:
            raise ValueError("this target is one function of all its data: make it by Target.from_data")
        data, over = self._data
        return over(data[rows], len(data) / len(rows))

    def __repr__(self):
        how = "exact" if self.has_gradient else "by differences"
        return f"<Target: {self.dim} parameters, gradient {how}>"

    @property
    def has_gradient(self):
        """Whether gradients are the user's own, and not central differences."""
        return self._gradient is not None or self._both is not None

    @property
    def has_hessian_product(self):
        """Whether products with the Hessian in free coordinates are exact: given, and with no transform in between."""
        return self._hessian_product is not None and not self._constrained

    # Densities over free coordinates ---------------------------------------------------------------------------------

    def log_prob(self, z):
        """Log density of free coordinates, with the log Jacobian of the transforms.

        Parameters
        ----------
        z : array (S, free_dim)
            Free coordinates.

        Returns
        -------
        array (S,)
            In nats; -inf or nan where the log density is.
        """
        z = self._free(z)
        x = self.constrain(z)
        return self._shaped(self._log_prob(x), (len(x),), "log_prob") + self._log_det(z)

    def value_and_gradient(self, z):
        """Log density and its gradient over free coordinates.

        Parameters
        ----------
        z : array (S, free_dim)
            Free coordinates.

        Returns
        -------
        value : array (S,)
            What `log_prob` gives.
        gradient : array (S, free_dim)
            Its derivatives.
        """
        z = self._free(z)
        if not self.has_gradient:
            return self.gradient_by_differences(z)
        x = self.constrain(z)
        if self._both is not None:
            value, gradient = self._both(x)
        else:
            value, gradient = self._log_prob(x), self._gradient(x)
        value = self._shaped(value, (len(x),), "log_prob") + self._log_det(z)
        return value, self._pull(z, x, self._shaped(gradient, x.shape, "gradient"))

    def hessian_product(self, z, v):
        """Hessian of the log density over free coordinates at each z, times v.

        Parameters
        ----------
        z, v : array (S, free_dim)
            Where, and what is multiplied.

        Returns
        -------
        array (S, free_dim)
            Exact where the function was given and nothing is constrained; else central differences of the gradient.
        """
        z = self._free(z)
        if self.has_hessian_product:
            return self._shaped(self._hessian_product(z, v), z.shape, "hessian_product")
        size = np.maximum(1, np.abs(z).max(axis=-1, keepdims=True))
        step = STEP * size / np.maximum(np.abs(v).max(axis=-1, keepdims=True), 1e-300)
        above, below = (self.value_and_gradient(z + sign * step * v)[1] for sign in (1, -1))
        return (above - below) / (2 * step)

    def gradient_by_differences(self, z):
        """Log density, and central differences of it, over free coordinates.

        Parameters
        ----------
        z : array (S, free_dim)
            Free coordinates.

        Returns
        -------
        value : array (S,)
            What `log_prob` gives.
        gradient : array (S, free_dim)
            Right to about 1e-9, relative.
        """
        step = STEP * np.maximum(1, np.abs(z))
        offsets = step[:, None, :] * np.eye(self.free_dim)
        above, below = (
            self.log_prob((z[:, None, :] + sign * offsets).reshape(-1, self.free_dim)).reshape(z.shape)
            for sign in (1, -1)
        )
        return self.log_prob(z), (above - below) / (2 * step)

    # Parameters and free coordinates ---------------------------------------------------------------------------------

    def constrain(self, z):
        """Map free coordinates to parameters.

        Parameters
        ----------
        z : array (S, free_dim)
            Free coordinates.

        Returns
        -------
        array (S, dim)
            What `log_prob` takes.
        """
        z = self._free(z)
        if not self._constrained:
            return z
        x = np.empty((len(z), self.dim))
        for block in self.blocks:
            y = z[:, block.free]
            x[:, block.place] = y if block.transform is None else block.transform.forward(y)
        return x

    def unconstrain(self, x):
        """Free coordinates of parameters.

        Parameters
        ----------
        x : array (S, dim)
            Parameters, within their constraints.

        Returns
        -------
        array (S, free_dim)
            Real numbers.

        Raises
        ------
        ValueError
            For a parameter outside of its constraint.
        """
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"x has shape {x.shape}, but this target has {self.dim} parameters: give (S, {self.dim})")
        z = np.empty((len(x), self.free_dim))
        for block in self.blocks:
            part = x[:, block.place]
            if block.transform is not None and not block.transform.inside(part):
                raise ValueError(f"x has values of {block.name!r} that are not {block.transform}")
            z[:, block.free] = part if block.transform is None else block.transform.inverse(part)
        return z

    def named(self, x):
        """Give parameters as arrays by name.

        Parameters
        ----------
        x : array (..., dim)
            Parameters, as `constrain` gives them.

        Returns
        -------
        dict of str to array
            Views of x, of shape (..., shape of the parameter); or the target's own `variables` of x, where it has them.
        """
        if self._variables is not None:
            found = self._variables(x.reshape(-1, self.dim))
            return {name: np.reshape(value, (*x.shape[:-1], *np.shape(value)[1:])) for name, value in found.items()}
        return {b.name: x[..., b.place].reshape(*x.shape[:-1], *b.shape) for b in self.blocks}

    def _log_det(self, z):
        return sum((block.transform.log_det(z[:, block.free]) for block in self._constrained), 0.0)

    def _pull(self, z, x, gradient):
        if not self._constrained:
            return gradient
        pulled = np.empty_like(z)
        for block in self.blocks:
            g, y = gradient[:, block.place], z[:, block.free]
            pulled[:, block.free] = g if block.transform is None else block.transform.pull(y, x[:, block.place], g)
        return pulled

    # Checks ----------------------------------------------------------------------------------------------------------

    def check(self, rng=None):
        """Try the functions at a few standard normal points, and say what is wrong with them.

        Parameters
        ----------
        rng : None, int, SeedSequence or Generator
            Seed or generator of the points.

        Returns
        -------
        Target
            This one, if nothing is wrong.

        Raises
        ------
        ValueError
            For a wrong shape, values that are not finite at any point, rows that are not computed each by itself, or a
            gradient or Hessian product that differences contradict: with the parameter's name and both values.
        """
        check(self, generator(rng))
        return self

    def _free(self, z):
        z = np.asarray(z, dtype=np.float64)
        if z.ndim != 2 or z.shape[1] != self.free_dim:
            raise ValueError(
                f"z has shape {z.shape}, but this target has {self.free_dim} free coordinates: give (S, D)"
            )
        return z

    @staticmethod
    def _shaped(x, shape, name):
        x = np.asarray(x, dtype=np.float64)
        if x.shape != shape:
            raise ValueError(f"{name} returned shape {x.shape} for {shape[0]} parameter vectors; it must be {shape}")
        return x
