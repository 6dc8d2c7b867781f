"""The work of the scenarios, written by hand for curio.

python -m benchmarks.native.on_curio SCENARIO [NAME=VALUE ...]
"""

from __future__ import annotations

import socket
from time import perf_counter_ns
from typing import Any

import curio
from curio import subprocess
from curio.network import run_server

from . import work
from .work import Pass, Result, Role, Sizes


async def channel(sizes: Sizes) -> Pass:
    """Pass items through a `curio.Queue`."""
    queue = curio.Queue(sizes["capacity"])
    taken: list[int] = []
    start_ns = perf_counter_ns()
    async with curio.TaskGroup() as group:
        await group.spawn(_consume, queue, sizes["items"], taken)
        await group.spawn(_produce, queue, sizes["items"])
    return Pass(perf_counter_ns() - start_ns, len(taken))


async def _produce(queue: Any, items: int) -> None:
    put = queue.put
    for item in range(items):
        await put(item)


async def _consume(queue: Any, items: int, taken: list[int]) -> None:
    get, append = queue.get, taken.append
    for _ in range(items):
        append(await get())


async def bridge(sizes: Sizes) -> Pass:
    """Hand items over from threads through a `curio.UniversalQueue`."""
    fifo = curio.UniversalQueue()
    taken: list[int] = []

    def put_all(count: int) -> None:
        put = fifo.put
        for item in range(count):
            put(item)

    start_ns = perf_counter_ns()
    threads = work.start_threads(put_all, sizes)
    await _consume(fifo, sizes["hand_overs"], taken)
    for thread in threads:
        thread.join()
    return Pass(perf_counter_ns() - start_ns, len(taken))


async def switch(sizes: Sizes) -> Pass:
    """Let tasks yield to each other."""
    done = [0] * sizes["tasks"]
    go = curio.Event()
    async with curio.TaskGroup() as group:
        for index in range(sizes["tasks"]):
            await group.spawn(_yield_often, index, sizes["yields"], go, done)
        await curio.sleep(0)  # the tasks start, and wait
        start_ns = perf_counter_ns()
        await go.set()
    return Pass(perf_counter_ns() - start_ns, sum(done))


async def _yield_often(index: int, yields: int, go: Any, done: list[int]) -> None:
    sleep = curio.sleep
    await go.wait()
    for _ in range(yields):
        await sleep(0)
    done[index] += yields


async def children(sizes: Sizes) -> Pass:
    """Start programs, a batch at a time, and wait for the batch."""
    ended = 0
    start_ns = perf_counter_ns()
    for _ in range(sizes["batches"]):
        batch = [
            subprocess.Popen(["true"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            for _ in range(sizes["at_once"])
        ]
        async with curio.TaskGroup() as group:
            for child in batch:
                await group.spawn(_read_and_wait, child)
        ended += work.require_success([child.poll() for child in batch])
    return Pass(perf_counter_ns() - start_ns, ended)


async def _read_and_wait(child: Any) -> None:
    await child.communicate()
    await child.stdout.close()
    await child.wait()


async def timeout_select(sizes: Sizes) -> Pass:
    """Get the items that are there within a `curio.timeout_after`."""
    queue = curio.Queue()
    duration_ns = won = 0
    for batch in work.batches(sizes["races"]):
        for item in batch:
            await queue.put(item)
        start_ns = perf_counter_ns()
        delivered = await _race_ready(queue, len(batch))
        await curio.sleep(0)
        duration_ns += perf_counter_ns() - start_ns
        won += len(delivered)
    return Pass(duration_ns, won)


async def _race_ready(queue: Any, races: int) -> list[int]:
    timeout_after, get = curio.timeout_after, queue.get
    delivered: list[int] = []
    for _ in range(races):
        async with timeout_after(work.FAR):
            delivered.append(await get())
    return delivered


# --- storm ---


async def storm_server(sizes: Sizes) -> Result:
    """Answer every connection of the burst with curio's `run_server`."""
    answered: list[int] = []
    all_answered = curio.Event()

    async def attend(client: Any, _address: object) -> None:
        request = await work.read_to_end(client.recv, sizes["payload"] + 1)
        await client.sendall(work.make_reply(request))
        await client.close()
        answered.append(len(request))
        if len(answered) == sizes["connections"]:
            await all_answered.set()

    listener = curio.tcp_server_socket(work.HOST, 0, backlog=sizes["backlog"])
    work.announce(listener.getsockname()[1])
    server = await curio.spawn(run_server, listener, attend)
    await all_answered.wait()
    await server.cancel()
    return Result([], {"connections answered": len(answered)})


async def storm_client(sizes: Sizes) -> Result:
    """Open the connections of a burst, a task each."""
    ledger = work.Ledger(sizes["connections"])
    async with curio.TaskGroup() as group:
        for index in range(sizes["connections"]):
            await group.spawn(_connect, index, sizes, ledger)
    return ledger.result()


async def _connect(index: int, sizes: Sizes, ledger: work.Ledger) -> None:
    ledger.start(index)
    try:
        async with curio.timeout_after(work.TIMEOUT):
            request = work.make_request(index, sizes)
            sock = await curio.open_connection(work.HOST, sizes["port"])
            try:
                await sock.sendall(request)
                await sock.shutdown(socket.SHUT_WR)
                reply = await work.read_to_end(sock.recv, sizes["payload"] + 1)
                done_ns = perf_counter_ns()
            finally:
                await sock.close()
        ending = ledger.take(index, request, reply, done_ns)
    except (curio.TaskTimeout, OSError) as exc:
        ending = type(exc).__name__
    ledger.end(index, ending)


# --- sink ---


async def sink_server(sizes: Sizes) -> Result:
    """Read one stream to its end, check it and return its length."""
    check = work.Check(sizes["chunk"])
    listener = curio.tcp_server_socket(work.HOST, 0)
    async with listener:
        work.announce(listener.getsockname()[1])
        client, _ = await listener.accept()
        async with client:
            recv = client.recv
            while data := await recv(work.READ_BYTES):
                check.take(data)
            await client.sendall(check.received.to_bytes(work.COUNT_BYTES, "big"))
    return Result([], {"bytes received": check.received})


async def sink_client(sizes: Sizes) -> Result:
    """Send a stream and its end, and wait for the reply."""
    chunks, laps = work.make_chunks(sizes["chunk"]), work.count_laps(sizes)
    sock = await curio.open_connection(work.HOST, sizes["port"])
    async with sock:
        sendall = sock.sendall
        start_ns = perf_counter_ns()
        for _ in range(laps):
            for chunk in chunks:
                await sendall(chunk)
        await sock.shutdown(socket.SHUT_WR)
        reply = await work.read_to_end(sock.recv, work.COUNT_BYTES + 1)
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
    """Run a role in a `curio.Kernel`."""
    result: Result = curio.run(work.run_settled, role, sizes)
    return result


if __name__ == "__main__":
    work.run_program("benchmarks.native.on_curio", PROGRAMS, run)
