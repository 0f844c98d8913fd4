"""What a decoder's outputs mean: p(x | outputs), its score, its mean, its draws.

Each likelihood answers, for data x (N, F) and outputs (S, N, O),

    outputs(F)                how many outputs O a decoder of F features needs
    score(x, out, noise)      log p(x | out) (S, N), and its gradient in the outputs (S, N, O)
    log_prob(x, out, noise)   the same without the gradient
    mean(out)                 E[x | out], (..., F); for categories their probabilities (..., F, C)
    sample(out, noise, rng)   a draw of x
    start(X)                  outputs that fit the data's means: where the decoder's biases begin
    rules(X)                  caveats of bounds at these data

`noise` is the standard deviation of the Normal, which is the only one to have such a thing.
"""

import numpy as np

from varinf._kernels import kernel

_TINY = 1e-2  # probabilities at which biases begin stay so far from 0 and 1


class Bernoulli:
    """Outputs are logits; x is 0 or 1, or an intensity in between."""

    learns_noise = False

    def outputs(self, features):
        return features

    def check(self, x):
        bad = (x < 0) | (x > 1)
        if bad.any():
            raise ValueError(
                f"X has {np.count_nonzero(bad):,} values outside of 0 to 1 (the first is {x[bad][0]}); "
                "likelihood='bernoulli' needs 0 and 1, or intensities in between: scale the data, or use 'normal'"
            )

    def score(self, x, out, noise):
        return kernel("monte_carlo_elbo", out).log_likelihood_gradient(x, out, "bernoulli", 1.0)

    def log_prob(self, x, out, noise):
        return kernel("monte_carlo_elbo", out).log_likelihood(x, out, "bernoulli", 1.0)

    def mean(self, out):
        return np.exp(-np.logaddexp(0, -out))

    def sample(self, out, noise, rng):
        return (rng.random(out.shape) < self.mean(out)).astype(out.dtype)

    def start(self, X):
        p = np.clip(X.mean(axis=0, dtype=np.float64), _TINY, 1 - _TINY)
        return np.log(p / (1 - p))

    def rules(self, X):
        return (_intensities,) if np.any((X > 0) & (X < 1)) else ()


class Normal:
    """Outputs are means; the standard deviation is one number, given or learned."""

    def __init__(self, noise_scale):
        self.noise_scale, self.learns_noise = noise_scale, noise_scale is None

    def outputs(self, features):
        return features

    def check(self, x):
        pass

    def score(self, x, out, noise):
        return kernel("monte_carlo_elbo", out).log_likelihood_gradient(x, out, "normal", noise)

    def log_prob(self, x, out, noise):
        return kernel("monte_carlo_elbo", out).log_likelihood(x, out, "normal", noise)

    def d_log_noise(self, log_p, noise, features):
        """d log p / d log noise = sum of squared residuals in units of the noise - F, from log p itself."""
        return -2 * (log_p + features * (np.log(noise) + np.log(2 * np.pi) / 2)) - features

    def mean(self, out):
        return out

    def sample(self, out, noise, rng):
        return (out + noise * rng.standard_normal(out.shape)).astype(out.dtype)

    def start(self, X):
        return X.mean(axis=0, dtype=np.float64)

    def rules(self, X):
        return ()


class Categorical:
    """Outputs are logits of C categories for each feature; x holds their numbers, 0 to C - 1."""

    learns_noise = False

    def __init__(self, categories):
        self.categories = categories

    def outputs(self, features):
        return features * self.categories

    def check(self, x):
        bad = (x != np.floor(x)) | (x < 0) | (x >= self.categories)
        if bad.any():
            raise ValueError(
                f"X has {np.count_nonzero(bad):,} values that are no category (the first is {x[bad][0]}); "
                f"likelihood='categorical' with categories={self.categories} needs integers 0 to {self.categories - 1}"
            )

    def log_probs(self, out):
        """Log probabilities (..., F, C)."""
        logits = out.reshape(*out.shape[:-1], -1, self.categories)
        logits = logits - logits.max(axis=-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))

    def _one_hot(self, x, dtype):
        return (x[..., None] == np.arange(self.categories)).astype(dtype)

    def score(self, x, out, noise):
        log_probs, chosen = self.log_probs(out), self._one_hot(x, out.dtype)
        value = np.einsum("snfc,nfc->sn", log_probs, chosen)
        return value, (chosen - np.exp(log_probs)).reshape(out.shape)

    def log_prob(self, x, out, noise):
        return np.einsum("snfc,nfc->sn", self.log_probs(out), self._one_hot(x, out.dtype))

    def mean(self, out):
        return np.exp(self.log_probs(out))

    def sample(self, out, noise, rng):
        below = np.cumsum(self.mean(out), axis=-1)[..., :-1]
        return (rng.random(below.shape[:-1])[..., None] > below).sum(axis=-1).astype(out.dtype)

    def start(self, X):
        share = self._one_hot(X, np.float64).mean(axis=0)
        return np.log(np.clip(share, _TINY / self.categories, None)).ravel()

    def rules(self, X):
        return ()


def likelihood(name, noise_scale, categories):
    """A likelihood by its name; refuses what belongs to another one."""
    if noise_scale is not None and name != "normal":
        raise ValueError(f"noise_scale={noise_scale!r} is for likelihood='normal', not {name!r}: drop it")
    if categories is not None and name != "categorical":
        raise ValueError(f"categories={categories!r} is for likelihood='categorical', not {name!r}: drop it")
    if name == "categorical" and categories is None:
        raise ValueError("likelihood='categorical' needs categories=, the number of values that a feature can take")
    if name == "bernoulli":
        return Bernoulli()
    if name == "normal":
        return Normal(noise_scale)
    if name == "categorical":
        return Categorical(categories)
    raise ValueError(f"likelihood={name!r}: use 'bernoulli', 'normal' or 'categorical'")


def _intensities(estimate):
    return (
        "X holds intensities between 0 and 1: this is a bound on the mean over images binarised with these "
        "probabilities; their log p is not that of the intensities"
    )
