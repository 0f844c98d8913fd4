"""The command line as a whole: help, unknown commands, interruptions, and what is imported."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import varinf
from varinf.__main__ import main

HERE = varinf.__path__[0] + "/.."


@pytest.mark.parametrize("command", ["bounds", "info"])
def test_each_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: varinf {command}")
    assert max(map(len, out.splitlines())) <= 80


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("bounds", "info", "tour"))


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"varinf {varinf.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["bunds"], ["--nothing"]])
def test_a_wrong_command_ends_in_one_line(capsys, argv):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


ENDINGS = [
    (KeyboardInterrupt(), 130, ""),
    (MemoryError(), 2, "varinf info: error: memory ran out: give smaller parts\n"),
    (ValueError("two\nlines"), 2, "varinf info: error: two lines\n"),
]


@pytest.mark.parametrize(("error", "status", "text"), ENDINGS)
def test_a_command_that_stops_says_why(capsys, monkeypatch, error, status, text):
    def stop(arguments):
        raise error

    monkeypatch.setattr("varinf.cli.info.run", stop)
    assert main(["info"]) == status
    assert capsys.readouterr().err == text


def test_a_reader_that_leaves_is_no_error():
    command = f'"{sys.executable}" -m varinf info | true'
    ran = subprocess.run(command, shell=True, cwd=HERE, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes streams")
@pytest.mark.parametrize(
    ("arguments", "status", "out"),
    [
        ("info >&-", 0, ""),
        ("bounds missing.npy >&-", 2, ""),
        ("bounds missing.npy 2>&-", 2, ""),
        ("bounds missing.npy 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}", 2, ""),
    ],
)
def test_closed_streams_take_nothing_and_harm_nothing(arguments, status, out):
    ran = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m varinf {arguments}'], cwd=HERE, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (status, out)
    assert "Traceback" not in ran.stderr and "Exception" not in ran.stderr


def test_an_unknown_option_points_to_the_help_of_its_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bounds", "x.npy", "--what"])
    assert ended.value.code == 2
    text = "varinf bounds: error: unrecognized arguments: --what (varinf bounds --help lists what there is)\n"
    assert capsys.readouterr().err == text


def test_only_the_command_asked_for_is_imported():
    code = (
        "import sys; from varinf.__main__ import main; main(['info']); "
        "print([name for name in sys.modules if name in ('varinf.cli.bounds', 'varinf.cli.tour', 'scipy')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_streams_that_cannot_be_set_up_are_left_alone(monkeypatch):
    written = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=written.append, flush=lambda: None))
    assert main(["info"]) == 0
    assert "numpy" in "".join(written)
