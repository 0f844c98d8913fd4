"""Log weights of many data under a model and its q, streamed over data and over draws."""

import math

import numpy as np

from varinf._arrays import as_array, generator, positive_integer, to_numpy
from varinf._pool import run_all
from varinf._progress import reporter
from varinf.diagnostics.psis import tail_length
from varinf.evidence.streaming import LogWeights

CHUNK = 2**20  # numbers in one array of latents, or of decoded features, of a chunk of draws: 8 MiB


def evaluate(
    log_joint,
    X,
    q,
    draws=1000,
    *,
    k=None,
    tail=None,
    rng=None,
    batch_size=256,
    workers=None,
    executor=None,
    progress=False,
):
    """Compute the log weights of every datum under a model and its q, as a state from which its bounds are read.

    Parameters
    ----------
    log_joint : callable (x, z) -> array
        Gives log p(x, z) in nats: x (n, F), z (S, n, D) -> (S, n). With `workers` it is called from several threads at
        a time; for a pool of processes it must be picklable.
    X : array (N, F)
        Data; anything with a length that a slice cuts, memory maps included.
    q : family, or callable x -> family
        Approximate posteriors with batch shape (N,), or a function that gives them for a batch (n, F) of data, with
        batch shape (n,).
    draws : int
        Draws z for each datum.
    k : int, optional
        For ``iwelbo(k)`` of the result: draws in each importance-weighted average.
    tail : int, optional
        Largest weights kept for k̂; None keeps what `draws` draws need. Give more to merge the result with others.
    rng : None, int, SeedSequence or Generator
        Each batch of data has a stream of its own, so that the draws depend on `rng` and `batch_size` alone.
    batch_size : int
        Data handled at a time. Memory grows with it, and with the result, not with N · draws.
    workers : int, optional
        Threads over batches: None or 1 serial, -1 all cores. The result is the same for any number.
        Threads that BLAS starts inside of log_joint come on top.
    executor : optional
        Instead of `workers`: anything with the interface of ``concurrent.futures.Executor``.
    progress : bool or callable (done, total)
        A bar over batches of data, where stderr is a terminal; or a function of yours.

    Returns
    -------
    LogWeights
        Of log p(x, z) − log q(z | x), with batch shape (N,): ``.elbo()`` and ``.iwelbo()`` are lower bounds on log
        p(x), one per datum, from independent draws.

    Raises
    ------
    ValueError
        If `log_joint` returns another shape than (S, n), or nan or +inf, or q's batch is not that of the data. Any
        exception from `log_joint` or `q` passes through, with a note that names the batch of data.

    See Also
    --------
    LogWeights : What it returns: the bounds, the tail index, merging and files.
    sandwich : Bounds from both sides, where the posterior can be drawn from.
    summarize : All that a state can say, as a table.
    models.LinearGaussian : A model with a `log_joint` and an exact `log_evidence` to hold the bounds against.

    Examples
    --------
    >>> import numpy as np
    >>> from varinf.evidence.evaluate import evaluate
    >>> from varinf.models import NormalNormal
    >>> model = NormalNormal(0.0, 1.0, 1.0)
    >>> x = np.array([[-1.0], [0.0], [1.0]])
    >>> log_w = evaluate(model.log_joint, x, model.posterior, draws=100, rng=0)  # q exact: every weight is p(x)
    >>> np.allclose(log_w.elbo().value, model.log_evidence(x))
    True
    """
    draws, batch_size = positive_integer(draws, "draws"), positive_integer(batch_size, "batch_size")
    X = as_array(X, "X") if isinstance(X, list | tuple) else X
    if not callable(log_joint):
        raise TypeError(f"log_joint={log_joint!r} is not callable: give a function (x, z) -> log p(x, z)")
    if not hasattr(X, "__len__") or np.shape(X) == ():
        raise TypeError(
            f"X={X!r}: give an array (N, F), one row per datum; a model that holds its own data needs no batches: give "
            "log p(z, data) - log q(z) at draws z to elbo or iwelbo"
        )
    if len(X) == 0:
        raise ValueError(f"X has shape {tuple(X.shape)}: there are no data to evaluate")
    if is_family(q) and tuple(q.batch_shape) != (len(X),):
        raise ValueError(
            f"q has batch shape {tuple(q.batch_shape)} but X has {len(X):,} rows: give one distribution per datum, "
            "or a function that gives them for a batch of data"
        )
    if not is_family(q) and not callable(q):
        raise TypeError(f"q={q!r}: use a family with batch shape (N,), or a function x -> family")
    if executor is not None and workers is not None:
        raise ValueError(f"workers={workers} with an executor: the executor has its own; give one of the two")
    how = (draws, k, tail_length(draws) + 1 if tail is None else tail)
    LogWeights(*how[1:])  # refuses a wrong k or tail before any work
    rows = [slice(start, min(start + batch_size, len(X))) for start in range(0, len(X), batch_size)]
    jobs = list(zip(rows, streams(rng, len(rows)), strict=True))

    def arguments(job):
        rows, stream = job
        return log_joint, X[rows], q[rows] if is_family(q) else q, rows, stream, *how

    with reporter(progress, len(jobs), "evaluate") as done:
        if executor is None:
            parts = run_all(lambda job: _evaluate_batch(*arguments(job)), jobs, workers, done)
        else:
            parts = _submit_all(executor, [arguments(job) for job in jobs], done)
    return LogWeights.concatenate(parts)


