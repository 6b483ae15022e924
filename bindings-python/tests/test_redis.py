"""Gateways that share their limits in Redis: this process, and servers beside it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lockgate
import pytest
from conftest import ask, programs, redis
from test_host import FORK, ok

SERVERS = 3
TASKS = 64
CUSTOMERS = 3
# What a request may cost at most, in nano-USD, is a few hundred times this: the caps are reached after some hundred.
CAPS = {"project": 60_000_000, "key": 50_000_000, "day": 18_000_000, "month": 17_000_000}
OUTPUT = 400


def usd(nano: int) -> str:
    return f"{nano / 1_000_000_000:.9f}"


class Redis:
    """A connection that reads; RESP by hand."""

    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=10)
        self.file = self.socket.makefile("rwb")

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def call(self, *words: str) -> Any:
        parts = [word.encode() for word in words]
        self.file.write(b"*%d\r\n" % len(parts))
        self.file.writelines(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.file.flush()
        return self.answer()

    def answer(self) -> Any:
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        assert kind in b"+:", line
        return rest.decode()

    def hash(self, key: str) -> dict[str, int]:
        """A window's counters."""
        flat = self.call("HGETALL", key)
        return {field: int(value) for field, value in zip(flat[::2], flat[1::2], strict=True)}

    def keys(self, pattern: str) -> list[str]:
        return self.call("KEYS", pattern)


class Server:
    """``lockgate serve`` on the same stores."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        folder.mkdir()
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items() if name != "providers"]
        for name, provider in settings["providers"].items():
            lines.append(f"[providers.{name}]\n")
            lines += [f"{field} = {json.dumps(value)}\n" for field, value in provider.items()]
        (folder / "lockgate.toml").write_text("".join(lines))
        self.process = subprocess.Popen(
            [programs() / "lockgate", "serve", "--listen", "127.0.0.1:0", "--json"],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server does not start"
        self.place = urlsplit(json.loads(line)["listen"])

    def ask(self, body: dict[str, Any], key: str, customer: str) -> int:
        connection = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=30)
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {key}",
            "x-customer-id": customer,
        }
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def end(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self.process.communicate()


def body(name: str, n: int) -> dict[str, Any]:
    return ask(f"{name} {n}", max_tokens=OUTPUT)


REFUSED = {402, 429}


async def in_process(settings: dict[str, Any], key: str, begin: Callable[[], None]) -> int:
    """This process's part: as many tasks as each server has callers. `begin` lets the others go when it is ready."""
    answered = 0
    async with lockgate.AsyncGateway(settings, environment={}) as gateway:

        async def task(caller: int) -> None:
            nonlocal answered
            refused = 0
            for n in range(10_000):
                customer = f"customer {(caller + n) % CUSTOMERS}"
                try:
                    await gateway.chat(**body(f"python {caller}", n), key=key, customer=customer)
                    answered += 1
                except (lockgate.SpendCapExceeded, lockgate.RateLimited):
                    refused += 1
                    if refused > 2 * CUSTOMERS:
                        return

        # It knows its callers before they come all at once.
        for n in range(CUSTOMERS):
            await gateway.chat(**body("python warm up", n), key=key, customer=f"customer {n}")
            answered += 1
        begin()
        await asyncio.gather(*(task(caller) for caller in range(TASKS)))
        assert await gateway.flush()
    return answered


def over_http(server: Server, name: str, key: str, caller: int) -> int:
    answered = refused = n = 0
    while refused <= 2 * CUSTOMERS:
        status = server.ask(body(f"{name} {caller}", n), key, f"customer {(caller + n) % CUSTOMERS}")
        assert status == 200 or status in REFUSED, status
        answered, refused, n = answered + (status == 200), refused + (status in REFUSED), n + 1
    return answered


def over_a_cap(window: dict[str, int], caps: dict[str, int]) -> list[str]:
    """What is settled and reserved together above a cap."""
    found = []
    for field in {name.removeprefix("r") for name in window if name != "seeded"}:
        cap = caps[field[0]]
        held = window.get(field, 0) + window.get(f"r{field}", 0)
        if held > cap:
            found.append(f"{field}: {held} of {cap}")
    return found


