"""The work of the scenarios, written by hand for trio.

python -m benchmarks.native.on_trio SCENARIO [NAME=VALUE ...]
"""

from __future__ import annotations

import math
import subprocess
from time import perf_counter_ns

import trio

from . import work
from .work import Pass, Result, Role, Sizes


async def channel(sizes: Sizes) -> Pass:
    """Pass items through a memory channel."""
    send, receive = trio.open_memory_channel[int](sizes["capacity"])
    taken: list[int] = []
    start_ns = perf_counter_ns()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_consume, receive, taken)
        nursery.start_soon(_produce, send, sizes["items"])
    return Pass(perf_counter_ns() - start_ns, len(taken))


async def _produce(channel: trio.MemorySendChannel[int], items: int) -> None:
    async with channel:
        send = channel.send
        for item in range(items):
            await send(item)


async def _consume(channel: trio.MemoryReceiveChannel[int], taken: list[int]) -> None:
    async with channel:
        receive, append = channel.receive, taken.append
        try:
            while True:
                append(await receive())
        except trio.EndOfChannel:
            return


async def bridge(sizes: Sizes) -> Pass:
    """Hand items over from threads with `TrioToken.run_sync_soon`."""
    token = trio.lowlevel.current_trio_token()
    send, receive = trio.open_memory_channel[int](math.inf)

    def put_all(count: int) -> None:
        run_sync_soon, put = token.run_sync_soon, send.send_nowait
        for item in range(count):
            run_sync_soon(put, item)

    start_ns = perf_counter_ns()
    threads = work.start_threads(put_all, sizes)
    taken = [await receive.receive() for _ in range(sizes["hand_overs"])]
    for thread in threads:
        thread.join()
    return Pass(perf_counter_ns() - start_ns, len(taken))


async def switch(sizes: Sizes) -> Pass:
    """Let tasks yield to each other."""
    done = [0] * sizes["tasks"]
    go = trio.Event()
    async with trio.open_nursery() as nursery:
        for index in range(sizes["tasks"]):
            nursery.start_soon(_yield_often, index, sizes["yields"], go, done)
        for _ in range(2):  # the tasks start, and wait; in the first one this task may come before them
            await trio.lowlevel.checkpoint()
        start_ns = perf_counter_ns()
        go.set()
    return Pass(perf_counter_ns() - start_ns, sum(done))


async def _yield_often(index: int, yields: int, go: trio.Event, done: list[int]) -> None:
    checkpoint = trio.lowlevel.checkpoint
    await go.wait()
    for _ in range(yields):
        await checkpoint()
    done[index] += yields


async def children(sizes: Sizes) -> Pass:
    """Start programs, a batch at a time, and wait for the batch."""
    ended = 0
    start_ns = perf_counter_ns()
    for _ in range(sizes["batches"]):
        batch = [
            await trio.lowlevel.open_process(["true"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            for _ in range(sizes["at_once"])
        ]
        async with trio.open_nursery() as nursery:
            for child in batch:
                nursery.start_soon(_read_and_wait, child)
        ended += work.require_success([child.returncode for child in batch])
    return Pass(perf_counter_ns() - start_ns, ended)


async def _read_and_wait(child: trio.Process) -> None:
    assert child.stdout is not None
    async with child.stdout as stdout:
        while await stdout.receive_some(work.READ_BYTES):
            pass
    await child.wait()


async def timeout_select(sizes: Sizes) -> Pass:
    """Receive the items that are there within a `trio.fail_after`."""
    send, receive = trio.open_memory_channel[int](float("inf"))
    duration_ns = won = 0
    for batch in work.batches(sizes["races"]):
        for item in batch:
            await send.send(item)
        start_ns = perf_counter_ns()
        delivered = await _race_ready(receive, len(batch))
        await trio.lowlevel.checkpoint()
        duration_ns += perf_counter_ns() - start_ns
        won += len(delivered)
    return Pass(duration_ns, won)


async def _race_ready(channel: trio.MemoryReceiveChannel[int], races: int) -> list[int]:
    fail_after, receive = trio.fail_after, channel.receive
    delivered: list[int] = []
    for _ in range(races):
        with fail_after(work.FAR):
            delivered.append(await receive())
    return delivered


# --- storm ---


async def storm_server(sizes: Sizes) -> Result:
    """Answer every connection of the burst with `trio.serve_listeners`."""
    answered: list[int] = []

    async def attend(stream: trio.SocketStream) -> None:
        async with stream:
            request = await work.read_to_end(stream.receive_some, sizes["payload"] + 1)
            await stream.send_all(work.make_reply(request))
        answered.append(len(request))
        if len(answered) == sizes["connections"]:
            nursery.cancel_scope.cancel()

    listeners = await trio.open_tcp_listeners(0, host=work.HOST, backlog=sizes["backlog"])
    async with trio.open_nursery() as nursery:
        work.announce(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(attend, listeners)
    return Result([], {"connections answered": len(answered)})


async def storm_client(sizes: Sizes) -> Result:
    """Open the connections of a burst, a task each."""
    ledger = work.Ledger(sizes["connections"])
    async with trio.open_nursery() as nursery:
        for index in range(sizes["connections"]):
            nursery.start_soon(_connect, index, sizes, ledger)
    return ledger.result()


async def _connect(index: int, sizes: Sizes, ledger: work.Ledger) -> None:
    ledger.start(index)
    try:
        with trio.fail_after(work.TIMEOUT):
            request = work.make_request(index, sizes)
            stream = await trio.open_tcp_stream(work.HOST, sizes["port"])
            async with stream:
                await stream.send_all(request)
                await stream.send_eof()
                reply = await work.read_to_end(stream.receive_some, sizes["payload"] + 1)
                done_ns = perf_counter_ns()
        ending = ledger.take(index, request, reply, done_ns)
    except (trio.TooSlowError, trio.BrokenResourceError, OSError) as exc:
        ending = type(exc).__name__
    ledger.end(index, ending)


# --- sink ---


async def sink_server(sizes: Sizes) -> Result:
    """Read one stream to its end, check it and return its length."""
    check = work.Check(sizes["chunk"])
    (listener,) = await trio.open_tcp_listeners(0, host=work.HOST)
    async with listener:
        work.announce(listener.socket.getsockname()[1])
        stream = await listener.accept()
        async with stream:
            receive_some = stream.receive_some
            while data := await receive_some(work.READ_BYTES):
                check.take(data)
            await stream.send_all(check.received.to_bytes(work.COUNT_BYTES, "big"))
    return Result([], {"bytes received": check.received})


async def sink_client(sizes: Sizes) -> Result:
    """Send a stream and its end, and wait for the reply."""
    chunks, laps = work.make_chunks(sizes["chunk"]), work.count_laps(sizes)
    stream = await trio.open_tcp_stream(work.HOST, sizes["port"])
    async with stream:
        send_all = stream.send_all
        start_ns = perf_counter_ns()
        for _ in range(laps):
            for chunk in chunks:
                await send_all(chunk)
        await stream.send_eof()
        reply = await work.read_to_end(stream.receive_some, work.COUNT_BYTES + 1)
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
    """Run a role in `trio.run`."""
    return trio.run(work.run_settled, role, sizes)


if __name__ == "__main__":
    work.run_program("benchmarks.native.on_trio", PROGRAMS, run)
