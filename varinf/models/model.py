"""What every reference model offers, and the shapes that it is offered in.

Two kinds of model share one signature, x before z:

- with a latent vector per datum (NormalNormal, LinearGaussian): x (N, F), z (..., N, D), log densities (..., N);
- with one latent vector behind data that the model itself holds (EightSchools, LinearRegression,
  LogisticRegression): x is None, z (..., D), log densities (...). ``functools.partial(model.log_joint, None)`` is then
  the unnormalised log posterior as a function of z alone.

============================================  ==================================================================
latent_dim                                    D
prior                                         p(z), with log_prob and sample
log_likelihood(x, z)                          log p(x | z)
log_joint(x, z)                               log p(x, z) = log p(z) + log p(x | z)
log_evidence(x)                               log p(x), exact, by a route that does not touch the posterior
posterior(x)                                  p(z | x), exact, with log_prob and sample
posterior_chains(n, rng)                      instead of it, where no exact draws exist: Markov chains (n, chains, D)
expected_log_likelihood(x, q)                 E_q log p(x | z) in closed form, for the linear Gaussian models
expected_log_joint(x, q)                      E_q log p(x, z) in closed form, for the linear Gaussian models
mean_field(x)                                 the DiagonalNormal of highest ELBO, where it has a closed form
sample(n, rng)                                n draws (x, z) from p(x, z)
============================================  ==================================================================

Functions such as `varinf.identity`, `varinf.sandwich` and `varinf.evaluate` ask for these methods, not for a class: a
model of your own need not inherit from anything. The models compute in NumPy float64, which their parameters are.
"""

import numpy as np

from varinf._arrays import as_array, check_finite, finite_number, is_numpy
from varinf.families.family import LOG_TWO_PI


class Model:
    """A joint density p(z) p(x | z); subclasses give the parts. See the module's docstring for all of them."""

    def log_joint(self, x, z):
        """Log joint density log p(x, z) = log p(z) + log p(x | z), in nats.

        Parameters
        ----------
        x : array (N, F), or None
            Data, one row per datum; None for a model that holds its own.
        z : array (..., N, D), or (..., D) for x=None
            Latent vectors: any axes of draws in front, then one vector per datum, or one in all.

        Returns
        -------
        array (..., N), or (...) for x=None
            Exact, with all constants, in nats.

        Raises
        ------
        ValueError
            If a shape is not the model's, or a value is not finite.
        """
        log_likelihood = self.log_likelihood(x, z)  # first: its errors name both x and z
        return self.prior.log_prob(z) + log_likelihood


class LinearGaussianModel(Model):
    """A model in which the expected log joint under any q needs its mean and covariance alone."""

    def expected_log_joint(self, x, q):
        """Expected log joint density E_q log p(x, z), in nats, in closed form; the ELBO is this plus ``q.entropy()``.

        Parameters
        ----------
        x : array (N, F), or None
            Data, one row per datum; None for a model that holds its own.
        q : family
            Any with `mean` and `covariance`, of batch shape (N,), or () for x=None.

        Returns
        -------
        array (N,), or float for x=None
            Exact, in nats.

        Raises
        ------
        ValueError
            If a shape is not the model's.
        """
        return self.expected_log_likelihood(x, q) + expected_log_normal(q, self.prior.loc, self.prior.scale)


def expected_log_normal(q, loc, scale):
    """E_q log N(z; loc, diag(scale^2)) from the moments of q: the mean squared distance is squared bias + variance."""
    squares = ((q.mean - loc) ** 2 + q.variance) / scale**2
    return -np.sum(LOG_TWO_PI + 2 * np.log(scale) + squares, axis=-1) / 2


# Checks --------------------------------------------------------------------------------------------------------------


def numpy_array(x, name):
    """x as a finite NumPy array; arrays of other libraries are refused, as the reference models are NumPy's."""
    if x is None:
        raise TypeError(f"{name} is None: give an array of numbers")
    x = as_array(x, name)
    if not is_numpy(x):
        raise TypeError(f"{name} is a {type(x).__module__}.{type(x).__name__}; the reference models take NumPy arrays")
    check_finite(x, name)
    return x


def data(x, features):
    """x as (N, features)."""
    x = numpy_array(x, "x")
    if x.ndim != 2 or x.shape[1] != features:
        raise ValueError(f"x has shape {x.shape}, but this model needs (N, {features}): one row per datum")
    return x


def held(x, model):
    """Refuses data given to a model that holds its own."""
    if x is not None:
        raise ValueError(f"{type(model).__name__} holds its own data: give x=None, or build a new model from new data")


def latents(z, shape):
    """z as (..., *shape), shape being (N, D) or (D,)."""
    z = numpy_array(z, "z")
    if z.ndim < len(shape) or z.shape[z.ndim - len(shape) :] != shape:
        trailing = ", ".join(map(str, shape))
        raise ValueError(f"z has shape {z.shape}, but these data and this model need (..., {trailing})")
    return z


def check_batch(q, shape):
    """Refuses a q that is not one distribution over D numbers per datum: shape is (N, D), or (D,)."""
    if (*q.batch_shape, q.dim) != shape:
        raise ValueError(f"q has shape {(*q.batch_shape, q.dim)}, but these data and this model need {shape}")


def positive_number(value, name):
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}={value!r}: use a positive number")
    if not 0 < value < np.inf:
        raise ValueError(f"{name}={value}: use a positive finite number")
    return float(value)


def not_negative(value, name):
    if finite_number(value, name) < 0:
        raise ValueError(f"{name}={value}: use 0 or a positive number")
    return float(value)