def _evaluate_batch(log_joint, x, q, rows, stream, draws, k, tail):
    """The state of one batch of data. At the top of the module, so that other processes find it."""
    try:
        q = q if is_family(q) else q(x)
        if not is_family(q):
            raise TypeError(f"q(x) gave {q!r}: it must give a family with batch shape ({len(x)},), one per datum")
        if tuple(q.batch_shape) != (len(x),):
            raise ValueError(f"q(x) has batch shape {tuple(q.batch_shape)} for {len(x)} data: give one per datum")
        rng, state = generator(stream), LogWeights(k, tail)
        for size in chunk_sizes(draws, x, q):
            state.update(weights_of_draws(log_joint, x, q, size, rng, state.draws, rows.start))
        return state
    except Exception as error:
        error.add_note(f"varinf.evaluate was at data {rows.start} to {rows.stop - 1} (rows of X)")
        raise


def _submit_all(executor, jobs, done):
    if not hasattr(executor, "submit"):
        raise TypeError(f"executor={executor!r} has no submit: give a concurrent.futures.Executor or its like")
    futures = [executor.submit(_evaluate_batch, *job) for job in jobs]
    parts = []
    try:
        for future in futures:
            parts.append(future.result())
            done(len(parts))
    finally:
        for future in futures[len(parts) :]:
            future.cancel()
    return parts


# What `sandwich` shares ----------------------------------------------------------------------------------------------


def is_family(q):
    return hasattr(q, "sample_and_log_prob")


def streams(rng, count):
    """Independent seeds, one for each piece of the work, so that no piece depends on which worker runs it."""
    entropy = generator(rng).integers(0, 2**64, size=2, dtype=np.uint64)
    return np.random.SeedSequence([int(word) for word in entropy]).spawn(count)


def chunk_sizes(draws, x, q):
    """Numbers of draws that sum to `draws`, each such that no array of latents or of features exceeds CHUNK."""
    width = max(q.dim, 1 if x is None else math.prod(x.shape[1:]))
    size = max(1, CHUNK // (width * math.prod(q.batch_shape)))
    return [min(size, draws - first) for first in range(0, draws, size)]


def weights_of_draws(log_joint, x, q, size, rng, first_draw=0, first_row=0):
    """Log weights (size, *batch) of draws from q; refusals count draws and rows from the given ones."""
    z, log_q = q.sample_and_log_prob(size, rng)
    _refuse_at(~(np.asarray(to_numpy(log_q)) > -np.inf), log_q, "q.sample_and_log_prob", x, first_draw, first_row)
    return log_weights(log_joint, x, z, log_q, first_draw, first_row)


def log_weights(log_joint, x, z, log_q, first_draw=0, first_row=0):
    """log p(x, z) − log q(z), with the shape of log p checked, as nothing broadcasts, and its values."""
    returned = log_joint(x, z)
    try:
        log_p = np.asarray(to_numpy(as_array(returned, "log_joint(x, z)")))
    except TypeError as error:
        what = f"an array of {returned.dtype}" if hasattr(returned, "dtype") else f"{type(returned).__name__}"
        raise TypeError(
            f"log_joint returned {what}; it must return an array of float64 or float32 of shape {log_q.shape}, "
            "log p(x, z) for each draw and datum"
        ) from error
    if log_p.shape != log_q.shape:
        shape = "None" if x is None else tuple(x.shape)
        raise ValueError(
            f"log_joint returned shape {log_p.shape} for x {shape} and z {z.shape}; it must return {log_q.shape}, "
            "one number for each draw and datum"
        )
    _refuse_at(~(log_p < np.inf), log_p, "log_joint", x, first_draw, first_row)
    return log_p - log_q


def _refuse_at(bad, values, who, x, first_draw, first_row):
    """ValueError where `bad`, (draws, *batch), holds anywhere: the draw and, for data, the row of the first."""
    if not np.any(bad):
        return
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    value, draw = float(np.asarray(to_numpy(values))[at]), first_draw + at[0]
    if x is not None:
        place = f"row {first_row + at[1]} of X, draw {draw}"
    else:
        place = f"draw {draw}" + "".join(f", chain {chain}" for chain in at[1:])
    raise ValueError(
        f"{who} gave {'nan' if math.isnan(value) else f'{value:+}'} at {place} (counted from 0; "
        f"{np.count_nonzero(bad):,} of the {bad.size:,} values of this call): look at the log density there"
    )
