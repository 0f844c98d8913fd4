"""Dense networks with hand-derived backward passes.

    h_0 = x,  h_l = f(h_(l-1) W_l + b_l) for l < L,  y = h_(L-1) W_L + b_L

Every activation here has a derivative that is a function of its value, so that a pass keeps the values h_l alone:

    tanh: 1 - h^2;   relu: 1 where h > 0, else 0;   softplus, log(1 + e^a): 1 - e^(-h)

With e_l = dF/da_l for rows of a function F to be differentiated, e_L = dF/dy, and going down

    dF/dW_l = h_(l-1)' e_l,   dF/db_l = sum of rows of e_l,   e_(l-1) = (e_l W_l') * f'(h_(l-1)),   dF/dx = e_1 W_1'

The parameters of a network are one flat vector; its matrices are views of it, and so are those of its gradient: an
optimiser sees one array.
"""

import math

import numpy as np


def _softplus(a):
    """log(1 + e^a) in place: by |a|, so that nothing overflows."""
    low = np.abs(a)
    np.log1p(np.exp(np.negative(low, out=low), out=low), out=low)
    np.maximum(a, 0, out=a)
    a += low
    return a


# name: (value in place, gradient e *= f'(h) in place, from the value h)
ACTIVATIONS = {
    "tanh": (lambda a: np.tanh(a, out=a), lambda e, h: np.multiply(e, 1 - h * h, out=e)),
    "relu": (lambda a: np.maximum(a, 0, out=a), lambda e, h: np.multiply(e, h > 0, out=e)),
    "softplus": (_softplus, lambda e, h: np.multiply(e, -np.expm1(-h), out=e)),
}


class Network:
    """A dense network of given widths, (inputs, hidden, ..., outputs). It holds no numbers: parameters are given."""

    def __init__(self, widths, activation):
        self.widths, self.activation = tuple(widths), activation
        self.size = sum((a + 1) * b for a, b in self._pairs())

    def _pairs(self):
        return zip(self.widths[:-1], self.widths[1:], strict=True)

    def views(self, flat):
        """[(W, b), ...] of a flat vector: weights (inputs, outputs) and biases (outputs,) of each layer."""
        views, start = [], 0
        for inputs, outputs in self._pairs():
            middle = start + inputs * outputs
            end = middle + outputs
            views.append((flat[start:middle].reshape(inputs, outputs), flat[middle:end]))
            start = end
        return views

    def initialise(self, flat, rng):
        """Random weights that keep the size of what goes through.

        Glorot, Bengio (2010), eq. 16; for relu He, Zhang, Ren, Sun (2015), eq. 10.
        """
        flat[:] = 0
        for weights, _ in self.views(flat):
            inputs, outputs = weights.shape
            half_width = math.sqrt(6 / inputs if self.activation == "relu" else 6 / (inputs + outputs))
            weights[...] = rng.uniform(-half_width, half_width, weights.shape)

    def forward(self, flat, x):
        """Output (n, outputs) at x (n, inputs), and the values of all layers, which `backward` needs."""
        value, _ = ACTIVATIONS[self.activation]
        *hidden, (weights, biases) = self.views(flat)
        tape = [x]
        for w, b in hidden:
            a = tape[-1] @ w
            a += b
            tape.append(value(a))
        y = tape[-1] @ weights
        y += biases
        return y, tape

    def backward(self, flat, tape, error, gradient=None, weights=None):
        """dF/dx (n, inputs) from error = dF/dy (n, outputs).

        Adds dF/d parameters to the flat `gradient` where one is given. With `weights` (n,), that one is of the sum
        of weight * row, while dF/dx stays that of each row alone.
        """
        _, slope = ACTIVATIONS[self.activation]
        views = self.views(flat)
        parts = [None] * len(views) if gradient is None else self.views(gradient)
        for level in reversed(range(len(views))):
            if gradient is not None:
                weighed = error if weights is None else error * weights[:, None]
                to_weights, to_biases = parts[level]
                to_weights += tape[level].T @ weighed
                to_biases += weighed.sum(axis=0)
            error = error @ views[level][0].T
            if level:
                slope(error, tape[level])
        return error
