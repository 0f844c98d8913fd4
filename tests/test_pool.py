import os
import subprocess
import sys
import threading
import time

import pytest

from varinf._pool import run_all, worker_count


@pytest.mark.parametrize("workers", [None, 1, 2, 5, -1])
def test_results_come_in_order(workers):
    assert run_all(lambda i: i * i, range(20), workers) == [i * i for i in range(20)]


def test_two_workers_work_at_once():
    meeting = threading.Barrier(2, timeout=20)
    run_all(lambda _: meeting.wait(), range(2), 2)  # a single thread would wait for itself


def test_the_caller_is_one_of_the_workers():
    names = run_all(lambda _: (time.sleep(0.02), threading.current_thread().name)[1], range(12), 2)
    assert threading.current_thread().name in names
    assert len(set(names)) == 2


def test_pools_do_not_nest():
    def outer(i):
        here = threading.current_thread()
        return all(run_all(lambda _: threading.current_thread() is here, range(5), 4))

    assert all(run_all(outer, range(6), 2))


@pytest.mark.parametrize("workers", [None, 3])
def test_the_first_exception_stops_the_rest(workers):
    started = []

    def work(i):
        started.append(i)
        if i == 2:
            raise RuntimeError("third")
        time.sleep(0.01)

    with pytest.raises(RuntimeError, match="third"):
        run_all(work, range(1000), workers)
    assert len(started) < 100
    assert run_all(str, range(3), 2) == ["0", "1", "2"]  # the pool lives on


def test_done_counts_up():
    seen = []
    run_all(lambda i: i, range(9), 3, seen.append)
    assert seen == list(range(1, 10))
    assert run_all(lambda i: i, [], 3, seen.append) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_gets_a_pool_of_its_own():
    """Untreated, it would wait for threads that fork did not copy. In a process of its own: JAX warns of forks."""
    code = """
import os, warnings
from varinf._pool import run_all
warnings.simplefilter("ignore")
run_all(str, range(4), 2)
child = os.fork()
if child == 0:
    os._exit(0 if run_all(str, range(4), 2) == list("0123") else 1)
raise SystemExit(os.waitpid(child, 0)[1])
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_worker_counts():
    assert worker_count(None) == worker_count(1) == 1
    assert worker_count(7) == 7
    assert worker_count(-1) >= 1
    for wrong, error in [(0, ValueError), (-2, ValueError), (2.0, TypeError), (True, TypeError)]:
        with pytest.raises(error, match="workers="):
            worker_count(wrong)
