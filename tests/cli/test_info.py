"""`varinf info` and show_config say which kernels run, and why."""

import json

import numpy as np

import varinf as vi
from varinf import _kernels
from varinf.__main__ import main


def test_it_tells_what_runs():
    config = vi.show_config()
    assert config.versions["numpy"] == np.__version__
    assert set(config.versions) == {"varinf", "numpy", "scipy", "array-api-compat", "python"}
    assert config.kernels["level"] == _kernels.level
    assert config.kernels["reason"] == _kernels.reason
    assert config.machine["cores"] >= 1
    assert config.machine["instruction_set"]


def test_the_text_holds_the_facts(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert out == repr(vi.show_config()) + "\n"
    assert f"{_kernels.level}: " in out
    assert max(len(line) for line in out.splitlines() if "/" not in line) <= 80  # a path is not broken


def test_json(capsys):
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == vi.show_config().to_dict()


def test_a_package_that_is_not_installed_is_said(monkeypatch):
    from importlib import metadata

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    versions = vi.show_config().versions
    assert versions["scipy"] == "unknown"
    assert versions["varinf"].startswith("not installed")
