"""Adam, and how its step size changes over a fit: for autoencoders and variational fits.

Ascent: what varinf optimises are bounds from below, which are maximised as they stand.
"""

import math

import numpy as np


class Adam:
    """Adam for one flat vector of parameters, in place, upwards.

        m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2
        theta <- theta + rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)

    Kingma, Ba (2015), "Adam: a method for stochastic optimization", algorithm 1, with the two corrections put into the
    rate and into epsilon, which spares two passes.
    """

    def __init__(self, parameters, rate=1e-3, b1=0.9, b2=0.999, epsilon=1e-8):
        self.parameters, self.rate, self.b1, self.b2, self.epsilon = parameters, rate, b1, b2, epsilon
        self.steps = 0
        self._mean, self._square = np.zeros_like(parameters), np.zeros_like(parameters)
        self._work = np.empty_like(parameters)

    def step(self, gradient, factor=1.0):
        """One step of size rate * factor along `gradient`, which is left as it is."""
        self.steps += 1
        work, mean, square = self._work, self._mean, self._square
        mean *= self.b1
        np.multiply(gradient, 1 - self.b1, out=work)
        mean += work
        square *= self.b2
        np.multiply(gradient, gradient, out=work)
        work *= 1 - self.b2
        square += work
        root = math.sqrt(1 - self.b2**self.steps)
        np.sqrt(square, out=work)
        work += self.epsilon * root
        np.divide(mean, work, out=work)
        work *= self.rate * factor * root / (1 - self.b1**self.steps)
        self.parameters += work


# The factor of the rate as a function of the share of all steps that is done, from 0 to 1.
SCHEDULES = {
    "constant": lambda share: 1.0,
    "linear": lambda share: 1.0 - share,
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,  # Loshchilov, Hutter (2017), eq. 5, without restarts
}


def schedule(name):
    """A schedule by its name, or a function (share of steps done) -> factor as it is."""
    if callable(name):
        return name
    if name not in SCHEDULES:
        raise ValueError(f"schedule={name!r}: use {', '.join(map(repr, SCHEDULES))} or a function of the share done")
    return SCHEDULES[name]
