"""With a sign turned round in a kernel the docs do not build, and the theorem that it breaks is named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
import varinf._kernels.{kernel} as kernel

intact = kernel.{function}
kernel.{function} = lambda *arguments: {sign} * intact(*arguments)

from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


def build(folder, example, kernel, function, sign=-1):
    """Builds a copy of the docs in which one example runs, on the reference kernels, one of them times `sign`."""
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("_build", "gallery", "generated"))
    script = folder / "build.py"
    script.write_text(BUILD.format(kernel=kernel, function=function, sign=sign), encoding="utf-8")
    only = f"sphinx_gallery_conf.filename_pattern={example}\\.py$"
    command = [sys.executable, str(script), "-q", "-D", only, "docs", "html"]
    environment = os.environ | {"VARINF_KERNELS": "reference", "VARINF_ROOT": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)


BREAKS = {
    "the KL to the prior": ("theorem_2", "gaussian_kl", "diagonal_standard"),
    "the KL between full normals": ("definition_1", "gaussian_kl", "full_full"),
    "the aggregate density": ("theorem_3", "mixture_density", "log_density"),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_a_sign_turned_round_ends_the_build(tmp_path, broken):
    result = build(tmp_path, *broken)
    assert result.returncode != 0
    assert f"{broken[0]}.py" in result.stderr and "AssertionError" in result.stderr, result.stderr[-2000:]


def test_the_same_build_unbroken_ends_well(tmp_path):
    result = build(tmp_path, *BREAKS["the KL to the prior"], sign=1)
    assert result.returncode == 0, result.stderr[-2000:]
