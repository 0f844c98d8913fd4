import json

import numpy as np
import pytest

from varinf import _kernels
from varinf.__main__ import main
from varinf.cli import bench


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


@pytest.mark.parametrize(
    ("arguments", "text"), [(["--rounds", "0"], "--rounds"), (["--json", "/no/such/folder/x.json"], "--json")]
)
def test_bad_options_are_named(arguments, text, capsys):
    try:
        status = main(["bench", *arguments])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert text in capsys.readouterr().err
