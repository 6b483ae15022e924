"""Empty databases on the Postgres that ``tests/run`` starts. Standard library only."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def database() -> Iterator[str]:
    """The address of a database of its own."""
    server = os.environ.get("LOCKGATE_TEST_POSTGRES")
    assert server, "LOCKGATE_TEST_POSTGRES is not set: tests/run starts a Postgres for these tests"
    psql = Path(os.environ["LOCKGATE_TEST_POSTGRES_PROGRAMS"]) / "psql"
    name = f"python_{secrets.token_hex(8)}"

    def administer(statement: str) -> None:
        subprocess.run([psql, "--quiet", "--command", statement, server], check=True)

    administer(f"CREATE DATABASE {name}")
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        administer(f"DROP DATABASE {name} WITH (FORCE)")
