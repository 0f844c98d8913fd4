"""Deterministic fits: the ELBO over fixed draws, as a smooth function for a Newton method (DADVI).

Giordano, Ingram, Broderick (2024), "Black box variational inference with a deterministic objective: faster, more
accurate, and even more black box". Over draws e_1, ..., e_S that are chosen once,

    F(theta) = 1/S sum_s log p(z(theta, e_s)) + entropy(theta)

has an optimum that an optimiser can find to any precision, a Hessian that gives linear-response covariances and the
error that the choice of draws leaves. Since it maximises over the same draws that it averages, E max F >= max E F: the
optimum of F is a bound in neither direction, and the ELBO of what it finds must be estimated from other draws.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from varinf.inference.affine_map import AffineMap
from varinf.inference.check import STEP

ROUNDS = 30  # each recentres the coordinates on the best member so far
ITERATIONS = 25  # of the trust region in a round
GRADIENT = 1e-4  # nats per unit of recentred coordinates at which a round ends; a Newton step then squares what is left
PRECISE = 1e-6  # ... at which a fit has converged, relative to 1 + |F| / 1e3 where F's own rounding is coarser
QUASI_ITERATIONS = 200  # of L-BFGS
HUGE = 1e100  # its line search backs off from this, where from infinity it gives up
FLAT = 1e-6  # curvatures so small, against 1 in recentred coordinates, are differences' rounding
MOST_TURNS = 500  # of conjugate gradients
NEARLY = 1e-6  # of its right-hand side may be left of a solve that ran out of turns
GAIN = 1e-4  # nats: a round that gains less, with a gradient next to zero, ends a fit along what is all but flat
STALLED = 1e-3  # gradients so small are zero to what can be told, where no step gains any more
SHRINK = (1.0, 0.1, 1e-2, 1e-4, 1e-6)  # scales that a start is tried at, until log p is finite over its draws


class Iteration(NamedTuple):
    """A look at the objective that improved on all before: nats, and its gradient's length in recentred coordinates."""

    objective: float
    gradient_norm: float


class Ending(NamedTuple):
    """Where a fit ended."""

    theta: Any
    to: AffineMap
    value: float
    each: Any
    converged: bool
    reason: str
    history: tuple


