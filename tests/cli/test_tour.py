"""`varinf tour` says in one line, before any work, why it cannot be made."""

import sys

import pytest

from varinf.__main__ import main
from varinf.cli import tour


@pytest.fixture(autouse=True)
def no_work(monkeypatch):
    def compute(study):
        raise AssertionError("work was begun")

    monkeypatch.setattr(tour, "ORDER", (compute,))


def refusal(capsys, *options):
    assert main(["tour", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    return err


def test_without_scikit_learn(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert 'scikit-learn is not installed: pip install "varinf[examples]"' in refusal(capsys)


def test_without_matplotlib(monkeypatch, capsys, tmp_path):
    pytest.importorskip("sklearn")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    err = refusal(capsys, "--figures", str(tmp_path))
    assert "matplotlib" in err and "--figures" in err and 'pip install "varinf[examples]"' in err


@pytest.fixture
def packages():
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")


def test_a_file_in_the_way(packages, capsys, tmp_path):
    (tmp_path / "taken").touch()
    for path in (tmp_path / "taken", tmp_path / "taken" / "inside"):
        assert f"--figures {path}: " in refusal(capsys, "--figures", str(path))


def test_a_folder_that_takes_no_files(packages, capsys, monkeypatch, tmp_path):
    def denied(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tour.tempfile, "TemporaryFile", denied)
    assert f"--figures {tmp_path}: Permission denied: give a folder" in refusal(capsys, "--figures", str(tmp_path))


def test_an_empty_name(packages, capsys):
    assert "--figures: the name is empty" in refusal(capsys, "--figures", "")


@pytest.mark.parametrize("seed", ["-1", "x", "1.5"])
def test_seeds_that_are_none(capsys, seed):
    with pytest.raises(SystemExit) as ended:
        main(["tour", "--seed", seed])
    assert ended.value.code == 2
    assert "--seed: invalid non-negative integer value" in capsys.readouterr().err
