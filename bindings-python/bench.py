"""Import, exact hits and upstream calls beside the bare SDK and bare clients, on one simulator in one run.

python bench.py [--calls 1000] [--rounds 5]        (a release build of lockgate, lockgate-sim in LOCKGATE_BIN_DIR)

Each round times every row, one after another. Shown is each row's best round: what other programs take from the machine
is in all of them, in the best one least.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: What a hit may cost from Python, in µs.
HIT, ASYNC_HIT = 25.0, 50.0
#: What the gateway may add to an answer of the simulator, in µs.
OVERHEAD = 150.0
IMPORT = 50_000.0
IMPORTS = 15
IMPORTING = """
import os, time
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, begun = resident(), time.perf_counter()
import lockgate
taken, grown = time.perf_counter() - begun, resident() - before
begun = time.perf_counter()
lockgate.Gateway(environment={})
print(taken * 1e6, grown / 2**20, (time.perf_counter() - begun) * 1e6)
"""


class Table:
    """Rows, and of each the medians and 99th percentiles of its rounds."""

    def __init__(self) -> None:
        self.rounds: dict[str, list[tuple[float, float]]] = {}

    def note(self, name: str, values: list[float]) -> None:
        values.sort()
        seen = statistics.median(values), values[int(len(values) * 0.99)]
        self.rounds.setdefault(name, []).append(seen)

    def best(self, name: str) -> tuple[float, float]:
        return min(self.rounds[name])

    def time(self, name: str, calls: int, work: Callable[[int], Any]) -> None:
        for number in range(calls // 10):
            work(-1 - number)
        micros = []
        for number in range(calls):
            begun = time.perf_counter_ns()
            work(number)
            micros.append((time.perf_counter_ns() - begun) / 1000)
        self.note(name, micros)

    async def time_async(self, name: str, calls: int, work: Callable[[int], Awaitable[Any]]) -> None:
        for number in range(calls // 10):
            await work(-1 - number)
        micros = []
        for number in range(calls):
            begun = time.perf_counter_ns()
            await work(number)
            micros.append((time.perf_counter_ns() - begun) / 1000)
        self.note(name, micros)

    def show(self) -> None:
        simulator = self.best("the simulator alone (a socket)")[0]
        targets = {
            "import lockgate": IMPORT,
            "exact hit": HIT,
            "exact hit, async": ASYNC_HIT,
            "native call": simulator + OVERHEAD,
            "native call, async": simulator + OVERHEAD,
            "openai SDK through lockgate": self.best("bare openai SDK")[0],
            "AsyncOpenAI through lockgate": self.best("bare AsyncOpenAI")[0],
        }
        print(f"{'':<36} {'p50':>9} {'p99':>9} {'over the':>10}  target")
        print(f"{'':<36} {'µs':>9} {'µs':>9} {'simulator':>10}")
        for name in self.rounds:
            median, worst = self.best(name)
            upstream = not name.startswith(("import", "exact hit"))
            over = f"{median - simulator:10.1f}" if upstream else f"{'':>10}"
            target = targets.get(name)
            verdict = "" if target is None else f"{target:.0f} {'met' if median <= target else 'MISSED'}"
            print(f"{name:<36} {median:>9.1f} {worst:>9.1f} {over}  {verdict}".rstrip())


def ask(text: str) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


def imports(table: Table) -> None:
    seen = [
        [float(part) for part in subprocess.check_output([sys.executable, "-c", IMPORTING]).split()]
        for _ in range(IMPORTS)
    ]
    table.note("import lockgate", [micros for micros, _, _ in seen])
    table.note("import lockgate: RSS in MiB", [mebibytes for _, mebibytes, _ in seen])
    table.note("import lockgate, then Gateway()", [micros for _, _, micros in seen])


def settings_for(url: str) -> dict[str, Any]:
    return {
        "store": "memory",
        "providers": {"openai": {"api_key": "sk-bench", "base_url": url}},
        "project": {"monthly_cap": "100000"},
    }


#: Limits of the key and of the customer it is bound to, beside the project's cap: everything is on, nothing is refused.
RATES = {"requests_per_minute": 4_000_000_000, "tokens_per_minute": 4_000_000_000}
CAP = {"daily_cap": "100000"}


def round_of(table: Table, url: str, calls: int, number: int) -> None:
    import lockgate

    openai = import_module("openai")
    httpx = import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
    chat_url = url + "/chat/completions"

    with lockgate.Gateway(settings_for(url), environment={}) as gateway:
        gateway.customers.set("bench", **CAP)
        limits = {"key": gateway.keys.create(customer="bench", **RATES).secret}
        hit = ask("the same again")
        gateway.chat(**hit, **limits)
        table.time("exact hit", calls * 5, lambda _: gateway.chat(**hit, **limits))
        read = "exact hit, text read"
        table.time(read, calls * 5, lambda _: gateway.chat(**hit, **limits).choices[0].message.content)

        alone(table, url, calls)
        with httpx.Client() as http:
            table.time("bare HTTP client", calls, lambda n: http.post(chat_url, json=ask(f"a {n}")).json())
        table.time("native call", calls, lambda n: gateway.chat(**ask(f"d {number} {n}"), **limits))
        with openai.OpenAI(api_key="sk-bench", base_url=url) as sdk:
            table.time("bare openai SDK", calls, lambda n: sdk.chat.completions.create(**ask(f"b {n}")))
        drop = openai.OpenAI(api_key=limits["key"], http_client=gateway.http_client())
        through = "openai SDK through lockgate"
        table.time(through, calls, lambda n: drop.chat.completions.create(**ask(f"c {number} {n}")))

    asyncio.run(async_round_of(table, url, calls, number))


async def async_round_of(table: Table, url: str, calls: int, number: int) -> None:
    import lockgate

    openai = import_module("openai")
    async with lockgate.AsyncGateway(settings_for(url), environment={}) as gateway:
        await gateway.customers.set("bench", **CAP)
        limits = {"key": (await gateway.keys.create(customer="bench", **RATES)).secret}
        hit = ask("the same again")
        await gateway.chat(**hit, **limits)
        await table.time_async("exact hit, async", calls * 5, lambda _: gateway.chat(**hit, **limits))
        call = "native call, async"
        await table.time_async(call, calls, lambda n: gateway.chat(**ask(f"g {number} {n}"), **limits))
        async with openai.AsyncOpenAI(api_key="sk-bench", base_url=url) as sdk:
            bare = "bare AsyncOpenAI"
            await table.time_async(bare, calls, lambda n: sdk.chat.completions.create(**ask(f"e {n}")))
        http_client = gateway.async_http_client()
        async with openai.AsyncOpenAI(api_key=limits["key"], http_client=http_client) as drop:
            through = "AsyncOpenAI through lockgate"
            await table.time_async(
                through, calls, lambda n: drop.chat.completions.create(**ask(f"f {number} {n}"))
            )


def alone(table: Table, url: str, calls: int) -> None:
    """The simulator's own time: a bare socket that sends ready bytes and reads to the end of the answer."""
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

        table.time("the simulator alone (a socket)", calls, once)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    table = Table()
    imports(table)
    folder = os.environ.get("LOCKGATE_BIN_DIR") or Path(__file__).parents[1] / "target" / "release"
    simulator = subprocess.Popen(
        [Path(folder) / "lockgate-sim", "--listen", "127.0.0.1:0", "--json", "--exit-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert simulator.stdout is not None
        url = json.loads(simulator.stdout.readline())["openai"]
        for number in range(given.rounds):
            round_of(table, url, given.calls, number)
    finally:
        simulator.kill()
        simulator.communicate()
    print(
        f"{os.cpu_count()} cores, best of {given.rounds} rounds of {given.calls} calls; limits, cap and cache on"
    )
    table.show()


if __name__ == "__main__":
    main()