class Objective:
    """F over fixed draws, behind an affine map; remembers the best finite point that it was asked about."""

    def __init__(self, target, family, noise, to, looks=None):
        self.target, self.family, self.noise, self.to = target, family, noise, to
        self.best, self.best_value, self.best_each = None, -math.inf, None
        self.looks = [] if looks is None else looks

    @np.errstate(over="ignore", invalid="ignore")  # far out a finite gradient may have a length that is not
    def value_and_gradient(self, theta):
        """F and its gradient; (-inf, 0) where log p is not finite at every draw."""
        each, g = self.at(theta)
        if not (np.isfinite(each).all() and np.isfinite(g).all()):
            return -math.inf, np.zeros_like(theta)
        entropy, d_entropy = self.family.entropy(theta)
        value = float(np.mean(each)) + entropy + self.to.log_det
        gradient = self.family.pull(theta, self.noise, g) / len(self.noise) + d_entropy
        self.looks.append((value, float(np.linalg.norm(gradient))))
        if value > self.best_value:
            self.best, self.best_value, self.best_each = theta.copy(), value, each
        return value, gradient

    def at(self, theta):
        """log p (S,) at the draws, and its gradients (S, D) in the coordinates behind the map."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, gradient = self.target.value_and_gradient(self.to.of(self.family.draw(theta, self.noise)))
            return value, self.to.pull(gradient)

    def gradients(self, theta):
        """Gradients of F as each antithetic pair by itself would give them: (S/2, size)."""
        _, g = self.at(theta)
        half = len(self.noise) // 2
        pairs = [self.family.pull(theta, self.noise[[i, i + half]], g[[i, i + half]]) / 2 for i in range(half)]
        return np.array(pairs) + self.family.entropy(theta)[1]

    def hessian_product(self, theta, v):
        """Hessian of F times v: exact where target and family allow it, else central differences of the gradient."""
        if self.target.has_hessian_product and self.family.push is not None:
            family, noise, to = self.family, self.noise, self.to
            z = to.of(family.draw(theta, noise))
            moved = to.pull(self.target.hessian_product(z, to.turn(family.push(theta, noise, v))))
            _, g = self.at(theta)
            return (family.pull(theta, noise, moved) + family.bend(theta, noise, g, v)) / len(noise)
        length = np.linalg.norm(v)
        if length == 0:
            return np.zeros_like(v)
        step = STEP * max(1.0, np.abs(theta).max()) / length
        above, below = (self.gradient(theta + sign * step * v) for sign in (1, -1))
        return (above - below) / (2 * step)

    def gradient(self, theta):
        """Of F, whatever its value."""
        _, g = self.at(theta)
        return self.family.pull(theta, self.noise, g) / len(self.noise) + self.family.entropy(theta)[1]

    def recentred(self, theta):
        """The same objective in coordinates about the member at theta, with theta there."""
        theta, to = self.family.recentre(theta, self.to)
        return Objective(self.target, self.family, self.noise, to, self.looks), theta


@np.errstate(over="ignore", invalid="ignore")
def maximise(target, family, noise, theta, to, done, limit):
    """The optimum of F from (theta, to) on, whatever happens on the way; done(looks, objective) hears of progress."""
    objective, reason, converged = Objective(target, family, noise, to), "", False
    theta, stuck = theta.copy(), 0
    try:
        objective = Objective(target, family, noise, finite_start(target, family, noise, theta, to))
        for _ in range(ROUNDS):
            before = objective.value_and_gradient(theta)[0]
            theta, message = (_quasi_newton if family.damping else _newton)(objective, theta)
            moved, centred = objective.recentred(theta)
            value, gradient = moved.value_and_gradient(centred)
            objective, theta = moved, centred  # only now: an interrupt finds an objective that has been looked at
            done(len(objective.looks), value)
            if np.linalg.norm(gradient) <= PRECISE * (1 + abs(value) / 1e3):
                converged, reason = True, "the gradient over the fixed draws is zero to rounding"
                break
            if value > limit:
                reason = f"the objective passed {limit:.3g} nats and rises on: the target has no normaliser"
                break
            stuck = stuck + 1 if value - before < GAIN * (1 + abs(value) / 1e3) else 0
            if stuck and np.linalg.norm(gradient) <= (STALLED if not family.damping else 10 * STALLED):
                converged, reason = True, f"no step gains anything; the gradient is {np.linalg.norm(gradient):.0e}"
                break
            if stuck == 2:
                reason = f"no step gained anything with a gradient of {np.linalg.norm(gradient):.1e}: {message}"
                break
        else:
            reason = f"still rising after {ROUNDS} rounds"
    except KeyboardInterrupt:
        reason = "interrupted"
    except NoStart as error:
        reason = str(error)
    if objective.best is None:
        return Ending(theta, objective.to, math.nan, np.full(len(noise), math.nan), False, reason, ())
    theta, value, each = objective.best, objective.best_value, objective.best_each
    return Ending(theta, objective.to, value, each, converged, reason, _rising(objective.looks))


class NoStart(Exception):
    """There is nowhere to begin."""


def finite_start(target, family, noise, theta, to):
    """The map with its scale shrunk until log p and its gradient are finite at every draw."""
    for shrink in SHRINK:
        tried = AffineMap(to.shift, to.scale * shrink)
        if math.isfinite(Objective(target, family, noise, tried).value_and_gradient(theta)[0]):
            return tried
    raise NoStart("log_prob or its gradient is not finite about the start: give another with start=")


class _Endless(Exception):
    """Conjugate gradients whose residual rounding keeps from falling, as where curvatures are gigantic."""


def _newton(objective, theta):
    """Trust-region Newton steps, in which conjugate gradients ask for products with the Hessian alone."""
    from scipy.optimize import minimize

    turns = 0  # of conjugate gradients in the step at hand, which SciPy does not count

    def loss(theta):
        nonlocal turns
        turns = 0
        value, gradient = objective.value_and_gradient(theta)
        return -value, -gradient

    def curvature(theta, v):  # none to be told where differences reach over an edge: the trust region judges the step
        nonlocal turns
        turns += 1
        if turns > MOST_TURNS + 2 * len(v):
            raise _Endless
        product = damped(objective, theta, v)
        return product if np.isfinite(product).all() else np.zeros_like(v)

    options = {"gtol": GRADIENT, "maxiter": ITERATIONS}
    try:
        message = minimize(loss, theta, jac=True, hessp=curvature, method="trust-ncg", options=options).message
    except _Endless:
        return _quasi_newton(objective, objective.best)
    theta = objective.best
    gradient = objective.value_and_gradient(theta)[1]
    if np.linalg.norm(gradient) <= 10 * GRADIENT:  # near enough: the last step needs no safeguard but this comparison
        step = solve(lambda v: damped(objective, theta, v), gradient)
        if step is not None:
            closer, smaller = objective.value_and_gradient(theta + step)
            if math.isfinite(closer) and np.linalg.norm(smaller) < np.linalg.norm(gradient):
                theta = theta + step
    return theta, message


def _quasi_newton(objective, theta):
    """L-BFGS steps, which flat directions do not hold up as they do conjugate gradients."""
    from scipy.optimize import minimize

    def loss(theta):
        value, gradient = objective.value_and_gradient(theta)
        return (-value if math.isfinite(value) else HUGE), -gradient

    options = {"maxiter": QUASI_ITERATIONS, "maxcor": 20, "gtol": GRADIENT / 10, "ftol": 1e-15}
    result = minimize(loss, theta, jac=True, method="L-BFGS-B", options=options)
    return objective.best, result.message


def damped(objective, theta, v):
    """Minus the Hessian of F times v, with as much of v added as the family's flat directions need to end a solve."""
    return objective.family.damping * v - objective.hessian_product(theta, v)


def solve(product, b, tolerance=1e-10, flat=FLAT):
    """x with product(x) = b, by conjugate gradients; None where the operator has a negative curvature along the way.

    Where it is flat, as a low-rank factor is along its rotations, x is what the other directions say.
    """
    x, r = np.zeros_like(b), b.copy()
    p, square = r.copy(), float(r @ r)
    end = tolerance**2 * square
    for _ in range(min(2 * len(b) + 10, MOST_TURNS)):
        if square <= end:
            return x
        turned = product(p)
        curvature = float(p @ turned)
        if abs(curvature) <= flat * float(p @ p):
            return x
        if not curvature > 0:
            return None
        x += square / curvature * p
        r -= square / curvature * turned
        square, before = float(r @ r), square
        p = r + square / before * p
    return x if square <= NEARLY**2 * float(b @ b) else None


def _rising(looks):
    """Those looks at the objective that improved on all before them."""
    best, rising = -math.inf, []
    for value, norm in looks:
        if value > best:
            best = value
            rising.append(Iteration(value, norm))
    return tuple(rising)
