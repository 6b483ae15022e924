"""Import, exact hits and upstream calls beside the bare SDK and bare clients, on one simulator in one run.

python bench.py [--calls 1000] [--rounds 5]        (a release build of lockgate, lockgate-sim in LOCKGATE_BIN_DIR)

Each round times every row. Shown is each row's best round: what other programs take from the machine is in all of them,
in the best one least. Rows that are compared take turns, some hundred calls each, and are compared within a round; the
verdict is on the median of the rounds.
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
#: Rows that are compared take turns of so many calls.
TURN = 200
SIMULATOR = "the simulator alone (a socket)"
ASYNC_SIMULATOR = "the simulator alone, between async"
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

    def time(self, calls: int, rows: dict[str, Callable[[int], Any]]) -> None:
        for work in rows.values():
            for number in range(calls // 10):
                work(-1 - number)
        micros: dict[str, list[float]] = {name: [] for name in rows}
        for turn in range(0, calls, TURN):
            for name, work in rows.items():
                for number in range(turn, turn + TURN):
                    begun = time.perf_counter_ns()
                    work(number)
                    micros[name].append((time.perf_counter_ns() - begun) / 1000)
        for name, seen in micros.items():
            self.note(name, seen)

    async def time_async(self, calls: int, rows: dict[str, Callable[[int], Awaitable[Any]]]) -> None:
        for work in rows.values():
            for number in range(calls // 10):
                await work(-1 - number)
        micros: dict[str, list[float]] = {name: [] for name in rows}
        for turn in range(0, calls, TURN):
            for name, work in rows.items():
                for number in range(turn, turn + TURN):
                    begun = time.perf_counter_ns()
                    await work(number)
                    micros[name].append((time.perf_counter_ns() - begun) / 1000)
        for name, seen in micros.items():
            self.note(name, seen)

    def over(self, name: str, floor: str) -> float:
        """What ``name`` takes more than ``floor``: the median of the rounds."""
        pairs = zip(self.rounds[name], self.rounds[floor], strict=True)
        return statistics.median(mine[0] - least[0] for mine, least in pairs)

    def ratio(self, name: str, floor: str) -> float:
        pairs = zip(self.rounds[name], self.rounds[floor], strict=True)
        return statistics.median(mine[0] / least[0] for mine, least in pairs)

    def show(self) -> None:
        at_most = {"import lockgate": IMPORT, "exact hit": HIT, "exact hit, async": ASYNC_HIT}
        no_slower = {
            "openai SDK through lockgate": "bare openai SDK",
            "AsyncOpenAI through lockgate": "bare AsyncOpenAI",
        }
        print(f"{'':<36} {'p50':>9} {'p99':>9} {'over the':>10}  target")
        print(f"{'':<36} {'µs':>9} {'µs':>9} {'simulator':>10}")
        for name in self.rounds:
            median, worst = self.best(name)
            over, target = f"{'':>10}", ""
            if name in at_most:
                target = f"{at_most[name]:.0f} µs: {verdict(median <= at_most[name])}"
            elif not name.startswith(("import", "exact hit")):
                more = self.over(name, ASYNC_SIMULATOR if "sync" in name.lower() else SIMULATOR)
                over = f"{more:10.1f}"
                if name.startswith("native call"):
                    target = f"{OVERHEAD:.0f} µs over the simulator: {verdict(more <= OVERHEAD)}"
            if name in no_slower:
                share = self.ratio(name, no_slower[name])
                target = f"the bare SDK's time: {share:.3f} of it: {verdict(share <= 1.0)}"
            print(f"{name:<36} {median:>9.1f} {worst:>9.1f} {over}  {target}".rstrip())


def verdict(holds: bool) -> str:
    return "met" if holds else "MISSED"


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
        table.time(calls * 5, {"exact hit": lambda _: gateway.chat(**hit, **limits)})
        read = "exact hit, text read"
        table.time(calls * 5, {read: lambda _: gateway.chat(**hit, **limits).choices[0].message.content})

        with (
            httpx.Client() as http,
            openai.OpenAI(api_key="sk-bench", base_url=url) as sdk,
            openai.OpenAI(api_key=limits["key"], http_client=gateway.http_client()) as drop,
        ):
            table.time(
                calls,
                {
                    SIMULATOR: Wire(url).once,
                    "bare HTTP client": lambda n: http.post(chat_url, json=ask(f"a {n}")).json(),
                    "native call": lambda n: gateway.chat(**ask(f"d {number} {n}"), **limits),
                },
            )
            through = "openai SDK through lockgate"
            table.time(
                calls,
                {
                    "bare openai SDK": lambda n: sdk.chat.completions.create(**ask(f"b {n}")),
                    through: lambda n: drop.chat.completions.create(**ask(f"c {number} {n}")),
                },
            )

    asyncio.run(async_round_of(table, url, calls, number))


async def async_round_of(table: Table, url: str, calls: int, number: int) -> None:
    import lockgate

    openai = import_module("openai")
    async with lockgate.AsyncGateway(settings_for(url), environment={}) as gateway:
        await gateway.customers.set("bench", **CAP)
        limits = {"key": (await gateway.keys.create(customer="bench", **RATES)).secret}
        hit = ask("the same again")
        await gateway.chat(**hit, **limits)
        await table.time_async(calls * 5, {"exact hit, async": lambda _: gateway.chat(**hit, **limits)})
        wire = Wire(url)
        await table.time_async(
            calls,
            {
                ASYNC_SIMULATOR: wire.once_async,
                "native call, async": lambda n: gateway.chat(**ask(f"g {number} {n}"), **limits),
            },
        )
        http_client = gateway.async_http_client()
        async with (
            openai.AsyncOpenAI(api_key="sk-bench", base_url=url) as sdk,
            openai.AsyncOpenAI(api_key=limits["key"], http_client=http_client) as drop,
        ):
            through = "AsyncOpenAI through lockgate"
            await table.time_async(
                calls,
                {
                    "bare AsyncOpenAI": lambda n: sdk.chat.completions.create(**ask(f"e {n}")),
                    through: lambda n: drop.chat.completions.create(**ask(f"f {number} {n}")),
                },
            )


class Wire:
    """The simulator's own time: a bare socket that sends ready bytes and reads to the end of the answer."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def once(self, number: int) -> None:
        body = json.dumps(ask(f"z {number}")).encode()
        head = (
            f"POST {self.path}/chat/completions HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sk-bench\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode() + body)
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += self.socket.recv(65536)
        front, _, rest = seen.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in front.split(b"\r\n")[1:])
        missing = int(fields[b"content-length"]) - len(rest)
        while missing > 0:
            missing -= len(self.socket.recv(65536))

    async def once_async(self, number: int) -> None:
        self.once(number)


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
