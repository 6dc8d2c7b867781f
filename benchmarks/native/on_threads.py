"""The work of the scenarios, written by hand for threads.

python -m benchmarks.native.on_threads SCENARIO [NAME=VALUE ...]

Functions are coroutines only because the frame awaits them: a thread of its own runs plain functions.
"""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from . import work
from .work import Pass, Result, Role, Sizes


def _run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _thread(target: Callable[..., object], *args: Any) -> threading.Thread:
    return threading.Thread(target=target, args=args, daemon=True)


async def channel(sizes: Sizes) -> Pass:
    """Pass items through a `queue.Queue`."""
    fifo: queue.Queue[int] = queue.Queue(sizes["capacity"])
    taken: list[int] = []
    start_ns = perf_counter_ns()
    _run_all([_thread(_consume, fifo, sizes["items"], taken), _thread(_produce, fifo, sizes["items"])])
    return Pass(perf_counter_ns() - start_ns, len(taken))


def _produce(fifo: queue.Queue[int], items: int) -> None:
    put = fifo.put
    for item in range(items):
        put(item)


def _consume(fifo: queue.Queue[int], items: int, taken: list[int]) -> None:
    get, append = fifo.get, taken.append
    for _ in range(items):
        append(get())


async def bridge(sizes: Sizes) -> Pass:
    """Hand items over to this thread through a `queue.Queue`."""
    fifo: queue.Queue[int] = queue.Queue()
    taken: list[int] = []
    start_ns = perf_counter_ns()
    threads = work.start_threads(lambda count: _produce(fifo, count), sizes)
    _consume(fifo, sizes["hand_overs"], taken)
    for thread in threads:
        thread.join()
    return Pass(perf_counter_ns() - start_ns, len(taken))


async def switch(sizes: Sizes) -> Pass:
    """Let threads yield to each other."""
    done = [0] * sizes["tasks"]
    go = threading.Event()
    threads = [_thread(_yield_often, index, sizes["yields"], go, done) for index in range(sizes["tasks"])]
    for thread in threads:
        thread.start()
    os.sched_yield()
    start_ns = perf_counter_ns()
    go.set()
    for thread in threads:
        thread.join()
    return Pass(perf_counter_ns() - start_ns, sum(done))


def _yield_often(index: int, yields: int, go: threading.Event, done: list[int]) -> None:
    sched_yield = os.sched_yield
    go.wait()
    for _ in range(yields):
        sched_yield()
    done[index] += yields


async def children(sizes: Sizes) -> Pass:
    """Start programs, a batch at a time, and wait for each in a thread."""
    ended = 0
    start_ns = perf_counter_ns()
    for _ in range(sizes["batches"]):
        batch = [
            subprocess.Popen(  # noqa: ASYNC220 - a program of threads blocks
                ["true"], bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
            )
            for _ in range(sizes["at_once"])
        ]
        threads = [_thread(child.communicate) for child in batch]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended += work.require_success([child.returncode for child in batch])
    return Pass(perf_counter_ns() - start_ns, ended)


async def timeout_select(sizes: Sizes) -> Pass:
    """Get the items that are there with a time-out."""
    fifo: queue.Queue[int] = queue.Queue()
    duration_ns = won = 0
    for batch in work.batches(sizes["races"]):
        for item in batch:
            fifo.put(item)
        start_ns = perf_counter_ns()
        delivered = _race_ready(fifo, len(batch))
        os.sched_yield()
        duration_ns += perf_counter_ns() - start_ns
        won += len(delivered)
    return Pass(duration_ns, won)


def _race_ready(fifo: queue.Queue[int], races: int) -> list[int]:
    get = fifo.get
    delivered: list[int] = []
    for _ in range(races):
        try:
            delivered.append(get(timeout=work.FAR))
        except queue.Empty:
            continue
    return delivered


# --- storm ---


async def storm_server(sizes: Sizes) -> Result:
    """Answer every connection of the burst, a thread each."""
    answered: list[int] = []

    def attend(client: socket.socket) -> None:
        with client:
            request = _read_to_end(client, sizes["payload"] + 1)
            client.sendall(work.make_reply(request))
        answered.append(len(request))

    with socket.create_server((work.HOST, 0), backlog=sizes["backlog"]) as listener:
        work.announce(listener.getsockname()[1])
        threads = []
        for _ in range(sizes["connections"]):
            threads.append(_thread(attend, listener.accept()[0]))
            threads[-1].start()
        for thread in threads:
            thread.join()
    return Result([], {"connections answered": len(answered)})


async def storm_client(sizes: Sizes) -> Result:
    """Open the connections of a burst, a thread each."""
    ledger = work.Ledger(sizes["connections"])
    _run_all([_thread(_connect, index, sizes, ledger) for index in range(sizes["connections"])])
    return ledger.result()


def _connect(index: int, sizes: Sizes, ledger: work.Ledger) -> None:
    ledger.start(index)
    try:
        request = work.make_request(index, sizes)
        with socket.create_connection((work.HOST, sizes["port"]), timeout=work.TIMEOUT) as sock:
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            reply = _read_to_end(sock, sizes["payload"] + 1)
            done_ns = perf_counter_ns()
        ending = ledger.take(index, request, reply, done_ns)
    except OSError as exc:  # a TimeoutError as well
        ending = type(exc).__name__
    ledger.end(index, ending)


def _read_to_end(sock: socket.socket, at_once: int) -> bytes:
    parts = []
    while part := sock.recv(at_once):
        parts.append(part)
    return b"".join(parts)


# --- sink ---


async def sink_server(sizes: Sizes) -> Result:
    """Read one stream to its end, check it and return its length."""
    check = work.Check(sizes["chunk"])
    with socket.create_server((work.HOST, 0)) as listener:
        work.announce(listener.getsockname()[1])
        client, _ = listener.accept()
        with client:
            recv = client.recv
            while data := recv(work.READ_BYTES):
                check.take(data)
            client.sendall(check.received.to_bytes(work.COUNT_BYTES, "big"))
    return Result([], {"bytes received": check.received})


async def sink_client(sizes: Sizes) -> Result:
    """Send a stream and its end, and wait for the reply."""
    chunks, laps = work.make_chunks(sizes["chunk"]), work.count_laps(sizes)
    with socket.create_connection((work.HOST, sizes["port"])) as sock:
        sendall = sock.sendall
        start_ns = perf_counter_ns()
        for _ in range(laps):
            for chunk in chunks:
                sendall(chunk)
        sock.shutdown(socket.SHUT_WR)
        reply = _read_to_end(sock, work.COUNT_BYTES + 1)
        duration_ns = perf_counter_ns() - start_ns
    return work.stream_result(sizes, duration_ns, reply)


# --- the program ---

PROGRAMS = work.make_programs(
    channel=channel,
    bridge=bridge,
    switch=switch,
    timeout_select=timeout_select,
    children=children,
    storm=(storm_client, storm_server),
    sink=(sink_client, sink_server),
)


def run(role: Role, sizes: Sizes) -> Result:
    """Run a role in the main thread."""
    try:
        work.run_settled(role, sizes).send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise AssertionError("nothing here waits for anything but threads")


if __name__ == "__main__":
    work.run_program("benchmarks.native.on_threads", PROGRAMS, run)
