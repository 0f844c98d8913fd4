"""The theorem directive on a site of two pages: numbers, references, and targets that must exist."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "docs" / "_ext")!r})
extensions = ["theorem"]
"""
INDEX = """
Site
====

.. toctree::

   second
   first

.. theorem-graph::
"""
FIRST = """
First
=====

.. theorem:: Later in the table of contents
   :kind: theorem
   :label: late
   :uses: early
   :tested-by: tests/evidence/test_elbo.py
"""
SECOND = """
Second
======

.. theorem:: Sooner
   :kind: theorem
   :label: early
   {option}

See :ref:`late`.
"""


def build(folder, option=":implements: varinf.elbo", nitpicky=()):
    source, out = folder / "source", folder / "out"
    source.mkdir()
    for name, text in {"conf.py": CONF, "index.rst": INDEX, "first.rst": FIRST}.items():
        (source / name).write_text(text, encoding="utf-8")
    (source / "second.rst").write_text(SECOND.format(option=option), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", *nitpicky, str(source), str(out)]
    return subprocess.run(command, capture_output=True, text=True), out


def test_numbers_follow_the_table_of_contents(tmp_path):
    result, out = build(tmp_path)
    assert result.returncode == 0, result.stderr
    second, first = ((out / f"{name}.html").read_text(encoding="utf-8") for name in ("second", "first"))
    assert '<span class="number">Theorem 1</span> (Sooner)' in second
    assert '<span class="number">Theorem 2</span> (Later in the table of contents)' in first
    assert 'href="first.html#late"><span class="std std-ref">Theorem 2</span>' in second
    index = (out / "index.html").read_text(encoding="utf-8")
    assert 'href="second.html#early"' in index and index.count("<path") == 1  # one line from one box to the other


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (":implements: varinf.no_such_bound", "varinf.no_such_bound does not exist"),
        (":tested-by: tests/evidence/test_gone.py", "tests/evidence/test_gone.py does not exist"),
        (":tested-by: tests/evidence/test_elbo.py::test_gone", "test_elbo.py::test_gone does not exist"),
        (":benchmarked-by: benchmarks/bench_gone.py", "benchmarks/bench_gone.py does not exist"),
        (":uses: nothing-stated", ":uses: nothing-stated does not exist"),
    ],
)
def test_a_target_that_does_not_exist_ends_the_build(tmp_path, option, said):
    result, _ = build(tmp_path, option)
    assert result.returncode != 0
    assert said in result.stderr and "second.rst" in result.stderr


def test_what_is_there_is_found(tmp_path):
    name = "test_a_target_that_does_not_exist_ends_the_build"
    result, _ = build(tmp_path, f":tested-by: tests/docs/test_theorem.py::{name}")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("missing", ["kind", "label"])
def test_kind_and_label_are_asked_for(tmp_path, missing):
    other = {"kind": "   :label: third", "label": "   :kind: theorem"}[missing]
    result, _ = build(tmp_path, f":uses: late\n\n.. theorem:: Nameless\n{other}", nitpicky=("-W",))
    assert result.returncode != 0 and "needs a :kind: and a :label:" in result.stderr
