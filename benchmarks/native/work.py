"""The work of the programs written by hand, and the frame that they run in. No harness code is imported.

Sizes, payloads, warm-up and the place of the clock are those of the scenarios; `tests/unit/benchmarks` compares them,
but for the place of the clock, which has to be read.
A program that needs a server starts it as a process of its own, on the first CPU, and keeps itself to the second.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import count
from time import perf_counter_ns
from typing import NamedTuple

Sizes = dict[str, int]

MEASURED = 3
"""Values after one that warms up."""
BATCH = 256
"""Selects between two turns of the others."""
FAR = 3600.0
"""Seconds; a deadline that decides nothing."""
TIMEOUT = 5.0
"""Seconds for a connection."""
MIB = 1024 * 1024
READ_BYTES = 65_536
COUNT_BYTES = 8
HOST = "127.0.0.1"
SERVER_LIMIT = 180
"""Seconds after which a server ends, should its client have died."""

SIZES: dict[str, Sizes] = {
    "channel": {"capacity": 1000, "items": 50_000},
    "switch": {"tasks": 200, "yields": 500},
    "storm": {"connections": 1000, "payload": 64, "backlog": 1024, "seed": 0},
    "sink": {"chunk": 65_536, "total_bytes": 512 * MIB},
    "timeout-select": {"races": 10_000},
    "children": {"at_once": 10, "batches": 5},
    "bridge": {"hand_overs": 40_000, "threads": 1},
}
"""The work of each scenario, where the command line does not say otherwise."""


class Result(NamedTuple):
    """The measured values of a program, and its amount of work (warm-up included)."""

    values: Sequence[float]
    counts: dict[str, int]


Role = Callable[[Sizes], Awaitable[Result]]


class Program(NamedTuple):
    """The operations that a runtime offers to a scenario."""

    client: Role
    server: Role | None = None


class Pass(NamedTuple):
    """The work of one value: how long it took, and how much was done."""

    duration_ns: int
    done: int


PassFunction = Callable[[Sizes], Awaitable[Pass]]


def start_threads(put_all: Callable[[int], object], sizes: Sizes) -> list[threading.Thread]:
    """Start the threads that hand over, each its share."""
    each = sizes["hand_overs"] // sizes["threads"]
    threads = [threading.Thread(target=put_all, args=(each,), daemon=True) for _ in range(sizes["threads"])]
    for thread in threads:
        thread.start()
    return threads


def make_programs(
    *,
    channel: PassFunction,
    switch: PassFunction,
    timeout_select: PassFunction,
    children: PassFunction,
    bridge: PassFunction,
    storm: tuple[Role, Role],
    sink: tuple[Role, Role],
) -> dict[str, Program]:
    """Return the programs of a runtime: one pass where passes are measured, else client and server."""
    return {
        "channel": Program(_repeat(channel, "items received", lambda sizes: sizes["items"])),
        "switch": Program(_repeat(switch, "yields", lambda sizes: sizes["tasks"] * sizes["yields"])),
        "storm": Program(*storm),
        "sink": Program(*sink),
        "timeout-select": Program(_repeat(timeout_select, "operation won", lambda sizes: sizes["races"])),
        "children": Program(_repeat(children, "children", lambda sizes: sizes["at_once"] * sizes["batches"])),
        "bridge": Program(_repeat(bridge, "arrived", lambda sizes: sizes["hand_overs"])),
    }


def _repeat(one_pass: PassFunction, counted: str, operations: Callable[[Sizes], int]) -> Role:
    """Return a role that warms up with one pass and has ns for each operation of those after it."""

    async def role(sizes: Sizes) -> Result:
        passes = [await one_pass(sizes) for _ in range(1 + MEASURED)]
        values = [each.duration_ns / operations(sizes) for each in passes[1:]]
        return Result(values, {counted: sum(each.done for each in passes)})

    return role


async def run_settled(role: Role, sizes: Sizes) -> Result:
    """Run a role with its imports out of the collector's way, as a worker does when its runtime runs."""
    gc.collect()
    gc.freeze()
    gc.enable()
    return await role(sizes)


# --- timeout-select ---


def batches(total: int) -> Iterable[range]:
    """Return `range(total)` in batches."""
    return (range(start, min(start + BATCH, total)) for start in range(0, total, BATCH))


# --- children ---


def require_success(codes: Sequence[int | None]) -> int:
    """Return how many children have ended, each with the exit code of success."""
    if any(code != 0 for code in codes):
        sys.exit(f"a child has failed: {codes}")
    return len(codes)


# --- storm, sink ---


async def read_to_end(read: Callable[[int], Awaitable[bytes]], at_once: int) -> bytes:
    """Read what comes until the end of the stream."""
    parts = []
    while part := await read(at_once):
        parts.append(part)
    return b"".join(parts)


# --- storm ---

_MASK = (1 << 64) - 1


def make_request(index: int, sizes: Sizes) -> bytes:
    """Return the request of a connection: its number, then one word again and again."""
    word = ((index + 1) * 0x9E3779B97F4A7C15 + sizes["seed"]) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    return _fill(index.to_bytes(8, "big"), word, sizes["payload"])


def make_reply(request: bytes) -> bytes:
    """Return the reply to a request that is as it was sent; nothing to another one."""
    tag, word = request[:8], int.from_bytes(request[8:16], "big")
    if request != _fill(tag, word, len(request)):
        return b""
    return _fill(tag, word ^ 0xA5C396E15A3C691E, len(request))