@pytest.mark.parametrize("variable", ["LOCKGATE_TEST_REDIS", "LOCKGATE_TEST_REDIS_CLUSTER"])
def test_four_processes_never_pass_a_cap(variable, simulator, postgres, tmp_path):
    """Three servers and this process, 64 callers each, on four scopes."""
    cluster = variable.endswith("CLUSTER")
    limits = {**redis(), "redis": os.environ[variable]}

    def settings(name: str) -> dict[str, Any]:
        return simulator.settings(
            **{"store": postgres, "state_dir": str(tmp_path / f"{name} spool"), **limits}
        )

    with lockgate.Gateway(settings("admin"), environment={}) as admin:
        admin.projects.set(monthly_cap=usd(CAPS["project"]))
        key = admin.keys.create(name="race", monthly_cap=usd(CAPS["key"])).secret
        for n in range(CUSTOMERS):
            caps = {"daily_cap": usd(CAPS["day"]), "monthly_cap": usd(CAPS["month"])}
            admin.customers.set(f"customer {n}", **caps)
        # The counters are there from here on.
        admin.chat(**body("warm up", 0), key=key, customer="customer 0")
        assert admin.flush()

        servers = [Server(tmp_path / f"server {n}", settings(f"server {n}")) for n in range(SERVERS)]
        for number, server in enumerate(servers):
            for n in range(CUSTOMERS):
                assert server.ask(body(f"warm up {number}", n), key, f"customer {n}") == 200
        wrong: list[str] = []
        looks = busiest = 0
        done = threading.Event()

        def look() -> None:
            nonlocal looks, busiest
            with Redis(place) as eyes:
                windows = eyes.keys(f"{limits['redis_prefix']}*:spend:*")
                assert len(windows) == 2, windows
                while not done.is_set():
                    for name in windows:
                        # A day has 8 digits, a month 6.
                        of_day = len(name.rpartition(":")[2]) == 8
                        customer = CAPS["day" if of_day else "month"]
                        caps = {"p": CAPS["project"], "k": CAPS["key"], "c": customer}
                        window = eyes.hash(name)
                        wrong.extend(over_a_cap(window, caps))
                        busiest = max(busiest, window.get("rp", 0))
                    looks += 1
                    time.sleep(0.001)

        place = holder(limits["redis"], limits["redis_prefix"]) if cluster else limits["redis"]
        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            with ThreadPoolExecutor(SERVERS * TASKS) as pool:
                callers: list[Future[int]] = []

                def begin() -> None:
                    all_at_once = [(n, caller) for n in range(SERVERS) for caller in range(TASKS)]
                    random.shuffle(all_at_once)
                    for n, caller in all_at_once:
                        callers.append(pool.submit(over_http, servers[n], f"server {n}", key, caller))

                here = asyncio.run(in_process(settings("python"), key, begin))
                there = sum(caller.result() for caller in callers)
        finally:
            done.set()
            watcher.join()
            codes = [server.end() for server in servers]
        assert codes == [0] * SERVERS
        assert not wrong, wrong[:5]
        assert min(here, there, busiest, looks - 20) > 0, (here, there, busiest, looks)

        (total,) = admin.usage()
        assert admin.inspect().open == 0
        assert spent(place, limits["redis_prefix"]) == total.cost
        assert total.requests == here + there + 1 + SERVERS * CUSTOMERS
        by_customer = {line.group: line.cost for line in admin.usage(by="customer")}
        # Nobody stopped long before a cap: what one request may take at most is what is left.
        assert max(by_customer.values()) > CAPS["month"] / 2, by_customer
        assert all(cost <= CAPS["month"] for cost in by_customer.values())


def spent(place: str, prefix: str) -> int:
    """What Redis has settled this month; nothing is reserved."""
    with Redis(place) as eyes:
        windows = {name: eyes.hash(name) for name in eyes.keys(f"{prefix}*:spend:*")}
    reserved = [f"{name} {field}" for name, window in windows.items() for field in window if field[0] == "r"]
    assert reserved == []
    (month,) = [window for name, window in windows.items() if len(name.rpartition(":")[2]) == 6]
    return month["p"]


def holder(address: str, prefix: str) -> str:
    """The node of a cluster that has the keys of ``prefix``."""
    first = address.removeprefix("redis-cluster://").partition(",")[0]
    with Redis(f"redis://{first}") as eyes:
        nodes = [line.split()[1].partition("@")[0] for line in eyes.call("CLUSTER", "NODES").splitlines()]
    for node in nodes:
        with Redis(f"redis://{node}") as eyes:
            if eyes.keys(f"{prefix}*:spend:*"):
                return f"redis://{node}"
    raise AssertionError("no node has the counters")


def test_a_revoked_key_is_refused_here_and_by_a_server(simulator, postgres, tmp_path):
    limits = redis()

    def settings(name: str) -> dict[str, Any]:
        return simulator.settings(**{"store": postgres, "state_dir": str(tmp_path / name), **limits})

    server = Server(tmp_path / "server", settings("server spool"))
    try:
        with lockgate.Gateway(settings("python spool"), environment={}) as gateway:
            for n in range(3):
                key = gateway.keys.create(name="app")
                assert server.ask(ask(f"Hello {n}"), key.secret, "ann") == 200
                assert gateway.chat(**ask(f"Hello {n}"), key=key.secret).lockgate.cache == "exact"
                gateway.keys.revoke(key.id)
                assert server.ask(ask("Again"), key.secret, "ann") == 401
                with pytest.raises(lockgate.Unauthorized):
                    gateway.chat(**ask("Again"), key=key.secret)
    finally:
        assert server.end() == 0


def test_a_forked_child_counts_with_its_parent(child, postgres, tmp_path):
    script = (
        FORK
        + """
gateway = lockgate.Gateway(SETTINGS)
chat("parent")
def work():
    chat("child")
    assert gateway.flush()
    assert gateway.inspect().open == 0
codes = [forked(work) for _ in range(3)]
assert codes == [0, 0, 0], codes
chat("parent again")
assert gateway.flush()
assert gateway.inspect().open == 0
(total,) = gateway.usage()
print(total.requests, total.cost)
"""
    )
    limits = redis()
    settings = {"store": postgres, "state_dir": str(tmp_path / "spool"), **limits}
    requests, cost = ok(child(script, **settings)).split()
    # What one child was answered, the others were, too.
    assert requests == "5"
    assert spent(limits["redis"], limits["redis_prefix"]) == int(cost)


def test_what_cannot_be_is_said_without_the_password(simulator, postgres, tmp_path):
    place = {"store": postgres, "state_dir": str(tmp_path / "spool")}
    wrong = [
        ({**place, "redis": "redis://app:s3cret@127.0.0.1:9"}, "cannot be reached"),
        ({**place, "redis": "http://app:s3cret@127.0.0.1:9"}, "redis://"),
        ({"store": "memory", "redis": "redis://app:s3cret@127.0.0.1:9"}, "postgres://"),
    ]
    for given, said in wrong:
        with pytest.raises(lockgate.ConfigError, match=said) as caught:
            lockgate.Gateway(simulator.settings(**given), environment={})
        error: BaseException | None = caught.value
        while error is not None:
            assert "s3cret" not in f"{error!r} {error}"
            error = error.__cause__
