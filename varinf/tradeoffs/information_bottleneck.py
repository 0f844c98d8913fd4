"""The discrete information bottleneck at one beta: what to keep of X for the sake of Y."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from varinf._arrays import finite_number, generator, positive_integer
from varinf.tradeoffs.bottleneck_iterations import begun, encode, finish
from varinf.tradeoffs.bottleneck_starts import LOWER, grown, split, starts
from varinf.tradeoffs.deterministic_bottleneck import best_partition, hard
from varinf.tradeoffs.joint_distribution import informations, reduced
from varinf.tradeoffs.units import converted

TOLERANCE = 1e-9
ITERATIONS = 10_000
MOST_SPLITS = 50


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """An encoder q(t|x), what it keeps of X, and what that says of Y.

    Parameters
    ----------
    beta : float
        Nats about X that a nat about Y is worth; free of units.
    I_TX, I_TY : float
        Informations of the encoder, exact, in `units`.
    encoder : array (X, T)
        q(t|x): each row sums to 1. Clusters come by weight, the heaviest first.
    weight : array (T,)
        q(t).
    decoder : array (T, Y)
        q(y|t): each row sums to 1.
    converged : bool
        Whether the iterations came as near to their limit as asked for. The limit is a local minimum.
    residual : float
        Estimate of how far q(t, y) is from the limit of the iterations, summed over its entries.
    iterations : int
        Of the start that ended lowest.
    values : array (restarts,)
        I(T;X) − beta I(T;Y) where each start ended, in `units`.
    units : {"nats", "bits"}
        Of informations.

    See Also
    --------
    information_bottleneck : What returns it.

    Examples
    --------
    >>> from varinf import information_bottleneck
    >>> found = information_bottleneck([[0.45, 0.05], [0.05, 0.45]], beta=2.0)
    >>> found.encoder.shape, found.converged
    ((2, 2), True)
    """

    beta: float
    I_TX: float
    I_TY: float
    encoder: Any
    weight: Any
    decoder: Any
    converged: bool
    residual: float
    iterations: int
    values: Any
    units: str = "nats"

    @property
    def objective(self):
        """I(T;X) − beta I(T;Y), which is minimised, in `units`."""
        return self.I_TX - self.beta * self.I_TY

    @property
    def clusters(self):
        """Number of values that T takes."""
        return len(self.weight)

    def to(self, units):
        """The same encoder with informations in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            Units to show them in; a bit is log 2 nats. Beta stays as it is.

        Returns
        -------
        Bottleneck
            With I_TX, I_TY and values converted.
        """
        return converted(self, units, ("I_TX", "I_TY", "values"))

    def __repr__(self):
        state = "" if self.converged else f", NOT converged (residual {self.residual:.1g})"
        found = f"beta={self.beta:.6g}: I(T;X) {self.I_TX:.6g}, I(T;Y) {self.I_TY:.6g} {self.units}"
        return f"Bottleneck({found}, {self.clusters} clusters{state})"


def information_bottleneck(
    p_xy,
    beta,
    clusters=None,
    restarts=8,
    rng=0,
    *,
    deterministic=False,
    tolerance=TOLERANCE,
    iterations=ITERATIONS,
):
    """Encoder q(t|x) that minimises I(T;X) − beta I(T;Y) for a joint distribution of X and Y.

    Parameters
    ----------
    p_xy : array (X, Y)
        Joint probabilities, rows are x; they sum to 1 within 1e-8. Zeros, rows that are equal up to a factor, and
        symbols that never occur are welcome.
    beta : float
        Nats about X that a nat about Y is worth, 0 or more and free of units. Up to 1 nothing is worth keeping.
    clusters : int, optional
        Most values that T may take. The number of x suffices for the best encoder, and is the default.
    restarts : int
        Starts, of which the lowest end counts: the first from the encoder that says all, the others at random.
    rng : None, int, SeedSequence or Generator
        For the random starts.
    deterministic : bool
        Minimise H(T) − beta I(T;Y) instead: each x goes to one cluster whole (Strouse, Schwab 2017).
    tolerance : float
        Residual at which a start has converged.
    iterations : int
        Of a start at most.

    Returns
    -------
    Bottleneck
        With I_TX, I_TY, encoder and `converged`. A local minimum: the objective is not convex, `values` shows what
        other starts led to, no cluster of it gains by a split, and no new one that was looked for pays.

    Raises
    ------
    ValueError
        For a probability that is negative, nan or infinite, a table that does not sum to 1, or beta below 0.

    See Also
    --------
    information_bottleneck_curve : All betas at once.
    critical_beta : Where keeping nothing stops to be a local minimum.
    gaussian_bottleneck : For jointly normal vectors, in closed form.
    plot : Encoder and decoder as pictures.

    References
    ----------
    Tishby, Pereira, Bialek (1999), "The information bottleneck method"; Strouse, Schwab (2017), "The deterministic
    information bottleneck".

    Examples
    --------
    A fair bit seen through a channel that flips one in ten: half a bit of X gives 0.3027 of the 0.531 bits about Y.

    >>> from varinf import information_bottleneck
    >>> found = information_bottleneck([[0.45, 0.05], [0.05, 0.45]], beta=1.7862113320).to("bits")
    >>> round(found.I_TX, 6), round(found.I_TY, 6)
    (0.5, 0.302684)
    """
    reduction = reduced(p_xy)
    joint, beta = reduction.joint, checked_beta(beta)
    clusters, restarts = checked_clusters(clusters, joint), positive_integer(restarts, "restarts")
    rng = generator(rng)
    if deterministic:
        partition, values = best_partition(joint, beta, clusters, restarts, rng)
        return result(reduction, beta, hard(partition), values)
    if beta <= 1:
        return silent(reduction, beta, restarts)
    betas = np.full(restarts, beta)
    problems = [begun(table) for table in starts(joint, beta, clusters, restarts, rng)]
    problems = finish(joint, betas, problems, tolerance, iterations)
    best, encoder = settled(joint, beta, min(problems, key=lambda one: one.value), clusters, tolerance, iterations)
    values = np.array([one.value for one in problems]) - beta * joint.H_Y
    return result(reduction, beta, encoder, values, best.residual <= tolerance, best.residual, best.iterations)


def settled(joint, beta, problem, clusters, tolerance, iterations):
    """(`Reached`, encoder (T, X)) after splits of whatever clusters gain by one, and new clusters where one pays."""
    betas = np.array([beta])
    encoder = encode(joint, betas, problem.table[None])[0][0]
    for _ in range(MOST_SPLITS):
        table = split(joint, beta, encoder, clusters)
        if table is None:
            table = grown(joint, beta, problem.table, clusters)
        if table is None:
            break
        start = begun(table)._replace(iterations=problem.iterations)
        (tried,) = finish(joint, betas, [start], tolerance, problem.iterations + iterations)
        if not tried.value < problem.value - LOWER:
            break
        problem, encoder = tried, encode(joint, betas, tried.table[None])[0][0]
    return problem, encoder


def result(reduction, beta, encoder, values, converged=True, residual=0.0, iterations=0):
    """The `Bottleneck` of an encoder (T, X) of reduced symbols."""
    I_TX, I_TY = informations(reduction.joint, encoder)
    weight = encoder @ reduction.joint.p_x
    order = np.argsort(-weight, kind="stable")
    weight = weight[order]
    encoder = reduction.expand(encoder[order].T, weight)
    decoder = encoder.T @ reduction.table
    decoder /= decoder.sum(axis=1, keepdims=True)
    return Bottleneck(
        beta, float(I_TX), float(I_TY), encoder, weight, decoder, bool(converged), float(residual), iterations, values
    )


def silent(reduction, beta, restarts=1):
    """The `Bottleneck` that says nothing, which is best up to a beta of 1, as I(T;Y) is at most I(T;X)."""
    return result(reduction, beta, np.ones((1, len(reduction.joint.p_x))), np.zeros(restarts))


def checked_beta(beta):
    """A finite number, 0 or more."""
    beta = finite_number(beta, "beta")
    if beta < 0:
        raise ValueError(f"beta={beta}: it is the price of a nat about Y, 0 or more")
    return beta


def checked_clusters(clusters, joint):
    """How many there may be; as many as x without a wish."""
    return len(joint.p_x) if clusters is None else positive_integer(clusters, "clusters")
