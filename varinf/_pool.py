"""Threads: one lazy pool, shared by whatever runs over pieces of data. Kernels and NumPy release the GIL in it.

A public call says `workers=` once, by `working`; `over_rows`, far below, reads it where rows are shared out. Shares are
whole rows, and what a kernel makes of a row depends on that row alone: the same bits for any number of workers.
"""

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise, starmap

import numpy as np

_MOST_THREADS = 256  # a limit, not a size: threads start one by one as they are asked for

_pool = None
_pool_lock = threading.Lock()


class _Here(threading.local):
    """What holds in this thread. Attributes of the class, since to ask for what is not there takes a microsecond."""

    working = False  # is it one of a pool's workers already?
    workers = 1  # what the call in progress asked for


_here = _Here()

# Nanoseconds of work that pay for a share of their own: waking a thread and waiting for it takes 20 to 60 microseconds.
_WORTH = 250_000


def _forget():
    """In a forked child the pool's threads do not exist, and waiting for them would hang."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()
    _here.working = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def worker_count(workers):
    """The number of threads that `workers` asks for, as in SciPy: None or 1 is serial, -1 all cores."""
    if workers is None:
        return 1
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer):
        raise TypeError(f"workers={workers!r}: use None or 1 (serial), a positive integer, or -1 (all cores)")
    if workers == -1:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers < 1:
        raise ValueError(f"workers={workers}: use None or 1 (serial), a positive integer, or -1 (all cores)")
    return int(workers)


class working:
    """`with working(workers):` calls in here share out rows among so many threads; None leaves what was said before."""

    __slots__ = ("outer", "workers")

    def __init__(self, workers):
        self.workers = None if workers is None else worker_count(workers)

    def __enter__(self):
        if self.workers is not None:
            self.outer, _here.workers = workers_here(), self.workers

    def __exit__(self, *error):
        if self.workers is not None:
            _here.workers = self.outer


def workers_here():
    """The number of workers that the call in progress asked for; 1 inside of a worker."""
    return 1 if _here.working else _here.workers


def shares(count, cost):
    """Slices of `count` rows, which take `cost` nanoseconds each, for the workers in effect; none is too small."""
    workers = workers_here()
    number = min(workers, count, int(count * cost / _WORTH)) if workers > 1 else 1
    if number <= 1:
        return [slice(0, count)]
    bounds = [count * i // number for i in range(number + 1)]
    return list(starmap(slice, pairwise(bounds)))


def over_rows(call, rows, cost):
    """call(*rows), shared out among the workers in effect; its arrays, or those of its tuple, have a row each.

    `rows` are NumPy arrays of N rows, or of one row that serves all; each of the N takes about `cost` nanoseconds.
    """
    count = max(map(len, rows))
    parts = shares(count, cost)
    if len(parts) == 1:
        return call(*rows)
    found = run_all(lambda part: call(*(x if len(x) == 1 else x[part] for x in rows)), parts, len(parts))
    if isinstance(found[0], tuple):
        return tuple(np.concatenate(column) for column in zip(*found, strict=True))
    return np.concatenate(found)


def run_all(work, items, workers=None, done=lambda count: None):
    """[work(item) for item in items], on `workers` threads, of which the caller is one.

    The first exception stops the others after their current item and is raised. Inside of a worker it runs serially:
    pools do not nest. `done(count)` is told how many items are finished, by one thread at a time.
    """
    items = list(items)
    results, queue, finished = [None] * len(items), deque(range(len(items))), 0
    lock = threading.Lock()

    def drain():
        nonlocal finished
        nested, _here.working = _here.working, True
        try:
            while True:
                try:
                    index = queue.popleft()
                except IndexError:
                    return
                results[index] = work(items[index])
                with lock:
                    finished += 1
                    done(finished)
        except BaseException:
            queue.clear()
            raise
        finally:
            _here.working = nested

    others = 0 if _here.working else min(worker_count(workers), len(items)) - 1
    futures = [_threads().submit(drain) for _ in range(others)]
    try:
        drain()
    finally:
        started = [future for future in futures if not future.cancel()]
        wait(started)
    for future in started:
        future.result()
    return results


def _threads():
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="varinf")
        return _pool
