import json

import numpy as np
import pytest

from varinf import _kernels
from varinf.__main__ import main
from varinf.cli import bench
from varinf.cli._arguments import writable_file


def test_every_kernel_is_timed_and_fits_80_columns(capsys, tmp_path):
    path = tmp_path / "bench.json"
    assert main(["bench", "--rounds", "1", "--peers", "--json", str(path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in out if not line.startswith("wrote")) <= 80
    stored = json.loads(path.read_text())
    about = stored["about"]
    assert about["level"] == _kernels.level and about["threads"] == about["rounds"] == 1
    assert about["processor"] and {"python", "numpy", "scipy"} <= set(about["versions"])
    assert len(stored["rows"]) == 2 * len(bench.CASES)
    for row in stored["rows"]:
        assert "reference" in row["seconds"]
        assert ("compiled" in row["seconds"]) == (_kernels.level != "reference")
        assert all(0 < figures["low"] <= figures["median"] <= figures["high"] for figures in row["seconds"].values())


def test_a_contender_that_computes_something_else_is_refused(monkeypatch, capsys):
    def wrong(rng, dtype, peers, torch):
        return "sum", {"reference": lambda: np.ones(3), "compiled": lambda: np.array([1, 1, -1.0])}, True

    monkeypatch.setattr(bench, "CASES", (wrong,))
    assert main(["bench", "--rounds", "1"]) == 2
    assert "sum, float64: compiled did not compute" in capsys.readouterr().err


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
