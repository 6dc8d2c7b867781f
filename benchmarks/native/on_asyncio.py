"""The work of the scenarios, written by hand for asyncio.

python -m benchmarks.native.on_asyncio SCENARIO [NAME=VALUE ...]
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from . import work
from .work import Pass, Result, Role, Sizes


async def channel(sizes: Sizes) -> Pass:
    """Pass items through an `asyncio.Queue`."""
    queue: asyncio.Queue[int] = asyncio.Queue(sizes["capacity"])
    taken: list[int] = []
    start_ns = perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        group.create_task(_consume(queue, sizes["items"], taken))
        group.create_task(_produce(queue, sizes["items"]))
    return Pass(perf_counter_ns() - start_ns, len(taken))


async def _produce(queue: asyncio.Queue[int], items: int) -> None:
    put = queue.put
    for item in range(items):
        await put(item)


async def _consume(queue: asyncio.Queue[int], items: int, taken: list[int]) -> None:
    get, append = queue.get, taken.append
    for _ in range(items):
        append(await get())


async def bridge(sizes: Sizes) -> Pass:
    """Hand items over from threads with `call_soon_threadsafe`."""
    loop, fifo = asyncio.get_running_loop(), asyncio.Queue[int]()
    taken: list[int] = []

    def put_all(count: int) -> None:
        call_soon, put = loop.call_soon_threadsafe, fifo.put_nowait
        for item in range(count):
            call_soon(put, item)

    start_ns = perf_counter_ns()
    threads = work.start_threads(put_all, sizes)
    await _consume(fifo, sizes["hand_overs"], taken)
    for thread in threads:
        thread.join()
    return Pass(perf_counter_ns() - start_ns, len(taken))


async def switch(sizes: Sizes) -> Pass:
    """Let tasks yield to each other."""
    done = [0] * sizes["tasks"]
    go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for index in range(sizes["tasks"]):
            group.create_task(_yield_often(index, sizes["yields"], go, done))
        await asyncio.sleep(0)  # the tasks start, and wait
        start_ns = perf_counter_ns()
        go.set()
    return Pass(perf_counter_ns() - start_ns, sum(done))


async def _yield_often(index: int, yields: int, go: asyncio.Event, done: list[int]) -> None:
    sleep = asyncio.sleep
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
            await asyncio.create_subprocess_exec("true", stdin=DEVNULL, stdout=PIPE) for _ in range(sizes["at_once"])
        ]
        async with asyncio.TaskGroup() as group:
            for child in batch:
                group.create_task(child.communicate())
        ended += work.require_success([child.returncode for child in batch])
    return Pass(perf_counter_ns() - start_ns, ended)


async def timeout_select(sizes: Sizes) -> Pass:
    """Get the items that are there within an `asyncio.timeout`."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    duration_ns = won = 0
    for batch in work.batches(sizes["races"]):
        for item in batch:
            await queue.put(item)
        start_ns = perf_counter_ns()
        delivered = await _race_ready(queue, len(batch))
        await asyncio.sleep(0)
        duration_ns += perf_counter_ns() - start_ns
        won += len(delivered)
    return Pass(duration_ns, won)


async def _race_ready(queue: asyncio.Queue[int], races: int) -> list[int]:
    timeout, get = asyncio.timeout, queue.get
    delivered: list[int] = []
    for _ in range(races):
        try:
            async with timeout(work.FAR):
                delivered.append(await get())
        except TimeoutError:
            continue
    return delivered


# --- storm ---


async def storm_server(sizes: Sizes) -> Result:
    """Answer every connection of the burst with `asyncio.start_server`."""
    answered: list[int] = []
    all_answered = asyncio.Event()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await work.read_to_end(reader.read, sizes["payload"] + 1)
        writer.write(work.make_reply(request))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        answered.append(len(request))
        if len(answered) == sizes["connections"]:
            all_answered.set()

    server = await asyncio.start_server(attend, work.HOST, 0, backlog=sizes["backlog"])
    work.announce(server.sockets[0].getsockname()[1])
    await all_answered.wait()
    server.close()
    return Result([], {"connections answered": len(answered)})


async def storm_client(sizes: Sizes) -> Result:
    """Open the connections of a burst, a task each."""
    ledger = work.Ledger(sizes["connections"])
    async with asyncio.TaskGroup() as group:
        for index in range(sizes["connections"]):
            group.create_task(_connect(index, sizes, ledger))
    return ledger.result()


async def _connect(index: int, sizes: Sizes, ledger: work.Ledger) -> None:
    ledger.start(index)
    try:
        async with asyncio.timeout(work.TIMEOUT):
            request = work.make_request(index, sizes)
            reader, writer = await asyncio.open_connection(work.HOST, sizes["port"])
            try:
                writer.write(request)
                await writer.drain()
                writer.write_eof()
                reply = await work.read_to_end(reader.read, sizes["payload"] + 1)
                done_ns = perf_counter_ns()
            finally:
                writer.close()
                await writer.wait_closed()
        ending = ledger.take(index, request, reply, done_ns)
    except OSError as exc:  # a TimeoutError as well
        ending = type(exc).__name__
    ledger.end(index, ending)


# --- sink ---


async def sink_server(sizes: Sizes) -> Result:
    """Read one stream to its end, check it and return its length."""
    check = work.Check(sizes["chunk"])
    ended = asyncio.Event()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read = reader.read
        while data := await read(work.READ_BYTES):
            check.take(data)
        writer.write(check.received.to_bytes(work.COUNT_BYTES, "big"))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(attend, work.HOST, 0)
    work.announce(server.sockets[0].getsockname()[1])
    await ended.wait()
    server.close()
    return Result([], {"bytes received": check.received})


async def sink_client(sizes: Sizes) -> Result:
    """Send a stream and its end, and wait for the reply."""
    chunks, laps = work.make_chunks(sizes["chunk"]), work.count_laps(sizes)
    reader, writer = await asyncio.open_connection(work.HOST, sizes["port"])
    write, drain = writer.write, writer.drain
    start_ns = perf_counter_ns()
    for _ in range(laps):
        for chunk in chunks:
            write(chunk)
            await drain()
    writer.write_eof()
    reply = await work.read_to_end(reader.read, work.COUNT_BYTES + 1)
    duration_ns = perf_counter_ns() - start_ns
    writer.close()
    await writer.wait_closed()
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


def run(role: Role, sizes: Sizes, loop_factory: Callable[[], Any] | None = None) -> Result:
    """Run a role on a loop."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(work.run_settled(role, sizes))


if __name__ == "__main__":
    work.run_program("benchmarks.native.on_asyncio", PROGRAMS, run)
