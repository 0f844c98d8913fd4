"""Both sides of log p(x) on simulated data, which come with an exact posterior draw: bidirectional Monte Carlo."""

from dataclasses import dataclass

import numpy as np

from varinf._arrays import generator, positive_integer
from varinf._progress import reporter
from varinf._sandwich import Sandwich
from varinf._text import describe, number_with_error, wrapped
from varinf.diagnostics.draws import Draws
from varinf.estimate import Direction, Estimate
from varinf.evidence.evaluate import streams
from varinf.inference.annealed_evidence import PILOT, lower_of
from varinf.inference.annealing import Path, forward, ladder, reverse, tune
from varinf.inference.fit import fit

SAME_MODEL = "simulate and target_of are one model, constants included: each simulated z is an exact posterior draw"
ANALOGY = (
    "evidence by analogy: for real data the forward bound alone is a bound; this gap, of simulated data, speaks of "
    "them as far as they are like the simulated ones"
)


@dataclass(frozen=True, eq=False, repr=False)
class AnnealedSandwich(Sandwich):
    """Result of `annealed_sandwich`: a `Sandwich` with one value for each simulated data set.

    The upper side's errors are nan: its chains all start from the one exact draw that a data set has, so that their
    spread does not show what another draw would have given. The spread of the data sets does, in `mean_gap`.
    """

    @property
    def mean_gap(self):
        """The mean of the gap, its error that of the simulated data sets: an Estimate.

        On average over data that the model simulates, the lower side is no further below log p(x) than this.
        """
        return self.gap.mean("population")

    def __str__(self):
        if not self.shape:
            return super().__str__()
        gap, values = self.mean_gap, self.gap.value
        text = (
            f"gap:   {number_with_error(float(gap.value), float(gap.stderr))} {gap.units}, mean and error over "
            f"{values.size:,} simulated data sets; from {values.min():.3g} to {values.max():.3g}"
        )
        lines = [describe(self.lower, "lower: "), describe(self.upper, "upper: "), *wrapped(text, "  ", "")]
        lines += [line for what in self.assumptions for line in wrapped(f"assumes: {what}", "  ", "")]
        return "\n".join(lines + wrapped(ANALOGY, "  ", ""))

    def __repr__(self):
        return f"<AnnealedSandwich: {self}>"


