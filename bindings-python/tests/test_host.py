"""A guest in somebody else's process: import, fork, threads, the end of the interpreter."""

from __future__ import annotations

import lockgate


def ok(done) -> str:
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def test_import_opens_nothing_and_starts_nothing(child):
    script = """
    import sys, threading, subprocess, os
    program = '''
    import sys
    seen = []
    def hook(event, arguments):
        if event.startswith("socket"):
            seen.append(event)
        if event == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so", ".pyi")):
            seen.append(arguments[0])
    import os, atexit, weakref, typing, collections.abc
    before = set(sys.modules)
    sys.addaudithook(hook)
    import lockgate
    heavy = {"asyncio", "httpx", "httpx2", "openai", "pydantic", "ssl", "socket"} & set(sys.modules)
    assert not seen and not heavy, (seen, heavy)
    assert len(os.listdir("/proc/self/task")) == 1, "no thread either"
    '''
    import textwrap
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, env=env)
    """
    ok(child(script))


def test_leaving_with_streams_and_calls_open(child, simulator):
    simulator.script({"kind": "stall", "after_events": 3, "times": 6})
    script = """
    import asyncio, threading
    gateway = lockgate.Gateway(SETTINGS)
    ask = lambda n: dict(model="gpt-4o-mini", messages=[{"role": "user", "content": f"count to 50 {n}"}])
    streams = [gateway.chat(**ask(n), stream=True) for n in range(2)]
    for stream in streams:
        next(stream)
    begun = threading.Semaphore(0)
    def block(n):
        stream = gateway.chat(**ask(n), stream=True)
        next(stream)
        begun.release()
        list(stream)
    for n in range(2, 5):
        threading.Thread(target=block, args=(n,), daemon=True).start()
    for _ in range(3):
        begun.acquire()
    async def leave():
        stream = await lockgate.AsyncGateway(SETTINGS).chat(**ask(9), stream=True)
        await stream.__anext__()
        return stream
    kept = asyncio.run(leave())
    print("end", flush=True)
    """
    assert ok(child(script, store="memory")) == "end"
    assert [request["outcome"] for request in simulator.settled(6)] == ["aborted"] * 6


def test_what_is_settled_at_exit_is_in_the_ledger(child, tmp_path):
    store = f"sqlite://{tmp_path / 'ledger.db'}"
    script = """
    gateway = lockgate.Gateway(SETTINGS)
    gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
    next(gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": "count to 500"}], stream=True))
    """
    ok(child(script, store=store))
    with lockgate.Gateway(store=store, environment={}) as gateway:
        (total,) = gateway.usage()
    assert total.requests == 2
    assert total.cost > 0


def test_ctrl_c_ends_a_waiting_call(child, simulator):
    simulator.script({"kind": "stall", "stage": "headers"})
    script = """
    import os, signal, threading
    gateway = lockgate.Gateway(SETTINGS)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
    except KeyboardInterrupt:
        gateway.flush()
        print("interrupted", gateway.inspect().open)
    """
    assert ok(child(script)) == "interrupted 0"
    assert simulator.settled(1)[0]["outcome"] == "aborted"


FORK = """
import os, sys
def chat(n):
    return gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": f"Hello {n}"}])
def forked(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            cause = error.__cause__
            print("child:", repr(error), repr(cause), repr(getattr(cause, "__cause__", None)), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def test_a_child_builds_its_own_in_memory(child):
    script = (
        FORK
        + """
gateway = lockgate.Gateway(SETTINGS)
stream = gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": "count to 500"}], stream=True)
next(stream)
chat("parent")
def work():
    chat("child")
    (total,) = gateway.usage()
    assert gateway.flush() and total.requests <= 1
    try:
        list(stream)
    except RuntimeError:
        pass
    else:
        raise AssertionError("a stream of the parent's")
    del globals()["stream"], globals()["gateway"]
codes = [forked(work) for _ in range(3)]
assert codes == [0, 0, 0], codes
assert len(list(stream)) > 100, "the parent's stream goes on"
print(gateway.flush(), gateway.usage()[0].requests)
"""
    )
    assert ok(child(script)) == "True 2"


def test_a_child_cannot_have_its_parent_s_store(child, tmp_path):
    script = (
        FORK
        + """
gateway = lockgate.Gateway(SETTINGS)
chat("parent")
def work():
    try:
        chat("child")
    except lockgate.ConfigError as error:
        assert "shared" in str(error), error
    else:
        raise AssertionError("two owners")
assert forked(work) == 0
chat("parent again")
print(gateway.flush())
"""
    )
    assert ok(child(script, store=f"sqlite://{tmp_path / 'own.db'}")) == "True"


def test_children_share_a_store(child, tmp_path):
    script = (
        FORK
        + """
gateway = lockgate.Gateway(SETTINGS)
chat("parent")
def work():
    for n in range(3):
        chat((os.getpid(), n))
    assert gateway.close()
