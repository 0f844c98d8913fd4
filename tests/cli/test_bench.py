import json
import threading
import time
from dataclasses import replace

import pytest

from varinf import _kernels
from varinf.__main__ import main
from varinf.cli import bench
from varinf.cli._arguments import writable_file
from varinf.cli._timing import interleaved


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setenv(bench.CHILD, "1")


SMALL = [replace(case, shapes=(tuple(min(n, 40) for n in case.shapes[0]),), quick=0) for case in bench.CASES]


def test_every_case_is_timed_and_fits_80_columns(capsys, tmp_path, monkeypatch):
    """All contenders compute the same, or this would stop."""
    monkeypatch.setattr(bench, "CASES", SMALL)
    path = tmp_path / "bench.json"
    assert main(["bench", "--rounds", "1", "--peers", "--json", str(path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in out if not line.startswith("wrote")) <= 80
    stored = json.loads(path.read_text())
    about = stored["about"]
    assert about["level"] == _kernels.level and about["threads"] == about["rounds"] == 1
    assert about["processor"] and {"python", "numpy", "scipy"} <= set(about["versions"])
    assert len(stored["rows"]) == sum(len(case.dtypes) for case in SMALL)
    for row in stored["rows"]:
        assert "varinf" in row["seconds"]
        assert ("compiled" in row["seconds"]) == (_kernels.level != "reference" and "reference" in row["seconds"])
        assert all(0 < figures["low"] <= figures["median"] <= figures["high"] for figures in row["seconds"].values())
        assert row["bytes"]["varinf"] >= 0


def test_the_next_contender_waits_for_threads_that_go_on():
    """As those of JAX do after a call: on the one processor of a benchmark they would count against the next."""
    started = []

    def spin(until):
        while time.perf_counter() < until:
            pass

    def leaves_a_thread():
        started.append(threading.Thread(target=spin, args=(time.perf_counter() + 0.1,)))
        started[-1].start()

    def next_one():
        alive.append(sum(thread.is_alive() for thread in started))

    alive = []
    interleaved({"first": leaves_a_thread, "second": next_one}, 2)
    assert started and alive[-1] == 0  # the last call of all is a timed one


def test_a_contender_that_computes_something_else_is_refused(monkeypatch, capsys):
    wrong = replace(SMALL[0], formula=lambda lib, loc, scale: 1 + SMALL[0].formula(lib, loc, scale))
    monkeypatch.setattr(bench, "CASES", [wrong])
    assert main(["bench", "--rounds", "1", "--peers"]) == 2
    assert "KL to standard, by scale, 1x10, float64: numpy did not compute" in capsys.readouterr().err


def test_it_runs_in_a_process_of_its_own_with_the_threads_asked_for(monkeypatch, capfd):
    monkeypatch.delenv(bench.CHILD)
    assert main(["bench", "--rounds", "1", "--only", "tail"]) == 0
    assert "1 rounds, medians in ms, 1 thread\n" in capfd.readouterr().out


@pytest.mark.parametrize("options", [["--only", "nothing like this"], ["--threads", "100000"]])
def test_what_cannot_be_run_is_said(options, capsys, monkeypatch):
    if "--threads" in options:
        pytest.importorskip("os").sched_getaffinity  # noqa: B018
        monkeypatch.delenv(bench.CHILD)
    assert main(["bench", *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_bad_rounds_are_named(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", "--rounds", "0"])
    assert stop.value.code == 2
    assert "--rounds" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", ".", "file/x.json", "none/x.json"])
def test_a_file_that_cannot_be_written_stops_it_before_the_work(monkeypatch, tmp_path, capsys, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench, "CASES", None)
    (tmp_path / "file").touch()
    assert main(["bench", "--json", name]) == 2
    err = capsys.readouterr().err
    assert err.startswith("varinf bench: error: --json") and ": give " in err


def test_a_file_is_left_as_it_was_until_there_is_something_to_write(tmp_path):
    (tmp_path / "old.json").write_text("{}")
    assert writable_file("--json", str(tmp_path / "old.json")).read_text() == "{}"
    assert not writable_file("--json", str(tmp_path / "new.json")).exists()
