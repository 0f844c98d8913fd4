"""Bounds from a stream of log weights: a state that takes draws in any chunking, merges, and is small."""

import math
import os
import uuid
from functools import reduce
from pathlib import Path

import numpy as np

from varinf._arrays import as_array, normal_axis, positive_integer, to_numpy
from varinf._kernels import kernel
from varinf.diagnostics.draws import Draws, Moments
from varinf.diagnostics.top import Top, is_cut
from varinf.evidence.reading import Reading, side_by_side
from varinf.evidence.state_file import Parts, read_state, write_state

MERGE_BY = {
    "k": "give LogWeights, or evaluate, one k= for both",
    "tail": "give LogWeights, or evaluate, which keeps what its own draws need unless told, one tail= for both",
    "shared_draws": "give LogWeights one shared_draws= for both, or keep these apart",
}


class LogWeights:
    """Log weights reduced as they come: every bound of them in memory that does not grow with the draws.

    Parameters
    ----------
    k : int, optional
        Draws in each importance-weighted average, for ``iwelbo(k)``: groups of `k` consecutive draws. Up to k − 1
        draws that do not fill a group yet are held.
    tail : int
        How many of the largest weights of each datum are kept for k̂, which is exact while 3 sqrt(draws) + 1 <= tail:
        1.8 million draws for the default. Beyond that it rests on the kept ones, and a caveat says so. Memory is
        about 12 bytes · tail per datum, touched as draws arrive.
    shared_draws : bool
        The columns of a batch are computed from common draws. `mean` and `sum` of the estimates then refuse, as no
        draws are kept from which to take the errors jointly.

    Attributes
    ----------
    batch_shape : tuple or None
        Shape of one draw, (*batch); None before the first one.

    See Also
    --------
    evaluate : Makes such a state from a model, data and a q.
    summarize : All that a state can say, as a table.
    varinf.elbo : The same bounds of arrays in memory.

    Notes
    -----
    Two states merge with ``a | b``: moments to rounding, the largest weights exactly, and what is left of incomplete
    groups joins into new ones. Sums are carried in float64. Estimates are snapshots: later updates leave them alone.
    They keep no draws, so that data which share draws, which ``shared_draws=True`` says, cannot be averaged jointly:
    take ``elbo(log_weights, shared_draws=True)`` of arrays in memory for that.

    References
    ----------
    Chan, Golub, LeVeque (1983), "Algorithms for computing the sample variance", for the merging.

    Examples
    --------
    >>> import numpy as np, varinf as vi
    >>> log_w = np.random.default_rng(0).normal(-31, 1, size=(10_000, 3))
    >>> a, b = vi.LogWeights(k=50), vi.LogWeights(k=50)
    >>> for chunk in np.split(log_w[:7_000], 10):
    ...     a = a.update(chunk)
    >>> (a | b.update(log_w[7_000:])).iwelbo(k=50).value.round(6) == vi.iwelbo(log_w, k=50).value.round(6)
    array([ True,  True,  True])
    """

    def __init__(self, k=None, tail=4096, shared_draws=False):
        self.k = None if k is None else positive_integer(k, "k")
        self.tail = positive_integer(tail, "tail")
        self.shared_draws = bool(shared_draws)
        self.batch_shape = None
        self._moments = self._groups = self._top = None
        self._pending = []  # arrays (n, *batch): the draws of the group that is not full yet
        self._reading = None

    @property
    def draws(self):
        """Number of draws taken in so far, int; each has the batch shape."""
        return 0 if self._moments is None else self._moments.draws

    def update(self, chunk, axis=0):
        """Take draws in.

        Parameters
        ----------
        chunk : array (draws, *batch)
            Values of log p(x, z) − log q(z | x) in nats, z drawn from q, of any array library; any number of draws,
            none included.
        axis : int
            The axis of the draws.

        Returns
        -------
        LogWeights
            This state.

        Raises
        ------
        ValueError
            For nan or +inf, with the number of the draw, and for a batch of another shape. The state is then as
            before.
        """
        x = np.asarray(to_numpy(as_array(chunk, "chunk"))).astype(np.float64, copy=False)
        if x.ndim == 0:
            raise ValueError("chunk is a single number; give an array whose axis 0 holds the draws")
        axis = normal_axis(axis, x.ndim, "chunk")
        batch = x.shape[:axis] + x.shape[axis + 1 :]
        if self.batch_shape not in (None, batch):
            raise ValueError(f"chunk has batch shape {batch}, but this state {self.batch_shape}; they must agree")
        if x.shape[axis]:
            self._take(Draws(x, axis, "chunk"), batch)
        return self

    def _take(self, part, batch):
        try:
            moments = part.moments()
        except ValueError:
            raise _refusal(part.first(), self.draws) from None
        if self._top is None:
            self.batch_shape, self._top = batch, Top(math.prod(batch), self.tail)
        elif self._reading is not None:  # estimates hold the store: they keep it as it is
            self._top = self._top.copy()
        self._reading = None
        self._moments = _merged(self._moments, moments)
        draws = part.first()
        self._top.add(draws.reshape(len(draws), math.prod(batch)))
        if self.k is not None:
            self._group(draws)

    def _group(self, draws):
        """Counts the whole groups among the held draws and these, and holds the rest."""
        missing = (self.k - self._held) % self.k
        if missing > len(draws):
            self._pending.append(draws.copy())
            return
        if missing:  # piece by piece: a copy of the whole group would double what is held
            parts = [Draws(part).moments() for part in (*self._pending, draws[:missing])]
            self._count(reduce(_merged, parts).log_mean[None])
        whole = len(draws) - (len(draws) - missing) % self.k
        if whole > missing:
            self._count(Draws(draws[missing:whole]).group_log_means(self.k).x)
        self._pending = [draws[whole:].copy()] if whole < len(draws) else []

    def _count(self, log_means):
        """Takes in the log mean weights of whole groups, (groups, *batch)."""
        self._groups = _merged(self._groups, Draws(log_means).moments())

    @property
    def _held(self):
        return sum(map(len, self._pending))

    def __or__(self, other):
        if not isinstance(other, LogWeights):
            return NotImplemented
        for name, remedy in MERGE_BY.items():
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(f"the two states have {name}={mine} and {name}={theirs}, and do not merge: {remedy}")
        if self._top is None or other._top is None:
            return (other if self._top is None else self)._copy()
        if self.batch_shape != other.batch_shape:
            raise ValueError(
                f"the two states have batch shapes {self.batch_shape} and {other.batch_shape}; they must agree"
            )
        both = self._copy()
        both._moments = _merged(self._moments, other._moments)
        both._groups = _merged(self._groups, other._groups)
        both._top.add(other._top.kept().T)
        for run in other._pending:
            both._group(run)
        return both

    def _copy(self):
        twin = LogWeights(self.k, self.tail, self.shared_draws)
        twin.batch_shape, twin._moments, twin._groups = self.batch_shape, self._moments, self._groups
        twin._top = None if self._top is None else self._top.copy()
        twin._pending = list(self._pending)
        return twin

    def __getstate__(self):
        return self.__dict__ | {"_reading": None}  # it can be had again, and holds a function

    @staticmethod
    def concatenate(parts):
        """Join states of batches of the data into one state for all data.

        Parameters
        ----------
        parts : sequence of LogWeights
            Of the same k, tail, shared_draws and number of draws. Batches join along their first axis; a state of a
            single datum, batch shape (), counts as one.

        Returns
        -------
        LogWeights
            With the batch shape of all parts together, in their order.

        Raises
        ------
        ValueError
            For no parts, one without draws, or parts that differ in one of these or in the trailing batch shape.
        """
        parts = list(parts)
        if not parts or any(not part.draws for part in parts):
            raise ValueError("parts: give at least one state, each with draws")
        about = {(part.k, part.tail, part.shared_draws, part.draws, (part.batch_shape or (1,))[1:]) for part in parts}
        if len(about) > 1:
            raise ValueError(
                "parts differ in (k, tail, shared_draws, draws, trailing batch shape): "
                f"{', '.join(map(str, sorted(about, key=str)))}; they must agree"
            )
        first = parts[0]
        whole = LogWeights(first.k, first.tail, first.shared_draws)
        whole._moments = side_by_side([part._moments for part in parts])
        whole._groups = None if first._groups is None else side_by_side([part._groups for part in parts])
        whole._top = Top.of(np.concatenate([part._top.kept() for part in parts]), first.tail)
        whole.batch_shape = whole._moments.mean.shape
        if first._held:
            held = [np.concatenate(part._pending) for part in parts]
            held = [run[:, None] if run.ndim == 1 else run for run in held]
            whole._pending = [np.concatenate(held, axis=1)]
        return whole

    # What it says ----------------------------------------------------------------------------------------------------

    def read(self):
        """What the state says now, in a form that later updates leave alone.

        Returns
        -------
        Reading
            With `elbo`, `iwelbo`, `k_hat` and `effective_sample_size`, as here; read once, they share their work.

        Raises
        ------
        ValueError
            Before the first draw.
        """
        if self._moments is None:
            raise ValueError("this state has no draws yet: give it some with .update(chunk)")
        if self._reading is None:
            top, draws, batch = self._top, self.draws, self.batch_shape
            self._reading = Reading(
                self._moments,
                lambda: top.k_hat(draws).reshape(batch)[()],
                is_cut(draws, self.tail),
                self.k,
                self._groups,
                self._held,
                self.shared_draws,
            )
        return self._reading

    def elbo(self):
        """Evidence lower bound of all draws so far; see `varinf.elbo`.

        Returns
        -------
        Estimate
            Of "log p(x)", direction lower, unbiased, in nats, with the batch shape of the state.
        """
        return self.read().elbo()

    def iwelbo(self, k=None):
        """Importance-weighted lower bound of all draws so far, or of groups of them; see `varinf.iwelbo`.

        Parameters
        ----------
        k : int, optional
            Draws in each average: the k that was declared when the state was made. None: one average over all draws.

        Returns
        -------
        Estimate
            Of "log p(x)", direction lower, unbiased for IWELBO_k, in nats, with the batch shape of the state. Draws of
            an incomplete group are left out, and a caveat says how many.

        Raises
        ------
        ValueError
            For a k that was not declared, or before its first group is full.
        """
        return self.read().iwelbo(k)

    def k_hat(self):
        """Pareto tail index of the weights; see `varinf.psis`.

        Returns
        -------
        float or array (*batch)
            Large is heavy; nan with fewer than 25 draws. From the `tail` largest weights.
        """
        return self.read().k_hat()

    def effective_sample_size(self):
        """Effective sample size (Σ w)² / Σ w²; see `varinf.effective_sample_size`.

        Returns
        -------
        float or array (*batch)
            Between 1 and the number of draws; 0 where every draw has weight zero.
        """
        return self.read().effective_sample_size()

    # Files -----------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write the state to a NumPy .npz file of plain arrays, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            Where to; a file that is there is replaced.

        Raises
        ------
        OSError
            If it cannot be written there; what was there before stays.
        """
        parts = Parts(
            self.k,
            self.tail,
            self._moments,
            self._groups,
            np.concatenate(self._pending) if self._pending else np.empty(0),
            np.empty((0, 0)) if self._top is None else self._top.kept(),
            self.shared_draws,
        )
        path = Path(path)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            try:
                with open(partial, "xb") as file:
                    write_state(file, parts)
                os.replace(partial, path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:  # of the partial file, whose name is no concern of the caller's
            raise OSError(error.errno, error.strerror or str(error), str(path)) from None

    @staticmethod
    def load(path):
        """Read a state that `save` wrote; nothing is unpickled.

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        LogWeights
            As it was when saved, ready for more draws.

        Raises
        ------
        ValueError
            For any other file, or a damaged one.
        """
        parts = read_state(path)
        state = LogWeights(parts.k, parts.tail, parts.shared_draws)
        if parts.moments is not None:
            state._moments, state._groups = parts.moments, parts.groups
            state.batch_shape = parts.moments.mean.shape
            state._top = Top.of(parts.top, parts.tail)
            state._pending = [parts.pending] if len(parts.pending) else []
        return state

    def __repr__(self):
        of = "" if not self.batch_shape else f" of batch shape {self.batch_shape}"
        group = "" if self.k is None else f", k={self.k}"
        return f"<LogWeights: {self.draws:,} draw{'s' * (self.draws != 1)}{of}{group}, tail={self.tail}>"


def _merged(a, b):
    """The moments of both parts' draws; None stands for no draws."""
    if a is None or b is None:
        return a if b is None else b
    parts = kernel("log_weights", np.empty(0)).merge(a.draws, np.stack(a[1:]), b.draws, np.stack(b[1:]))
    return Moments(a.draws + b.draws, *parts)


def _refusal(draws, before):
    """The error for nan or +inf in a chunk that follows `before` draws."""
    bad = ~(draws < np.inf)
    first = tuple(map(int, np.unravel_index(int(np.argmax(bad)), bad.shape)))
    datum = f" of datum {first[1] if len(first) == 2 else first[1:]}" if len(first) > 1 else ""
    return ValueError(
        f"chunk has {np.count_nonzero(bad):,} values that are nan or +inf, the first ({draws[first]}) at draw "
        f"{before + first[0]:,}{datum}, both counted from 0 over the stream; log weights are "
        "log p(x, z) - log q(z | x); look at the model's log density there"
    )
