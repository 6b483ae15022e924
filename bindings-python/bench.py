"""Import, exact hits and upstream calls beside the bare SDK and the bare HTTP client, on one simulator in one run.

python bench.py [--calls 2000]        (a release build of lockgate, lockgate-sim in LOCKGATE_BIN_DIR)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ROWS: list[tuple[str, float, float, str]] = []
IMPORT = """
import os, time
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, begun = resident(), time.perf_counter()
import lockgate
print((time.perf_counter() - begun) * 1e6, (resident() - before) / 2**20)
"""


def row(name: str, micros: list[float], target: str = "") -> float:
    micros.sort()
    median = statistics.median(micros)
    ROWS.append((name, median, micros[int(len(micros) * 0.99)], target))
    return median


def timed(name: str, calls: int, work: Callable[[int], Any], target: str = "") -> float:
    for number in range(calls // 10):
        work(-1 - number)
    micros = []
    for number in range(calls):
        begun = time.perf_counter_ns()
        work(number)
        micros.append((time.perf_counter_ns() - begun) / 1000)
    return row(name, micros, target)


async def timed_async(
    name: str, calls: int, work: Callable[[int], Awaitable[Any]], target: str = ""
) -> float:
    for number in range(calls // 10):
        await work(-1 - number)
    micros = []
    for number in range(calls):
        begun = time.perf_counter_ns()
        await work(number)
        micros.append((time.perf_counter_ns() - begun) / 1000)
    return row(name, micros, target)


def ask(text: str) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


def imports() -> None:
    seen = [
        [float(part) for part in subprocess.check_output([sys.executable, "-c", IMPORT]).split()]
        for _ in range(15)
    ]
    row("import lockgate", [micros for micros, _ in seen], "<= 50000")
    row("import lockgate: RSS in MiB", [mebibytes for _, mebibytes in seen])


def run(url: str, calls: int) -> None:
    import lockgate

    openai = import_module("openai")
    major = int(openai.__version__.split(".")[0])
    httpx = import_module("httpx2" if major >= 3 else "httpx")
    settings: dict[str, Any] = {
        "store": "memory",
        "providers": {"openai": {"api_key": "sk-bench", "base_url": url}},
        "project": {"monthly_cap": "100000"},
    }
    gateway = lockgate.Gateway(settings, environment={})
    key = gateway.keys.create(requests_per_minute=4_000_000_000, tokens_per_minute=4_000_000_000).secret
    gateway.customers.set("bench", daily_cap="100000")
    limits: dict[str, Any] = {"key": key, "customer": "bench"}

    imports()
    hit = ask("the same again")
    gateway.chat(**hit, **limits)
    timed("exact hit, sync", calls * 5, lambda _: gateway.chat(**hit, **limits), "<= 25")
    timed("exact hit, sync, text read", calls * 5, lambda _: gateway.chat(**hit).choices[0].message.content)

    bare = httpx.Client()
    timed(
        "bare HTTP client", calls, lambda n: bare.post(url + "/chat/completions", json=ask(f"a {n}")).json()
    )
    sdk = openai.OpenAI(api_key="sk-bench", base_url=url)
    alone = timed("bare openai SDK", calls, lambda n: sdk.chat.completions.create(**ask(f"b {n}")))
    drop = openai.OpenAI(api_key=key, http_client=gateway.http_client())
    timed(
        "openai SDK through lockgate",
        calls,
        lambda n: drop.chat.completions.create(**ask(f"c {n}")),
        f"<= {alone:.0f}",
    )
    floor = simulator_alone(url, calls)
    timed(
        "native call, limits, cap and cache on",
        calls,
        lambda n: gateway.chat(**ask(f"d {n}"), **limits),
        f"<= {floor + 150:.0f}",
    )

    async def loop() -> None:
        own = lockgate.AsyncGateway(settings, environment={})
        await own.chat(**hit)
        await timed_async("exact hit, async", calls * 5, lambda _: own.chat(**hit), "<= 50")
        sdk = openai.AsyncOpenAI(api_key="sk-bench", base_url=url)
        alone = await timed_async(
            "bare AsyncOpenAI", calls, lambda n: sdk.chat.completions.create(**ask(f"e {n}"))
        )
        drop = openai.AsyncOpenAI(api_key="x", http_client=own.async_http_client())
        await timed_async(
            "AsyncOpenAI through lockgate",
            calls,
            lambda n: drop.chat.completions.create(**ask(f"f {n}")),
            f"<= {alone:.0f}",
        )
        await timed_async(
            "native async call", calls, lambda n: own.chat(**ask(f"g {n}")), f"<= {floor + 150:.0f}"
        )
        await sdk.close()

    asyncio.run(loop())


def simulator_alone(url: str, calls: int) -> float:
    """The simulator's own time: a bare socket that sends ready bytes and reads to the end of the answer."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def once(number: int) -> None:
            body = json.dumps(ask(f"z {number}")).encode()
            head = (
                f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sk-bench\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            wire.sendall(head.encode() + body)
            seen = b""
            while b"\r\n\r\n" not in seen:
                seen += wire.recv(65536)
            front, _, rest = seen.partition(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in front.split(b"\r\n")[1:])
            missing = int(fields[b"content-length"]) - len(rest)
            while missing > 0:
                missing -= len(wire.recv(65536))

        return timed("the simulator alone", calls, once)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=2000)
    calls = parser.parse_args().calls
    folder = os.environ.get("LOCKGATE_BIN_DIR") or Path(__file__).parents[1] / "target" / "release"
    simulator = subprocess.Popen(
        [Path(folder) / "lockgate-sim", "--listen", "127.0.0.1:0", "--json", "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert simulator.stdout is not None
        run(json.loads(simulator.stdout.readline())["openai"], calls)
    finally:
        simulator.kill()
        simulator.communicate()
    print(f"{'':<42} {'p50 µs':>10} {'p99 µs':>10}  target µs")
    for name, median, worst, target in ROWS:
        print(f"{name:<42} {median:>10.1f} {worst:>10.1f}  {target}")


if __name__ == "__main__":
    main()
