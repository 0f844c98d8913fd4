"""Interleaved timing of contenders that were first seen to compute the same."""

import statistics
import time
import tracemalloc

import numpy as np

TOLERANCE = {"float64": 1e-9, "float32": 2e-3}  # of the whole array's largest value; accuracy is what tests are for
BATCH = 5e-3  # seconds: shorter calls are timed in batches of about this, or what others left in the caches would count
REST = 2e-3  # seconds without work of other threads before a call is timed
PATIENCE = 2.0  # seconds: the longest wait for that


def interleaved(contenders, rounds):
    """{name: {median, low, high}} in seconds: every round runs each contender once, so that drift meets them all.

    A call that is not timed comes first each time: what the contender before left in the caches and gave back to the
    system as memory would count else, and most against whoever comes after the hungriest.
    """
    times = {name: [] for name in contenders}
    batches = {name: _batch(call) for name, call in contenders.items()}
    for _ in range(rounds):
        for name, call in contenders.items():
            call()
            _wait_for_rest()
            start = time.perf_counter()
            for _ in range(batches[name]):
                call()
            times[name].append((time.perf_counter() - start) / batches[name])
    return {name: {"median": statistics.median(t), "low": min(t), "high": max(t)} for name, t in times.items()}


def _batch(call):
    """How often to call at a time. The first calls pay for caches, imports and compilers."""
    call()
    start = time.perf_counter()
    call()
    return max(1, int(BATCH / max(time.perf_counter() - start, 1e-9)))


def _wait_for_rest():
    """Until this process no longer works: threads of some libraries spin for 0.1 s after a call.

    On one processor they took half the time from whoever came after JAX. After the call that is not timed, since a
    contender's own threads would slow its timed call too.
    """
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        before = time.process_time()
        time.sleep(REST)
        if time.process_time() - before < REST / 10:
            return


def check_alike(title, contenders, dtype, tolerance=None):
    """Raises ValueError unless all computed what the first did: a fast wrong answer is no contender."""
    tolerance = tolerance or TOLERANCE[dtype]
    (_, first), *rest = contenders.items()
    expected = [_wide(x) for x in _as_tuple(first())]
    for name, call in rest:
        results = [_wide(x) for x in _as_tuple(call())]
        for x, y in zip(results, expected, strict=True):
            atol = tolerance * max(1.0, float(np.max(np.abs(y), initial=0)))
            if x.shape != y.shape or not np.allclose(x, y, rtol=tolerance, atol=atol):
                raise ValueError(
                    f"{title}, {dtype}: {name} did not compute what the others did; this is a bug to report"
                )


def _as_tuple(result):
    return result if isinstance(result, tuple | list) else (result,)


def _wide(x):
    return np.asarray(x, dtype=np.float64)


def peak_memory(call):
    """Bytes that a call held at most beyond its inputs, as far as NumPy and Python took them."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
