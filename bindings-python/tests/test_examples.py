"""The examples run as they are, against the simulator. Needs LangChain, FastAPI, uvicorn and gunicorn."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import lockgate
import pytest
from conftest import ROOT, eventually

EXAMPLES = ROOT / "examples" / "python"


@pytest.fixture
def environment(simulator, tmp_path):
    ours = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": simulator.openai, "HOME": str(tmp_path)}
    quiet = {"LANGSMITH_TRACING": "false", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **quiet, **ours}


def run(name: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_hello(environment, tmp_path):
    assert "openai took" in run("01_hello.py", environment, tmp_path)


def test_stream(environment, tmp_path):
    assert "18, 19, 20" in run("02_stream.py", environment, tmp_path).replace("\n", ", ")


def test_customer_caps(environment, tmp_path):
    assert "refused" in run("03_customer_caps.py", environment, tmp_path)


def test_openai_sdk(environment, tmp_path):
    assert "openai 0.0" in run("04_openai_sdk.py", environment, tmp_path)


def test_langchain_agent(environment, tmp_path, simulator):
    shown = run("05_langchain_agent.py", environment, tmp_path)
    assert "tool: It is sunny in" in shown
    assert "2 calls" in shown
    assert len(simulator.requests()) == 2


@contextmanager
def served(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *(part.format(port=port) for part in command)],
            env=environment,
            cwd=folder,
            stdout=out,
            stderr=out,
        )

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(listens, 30)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM), log.read_text()
    finally:
        process.kill()
        process.wait()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_fastapi_app(environment, tmp_path, simulator):
    command = ["uvicorn", "06_fastapi_app:app", "--app-dir", str(EXAMPLES), "--port", "{port}"]
    with served(command, environment, tmp_path) as url:
        status, text = get(url + "/ask?question=" + urllib.parse.quote("count to 20"))
        assert (status, text.rstrip().endswith("20")) == (200, True)
        simulator.script({"kind": "slow_events", "ms": 20})
        with urllib.request.urlopen(url + "/ask?question=" + urllib.parse.quote("count to 400")) as answer:
            assert answer.read(1)
        assert [request["outcome"] for request in simulator.settled(2)] == ["completed", "aborted"]


def test_four_preloaded_workers_hold_one_cap(environment, tmp_path, simulator):
    shutil.copy(EXAMPLES / "07_gunicorn_app.py", tmp_path / "app.py")
    command = ["gunicorn", "--preload", "-w", "4", "--threads", "4", "-b", "127.0.0.1:{port}", "app:app"]
    with served(command, environment, tmp_path) as url, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: get(f"{url}/?question+{n}"), range(120)))
    statuses = {status for status, _ in answers}
    assert statuses == {200, 402}, [answer for answer in answers if answer[0] not in (200, 402)]
    with lockgate.Gateway(
        store=f"sqlite://{tmp_path / 'lockgate.db'}", shared=True, environment={}
    ) as gateway:
        (total,) = gateway.usage()
        assert gateway.inspect().open == 0
    assert total.requests == sum(status == 200 for status, _ in answers)
    assert total.cost <= 1_000_000