def _fill(tag: bytes, word: int, size: int) -> bytes:
    return (tag + word.to_bytes(8, "big") * -(-(size - 8) // 8))[:size]


class Ledger:
    """When each connection of a burst started and had its reply, and how it ended, by its number."""

    def __init__(self, connections: int) -> None:
        self.start_ns = perf_counter_ns()
        self.started_ns = [0] * connections
        self.done_ns = [0] * connections
        self.endings = [""] * connections

    def start(self, index: int) -> None:
        """Keep when the task of a connection runs."""
        self.started_ns[index] = perf_counter_ns()

    def take(self, index: int, request: bytes, reply: bytes, done_ns: int) -> str:
        """Keep when a connection had its reply, and return whether that is the right one."""
        self.done_ns[index] = done_ns
        return "ok" if reply == make_reply(request) else "other"

    def end(self, index: int, ending: str) -> None:
        """Keep how a connection ended."""
        self.endings[index] = ending

    def result(self) -> Result:
        """Return the response time (µs) that nine in ten connections had."""
        took = sorted(
            done - self.start_ns for done, ending in zip(self.done_ns, self.endings, strict=True) if ending == "ok"
        )
        rank = -(-900 * len(self.done_ns) // 1000)
        return Result([took[rank - 1] / 1000], {"connections ok": len(took)})


# --- sink ---


def make_chunks(chunk_bytes: int) -> tuple[bytes, ...]:
    """Return the chunks of a lap, none of which is like another."""
    return tuple(_make_chunk(index, chunk_bytes) for index in range(max(3, -(-READ_BYTES // chunk_bytes))))


def _make_chunk(index: int, size: int) -> bytes:
    ramp, word = bytes(range(256)), index.to_bytes(3, "big")
    body = b"".join(word + ramp[start : start + 29] for start in range(0, 227, 29))
    return (body * (size // len(body) + 1))[:size]


def count_laps(sizes: Sizes) -> int:
    """Return how often the chunks are sent."""
    return max(1, sizes["total_bytes"] // sum(map(len, make_chunks(sizes["chunk"]))))


class Check:
    """Compares a stream with the expected bytes, as it arrives."""

    def __init__(self, chunk_bytes: int) -> None:
        lap = b"".join(make_chunks(chunk_bytes))
        self._period = len(lap)
        self._expected = lap + (lap * (READ_BYTES // len(lap) + 1))[:READ_BYTES]
        self._position = 0
        self.received = 0

    def take(self, data: bytes) -> None:
        """Compare what arrived next."""
        start, size = self._position, len(data)
        if data != self._expected[start : start + size]:
            where = next(i for i in count() if data[i] != self._expected[start + i])
            sys.exit(f"byte {self.received + where} of the stream is wrong")
        self._position = (start + size) % self._period
        self.received += size


def stream_result(sizes: Sizes, duration_ns: int, reply: bytes) -> Result:
    """Return the throughput in MiB/s of a stream whose sink has counted every byte."""
    total = count_laps(sizes) * sum(map(len, make_chunks(sizes["chunk"])))
    if int.from_bytes(reply, "big") != total:
        sys.exit(f"the sink has counted {int.from_bytes(reply, 'big')} bytes of {total}")
    return Result([total / MIB * 1e9 / duration_ns], {"bytes sent": total})


# --- the frame ---


def announce(port: int) -> None:
    """Tell the client where the server listens."""
    print(port, flush=True)


def run_program(module: str, programs: Mapping[str, Program], run: Callable[[Role, Sizes], Result]) -> None:
    """Run the program named on the command line and print its figure, the median of the measured values.

    The command line is `SCENARIO [NAME=VALUE ...] [--counts] [--serve]`: `--counts` prints the work done on stderr.
    """
    scenario, *rest = sys.argv[1:]
    given = dict(argument.split("=") for argument in rest if not argument.startswith("--"))
    sizes = SIZES[scenario] | {name: int(value) for name, value in given.items()}
    program = programs[scenario]
    if "--serve" in rest and program.server is not None:
        signal.alarm(SERVER_LIMIT)
        print(json.dumps(run(program.server, sizes).counts))
        return
    result = run(program.client, sizes) if program.server is None else _run_with_server(module, program, sizes, run)
    print(statistics.median(result.values))
    if "--counts" in rest:
        print(json.dumps(result.counts), file=sys.stderr)


def _run_with_server(module: str, program: Program, sizes: Sizes, run: Callable[[Role, Sizes], Result]) -> Result:
    cpus = sorted(os.sched_getaffinity(0))
    sized = [f"{name}={value}" for name, value in sizes.items()]
    command = [sys.executable, "-P", "-X", "faulthandler", "-m", module, sys.argv[1], *sized, "--serve"]
    # A session of its own, as a worker has: the kernel shares a CPU out to sessions, not to processes.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        try:
            assert server.stdout is not None
            if len(cpus) > 1:
                os.sched_setaffinity(server.pid, cpus[:1])
                os.sched_setaffinity(0, cpus[1:2])
            result = run(program.client, sizes | {"port": int(server.stdout.readline())})
            return Result(result.values, {**result.counts, **json.loads(server.stdout.readline())})
        finally:
            server.kill()
