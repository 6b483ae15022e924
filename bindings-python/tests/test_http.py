"""The drop-in client: which library, which paths, when bytes come, and what is opened."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import pickle
import socket
import sys
from pathlib import Path

import lockgate
import pytest
from conftest import ask, eventually

LIBRARY = "httpx2" if importlib.util.find_spec("httpx2") else "httpx"
OTHER = "httpx" if LIBRARY == "httpx2" else "httpx2"
URL = "http://lockgate/v1/chat/completions"
LONG = " ".join(f"word{number}" for number in range(400))


def pretend(monkeypatch, openai: str | None, *libraries: str) -> None:
    """The installed packages: `openai` in that version, and these HTTP libraries."""

    true_version, true_find_spec = importlib.metadata.version, importlib.util.find_spec

    def version(name: str) -> str:
        if name != "openai":
            return true_version(name)
        if openai is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return openai

    def find_spec(name: str, package: str | None = None) -> object:
        if name in ("httpx", "httpx2"):
            return object() if name in libraries else None
        return true_find_spec(name, package)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def is_whole(response) -> None:
    content = response.content
    assert response.json()["choices"][0]["message"]["content"]
    assert response.is_closed
    assert response.is_stream_consumed
    assert 0 < response.elapsed.total_seconds() < 60
    assert response.headers["content-length"] == str(len(content))
    assert b"".join(response.iter_bytes(7)) == response.read() == content
    kept = pickle.loads(pickle.dumps(response))
    assert (kept.status_code, kept.content, kept.headers) == (200, content, response.headers)


def test_a_whole_answer_is_as_any_clients_response(gateway):
    with gateway.http_client() as client:
        is_whole(client.post(URL, json=ask("whole")))
        with client.stream("POST", URL, json=ask("whole")) as response:
            assert not response.is_closed
            assert json.loads(b"".join(response.iter_raw()))["choices"]
        with client.stream("POST", URL, json=ask("whole")) as response:
            assert json.loads(response.read())["choices"]
        is_whole(response)


def test_a_whole_answer_is_as_any_clients_response_async(async_gateway):
    async def main() -> None:
        async with async_gateway, async_gateway.async_http_client() as client:
            is_whole(await client.post(URL, json=ask("whole")))
            async with client.stream("POST", URL, json=ask("whole")) as response:
                assert json.loads(b"".join([piece async for piece in response.aiter_raw()]))["choices"]
            async with client.stream("POST", URL, json=ask("whole")) as response:
                assert json.loads(await response.aread())["choices"]
            is_whole(response)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("openai", "library"), [("2.54.0", "httpx"), ("3.54.0", "httpx2"), ("10.0.0", "httpx2")]
)
def test_the_installed_openai_decides(gateway, monkeypatch, openai, library):
    pretend(monkeypatch, openai, "httpx", "httpx2")
    if library == LIBRARY:
        assert type(gateway.http_client()).__module__.startswith(library)
        return
    with pytest.raises(lockgate.ConfigError, match=f"{library} is not installed"):
        gateway.http_client()


def test_without_openai_the_only_one_is_taken(gateway, async_gateway, monkeypatch):
    pretend(monkeypatch, None, LIBRARY)
    assert type(gateway.http_client()).__module__.startswith(LIBRARY)
    assert type(async_gateway.async_http_client()).__module__.startswith(LIBRARY)


@pytest.mark.parametrize("present", [(), ("httpx", "httpx2")])
def test_without_openai_and_without_choice_both_are_named(gateway, monkeypatch, present):
    pretend(monkeypatch, None, *present)
    with pytest.raises(lockgate.ConfigError) as caught:
        gateway.http_client()
    assert "httpx2" in str(caught.value)
    assert '"httpx"' in str(caught.value)


def test_an_explicit_choice_wins(gateway, monkeypatch):
    pretend(monkeypatch, "2.0.0" if LIBRARY == "httpx2" else "3.0.0", "httpx", "httpx2")
    assert type(gateway.http_client(LIBRARY)).__module__.startswith(LIBRARY)
    with pytest.raises(lockgate.ConfigError, match=OTHER):
        gateway.http_client(OTHER)
    with pytest.raises(lockgate.ConfigError, match="requests"):
        gateway.http_client("requests")


@pytest.mark.parametrize(
    "base",
    ["http://lockgate/v1", "https://api.openai.com/v1/", "http://localhost:1234", "http://proxy/openai/v1"],
)
def test_any_base_url_will_do(gateway, base):
    with gateway.http_client(LIBRARY) as http:
        answer = http.post(f"{base.rstrip('/')}/chat/completions", json=ask("Hello"))
        assert answer.status_code == 200, answer.text
        assert http.get(f"{base.rstrip('/')}/models").json()["data"]
        assert http.get(f"{base.rstrip('/')}/nothing").status_code == 404


def test_the_first_chunk_comes_before_the_last_is_made(gateway, simulator):
    simulator.script({"kind": "stall", "after_events": 3, "and": [{"kind": "reply", "text": LONG}]})
    with gateway.http_client(LIBRARY) as http:
        with http.stream("POST", URL, json=ask("Hello", stream=True)) as answer:
            pieces = answer.iter_bytes()
            assert next(pieces).startswith(b"data: ")
            assert simulator.requests()[0]["outcome"] == "open"
        # Left: the request upstream ends.
        assert simulator.settled(1)[0]["outcome"] == "aborted"
    eventually(lambda: gateway.inspect().open == 0)


async def test_the_same_in_asyncio(async_gateway, simulator):
    simulator.script({"kind": "stall", "after_events": 3, "and": [{"kind": "reply", "text": LONG}]})
    async with async_gateway.async_http_client(LIBRARY) as http:
        async with http.stream("POST", URL, json=ask("Hello", stream=True)) as answer:
            pieces = answer.aiter_bytes()
            assert (await anext(pieces)).startswith(b"data: ")
            assert simulator.requests()[0]["outcome"] == "open"
        assert (await asyncio.to_thread(simulator.settled, 1))[0]["outcome"] == "aborted"
    assert await async_gateway.flush()
    assert (await async_gateway.inspect()).open == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_read_timeout_is_the_library_s(gateway, simulator, stream):
    httpx = importlib.import_module(LIBRARY)
    stage = {"after_events": 2} if stream else {"stage": "headers"}
    simulator.script({"kind": "stall", **stage})
    with gateway.http_client(LIBRARY) as http, pytest.raises(httpx.ReadTimeout):
        http.post(URL, json=ask("count to 50", stream=stream), timeout=0.15)
    assert simulator.settled(1)[0]["outcome"] == "aborted"
    eventually(lambda: gateway.inspect().open == 0)


def sockets() -> list[str]:
    """Of every TCP socket of this process: local address, remote address and state, as the kernel tells them."""
    own = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            own.add(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue
    lines = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return [" ".join(field[1:4]) for field in fields if f"socket:[{field[9]}]" in own]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_socket_leads_to_ourselves(gateway, simulator):
    port = f":{int(simulator.openai.split(':')[2].split('/')[0]):04X}"
    # A gateway of before may still be closing its own.
    before = sockets()
    with (
        gateway.http_client(LIBRARY) as http,
        http.stream("POST", URL, json=ask("count to 50", stream=True)) as answer,
    ):
        seen = [line for line in sockets() if line.split()[:2] not in [old.split()[:2] for old in before]]
        assert b"[DONE]" in answer.read()
    assert len(seen) == 1, "one, to the provider"
    assert seen[0].split()[1].endswith(port)
    listening = "0A"
    assert all(not line.endswith(f" {listening}") for line in seen)


def test_a_client_can_be_made_within_a_proxy_s_environment(gateway, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with gateway.http_client(LIBRARY) as http:
            assert http.post(URL, json=ask("Hello")).status_code == 200
