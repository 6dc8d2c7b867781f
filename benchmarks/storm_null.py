"""The client of a storm against a null server: how much of the offered rate does it get, and how late is it?

    python benchmarks/storm_null.py [RATE [BACKEND ...]]

The null server accepts, reads until the request is there, sends a fixed reply and closes, in one thread on epoll and
raw sockets, in a process of its own: it does next to nothing, so any lateness is the client's. One JSON line for each
backend: the rate of answered connections as a share of the offered rate, the lateness, and whether the client passes
the rule for generators (MEASUREMENT, open-loop rules): at least 98 % started, and the p99 of the lateness at most 2 ms
or a tenth of the median response.
"""

import importlib
import json
import multiprocessing
import os
import select
import socket
import sys
from types import SimpleNamespace
from typing import Any

from harness.api import Runtime
from harness_scenarios.parts.open_loop import fixed_offsets
from harness_scenarios.storm.exchange import Exchange
from harness_scenarios.storm.scenario import storm
from harness_scenarios.storm.schedule import NULL_SERVER_RULE, ErrorSamples, ScheduleRun, Target

RUNNERS = {
    "asyncio": "AsyncioRunner",
    "uvloop": "UvloopRunner",
    "trio": "TrioRunner",
    "curio": "CurioRunner",
    "threads": "ThreadsRunner",
}
SECONDS = 3.0
REPLY = b"x" * 64


def serve_nothing(listener: socket.socket) -> None:
    """Answer every connection with the same bytes until killed."""
    listener.setblocking(False)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    streams: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poller.poll():
            if fd != listener.fileno():
                answer(streams[fd])
                if streams[fd].fileno() < 0:
                    del streams[fd]
                continue
            for stream in accept_all(listener):
                streams[stream.fileno()] = stream
                poller.register(stream, select.EPOLLIN)


def accept_all(listener: socket.socket) -> list[socket.socket]:
    """Accept the waiting connections."""
    accepted = []
    while True:
        try:
            accepted.append(listener.accept()[0])
        except BlockingIOError:
            return accepted


def answer(stream: socket.socket) -> None:
    """Reply when the request has ended; closing takes the stream out of the poller."""
    if not stream.recv(65536):
        stream.sendall(REPLY)
        stream.close()


def examine(backend: str, rate: int, address: tuple[str, int]) -> dict[str, object]:
    """Offer the rate once and return what came of it."""
    parameters = {parameter.name: parameter.default for parameter in storm.parameters}
    reply = os.memfd_create("reply")
    os.write(reply, REPLY)
    parameters["reply_file"] = f"/proc/self/fd/{reply}"
    probe: Any = SimpleNamespace(parameters=parameters, seed=1, advance=lambda: None)
    target = Target(*address, Exchange(parameters, 1))
    offsets = fixed_offsets(rate, SECONDS)
    runs: list[ScheduleRun] = []

    async def main(runtime: Runtime) -> None:
        run = ScheduleRun(runtime, probe, target, offsets, length=SECONDS, errors=ErrorSamples())
        runs.append(run)
        await run.run()

    getattr(importlib.import_module(f"harness_{backend}.backend"), RUNNERS[backend])({}).run(main, print)
    os.close(reply)
    return describe(backend, runs[0])


def describe(backend: str, run: ScheduleRun) -> dict[str, object]:
    """Return the figures of a line."""
    pace, counts, latencies = run.pace(NULL_SERVER_RULE), run.ledger.counts(), run.ledger.latencies_ns()
    return {
        "backend": backend,
        "ratio": counts["connections ok"] / counts["connections due"] * pace.achieved / pace.offered,
        "generator": pace.verdict,
        "response p50 µs": latencies["response"].get("p50", 0) / 1000,
        "lateness p99 µs": latencies["lateness"].get("p99", 0) / 1000,
    }


def main() -> None:
    """Print a line for each backend."""
    rate = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = multiprocessing.get_context("fork").Process(target=serve_nothing, args=(listener,), daemon=True)
    server.start()
    try:
        for backend in sys.argv[2:] or RUNNERS:
            print(json.dumps(examine(backend, rate, listener.getsockname()), ensure_ascii=False))
    finally:
        server.kill()
        server.join()


if __name__ == "__main__":
    main()