codes = [forked(work) for _ in range(3)]
assert codes == [0, 0, 0], codes
chat("parent again")
assert gateway.flush()
print(gateway.usage()[0].requests)
"""
    )
    assert ok(child(script, store=f"sqlite://{tmp_path / 'shared.db'}", shared=True)) == "11"


def test_a_fork_with_calls_under_way_on_a_shared_store(child, simulator, tmp_path):
    """SQLite is in use there: the child is told so, and the parent goes on."""
    simulator.script({"kind": "stall", "stage": "headers", "ms": 1000})
    script = (
        FORK
        + """
import threading, time
gateway = lockgate.Gateway(SETTINGS)
answers = []
waiting = threading.Thread(target=lambda: answers.append(chat("under way")))
waiting.start()
while not gateway.inspect().open:
    time.sleep(0.001)
def refused(make):
    try:
        make()
    except lockgate.ConfigError as error:
        assert error.param == "store" and "under way" in str(error), error
    else:
        raise AssertionError("SQLite is used on both sides of a fork")
def work():
    refused(lambda: chat("child"))
    refused(lambda: lockgate.Gateway(SETTINGS))
    other = lockgate.Gateway({**SETTINGS, "store": "memory", "shared": False})
    other.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": "child"}])
    other.close()
codes = [forked(work) for _ in range(3)]
assert codes == [0, 0, 0], codes
waiting.join()
chat("parent again")
assert gateway.flush() and not gateway.inspect().open
print(len(answers), gateway.usage()[0].requests)
"""
    )
    assert ok(child(script, store=f"sqlite://{tmp_path / 'shared.db'}", shared=True)) == "1 2"


def test_forks_amid_calls(child):
    """Threads call all the time, and the runtime's own thread is busy: no child hangs, whatever it was forked from."""
    script = (
        FORK
        + """
import threading
gateway = lockgate.Gateway(SETTINGS)
running = True
def keep_on(thread):
    number = 0
    while running:
        chat((thread, number))
        number += 1
threads = [threading.Thread(target=keep_on, args=(n,)) for n in range(3)]
for thread in threads:
    thread.start()
def work():
    chat("child")
    assert gateway.flush() and gateway.usage()[0].requests == 1
    gateway.close()
codes = [forked(work) for _ in range(20)]
running = False
for thread in threads:
    thread.join()
assert codes == [0] * 20, codes
assert gateway.flush() and not gateway.inspect().open
print("fine")
"""
    )
    assert ok(child(script, seconds=60)) == "fine"


def test_multiprocessing(child, tmp_path):
    script = """
    import multiprocessing
    gateway = lockgate.Gateway(SETTINGS)
    def work(n):
        return gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": f"Hello {n}"}]).model
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(len(pool.map(work, range(6))))
    """
    assert ok(child(script)) == "6"


def test_processes_of_multiprocessing_keep_one_book(child, tmp_path):
    """They end without the interpreter's exit handlers; what they settled is written all the same."""
    script = """
    import multiprocessing
    gateway = lockgate.Gateway(SETTINGS)
    def work(n):
        gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": f"Hello {n}"}])
        stream = gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": f"count {n}"}], stream=True)
        next(stream)
    work("parent")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(n,)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0, process.exitcode
    assert gateway.flush()
    print(gateway.usage()[0].requests, gateway.inspect().open)
    """
    assert ok(child(script, store=f"sqlite://{tmp_path / 'shared.db'}", shared=True)) == "8 0"


def test_fork_within_an_event_loop(child):
    script = """
    import asyncio, os
    gateway = lockgate.AsyncGateway(SETTINGS)
    async def chat(n):
        return await gateway.chat(model="gpt-4o-mini", messages=[{"role": "user", "content": f"Hello {n}"}])
    asyncio.run(chat(0))
    pid = os.fork()
    if pid == 0:
        asyncio.run(chat(1))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    asyncio.run(chat(2))
    print("fine")
    """
    assert ok(child(script)) == "fine"


def test_a_loop_that_watches_no_pipes(child):
    script = """
    import asyncio
    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, fd, *rest):
            if not isinstance(fd, int) or fd > 0 and rest and "Hub" in repr(rest):
                raise NotImplementedError
            return super().add_reader(fd, *rest)
    async def main():
        gateway = lockgate.AsyncGateway(SETTINGS)
        ask = dict(model="gpt-4o-mini", messages=[{"role": "user", "content": "count to 500"}])
        assert (await gateway.chat(**ask)).choices
        ask["messages"][0]["content"] = "count to 501"
        try:
            await asyncio.wait_for(gateway.chat(**ask, cache="off"), 0.0001)
        except asyncio.TimeoutError:
            pass
        while (await gateway.inspect()).open:
            await asyncio.sleep(0.01)
        print("fine")
    loop = Loop()
    loop.run_until_complete(main())
    loop.close()
    """
    assert ok(child(script)) == "fine"