def annealed_sandwich(
    simulate,
    target_of,
    q_of=None,
    *,
    data_sets=20,
    temperatures=100,
    chains=20,
    moves=1,
    leapfrog=8,
    rng=None,
    progress=False,
):
    """Bracket log p(x) of simulated data by annealed chains in both directions, to see how loose the forward bound is.

    A model that draws z from its prior and then x given z has drawn z from the posterior of that x, exactly. Chains
    from q to the posterior give a lower bound on log p(x), `annealed_evidence`; the same frozen kernels in reverse,
    from the exact draw back to q, give an upper one. Their distance is what the two leave open together, so that on
    average over such data neither is further from log p(x).

    Parameters
    ----------
    simulate : callable (rng) -> (x, z)
        Draws parameters z, array (dim,), from the prior, and data x given z; x is whatever `target_of` takes.
    target_of : callable (x) -> Target
        Log density log p(x, z) as a function of z; it holds the prior that `simulate` draws from, with its constant.
    q_of : callable (x) -> family or Fit, optional
        Where chains start; it sees x and must not know z. None fits a normal with independent coordinates.
    data_sets : int
        Simulated data sets: the unit of error.
    temperatures : int or array (T + 1,)
        As of `annealed_evidence`.
    chains : int
        Chains of each data set, in each direction.
    moves, leapfrog : int
        As of `annealed_evidence`: a gap speaks of the settings that it was measured with.
    rng : None, int, SeedSequence or Generator
        Seed or generator of all draws; each data set has streams of its own.
    progress : bool or callable (done, total)
        Over data sets.

    Returns
    -------
    AnnealedSandwich
        A `Sandwich` of shape (data_sets,): `lower` and `upper`, bounds on "log p(x)" in expectation; `gap`, their
        difference for each data set; `mean_gap`, its mean with the error of the data sets; `assumptions`.

    Raises
    ------
    ValueError
        If z does not fit the target, or has log p(x, z) = -inf there: `simulate` and `target_of` are two models then.
        Any exception carries a note that names the data set.

    See Also
    --------
    annealed_evidence : The forward bound, for real data.
    sandwich : The bracket where the posterior can be drawn from.

    Notes
    -----
    On real data there is no exact draw, and the forward bound alone is a bound. That the gap is small on simulated data
    is evidence by analogy, as good as the simulated data are like the real ones. Under a wide prior they are not: a
    narrower one, about what the real data say of z, in `simulate` and `target_of` alike, makes data that are.

    References
    ----------
    Grosse, Ghahramani, Adams (2015), "Sandwiching the marginal likelihood using bidirectional Monte Carlo". Grosse,
    Ancha, Roy (2016), "Measuring the reliability of MCMC inference with bidirectional Monte Carlo".

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> def simulate(rng):  # z ~ N(0, 1), five data about it with heavy tails
    ...     z = rng.standard_normal(1)
    ...     return z + rng.standard_t(3, size=5), z
    >>> def target_of(x):
    ...     def log_prob(z):
    ...         of_x = np.log(2 / np.pi / np.sqrt(3)) - 2 * np.log1p((x - z) ** 2 / 3)
    ...         return -(z[:, 0] ** 2 + np.log(2 * np.pi)) / 2 + np.sum(of_x, axis=1)
    ...     return vi.Target(log_prob, 1)
    >>> s = vi.annealed_sandwich(simulate, target_of, data_sets=5, temperatures=10, rng=0)
    >>> s.shape, bool(abs(s.mean_gap.value) < 0.1), "evidence by analogy" in str(s)
    ((5,), True, True)
    """
    for name, function in {"simulate": simulate, "target_of": target_of, "q_of": q_of}.items():
        if not callable(function) and (function is not None or name != "q_of"):
            raise TypeError(f"{name}={function!r}: give a function")
    betas, data_sets = ladder(temperatures), positive_integer(data_sets, "data_sets")
    chains, moves = positive_integer(chains, "chains"), positive_integer(moves, "moves")
    leapfrog, there, back = positive_integer(leapfrog, "leapfrog"), [], []
    with reporter(progress, data_sets, "annealed sandwich") as done:
        for i, stream in enumerate(streams(rng, data_sets)):
            of_data, of_fit, of_pilot, of_chains, of_reverse = map(generator, streams(stream, 5))
            try:
                x, z = simulate(of_data)
                target = target_of(x)
                path = Path(target, fit(target, rng=of_fit) if q_of is None else q_of(x))
                exact = _exact(target, z)
                kernels = tune(path, betas, PILOT, moves, leapfrog, of_pilot)
                there.append(forward(path, kernels, chains, of_chains)[0])
                back.append(reverse(path, kernels, np.repeat(exact, chains, axis=0), of_reverse))
            except Exception as error:
                error.add_note(f"varinf.annealed_sandwich was at simulated data set {i} of {data_sets}")
                raise
            done(i + 1)
    lower, upper = lower_of(np.stack(there, axis=1)), _upper_of(np.stack(back, axis=1))
    return AnnealedSandwich(lower, upper, (SAME_MODEL,), "annealed_sandwich")


def _exact(target, z):
    """The free coordinates (1, D) of one vector of parameters, which must be possible under the target."""
    z = target.unconstrain(np.asarray(z, dtype=np.float64).reshape(1, -1))
    log_p = float(target.log_prob(z)[0])
    if not np.isfinite(log_p):
        raise ValueError(f"log p(x, z) is {log_p} at the simulated z: simulate and target_of are not the same model")
    return z


def _upper_of(log_w):
    """-log mean 1/w of chains (chains, data sets) that share their start: unbiased for 1/p(x) over exact draws."""
    return Estimate(
        -Draws(log_w, 0, "log weights of reverse chains", posterior=True).moments(-1.0).log_mean,
        np.full(log_w.shape[1], np.nan),
        quantity="log p(x)",
        estimand=f"reverse annealed bound of {len(log_w):,} chain{'s' * (len(log_w) > 1)} from one exact draw",
        direction=Direction.UPPER,
        draws=1,
        degrees=0,
        objective="annealed_sandwich",
    )
