"""The types that the package ships: what a checker says of the examples, and of the native module's stub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))


def check(*argv: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *argv], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_strictly_typed(example: Path, tmp_path: Path) -> None:
    check("mypy", "--strict", "--cache-dir", str(tmp_path), str(example), folder=tmp_path)


def test_the_package_is_strictly_typed(tmp_path: Path) -> None:
    check("mypy", "--strict", "--cache-dir", str(tmp_path), "-p", "lockgate", folder=tmp_path)


def test_the_stub_agrees_with_the_binary(tmp_path: Path) -> None:
    check("mypy.stubtest", "lockgate._native", folder=tmp_path)
