"""Worker start to first operation, against a bare interpreter that imports the same runtime and says so.

    python benchmarks/startup.py [ROUNDS]

Both sides are started by the same call and timed from there to the first byte on a pipe: the worker's is its `Ready`
message, sent from inside the running runtime. Each round runs each side once, in random order; the figure is the
median of the rounds' ratios with a 95 % interval of order statistics (sign test). Goal: 1.5 or less.
"""

import math
import os
import random
import statistics
import subprocess
import sys
import time

import msgspec

from harness.execute import posix
from harness.execute.role_process import make_job
from harness.model import BackendSpec, Cell, RoleBackend
from harness.plugins import Plugins
from harness.wire import WorkerJob, encode_line

BARE = {
    "asyncio": "import asyncio",
    "uvloop": "import uvloop",
    "trio": "import trio",
    "curio": "import curio",
    "threads": "import threading, queue, socket, select, concurrent.futures.thread",
}


def seconds_to_first_byte(command: list[str], report: int, report_child: int, fds: tuple[int, ...]) -> float:
    """Start a command and return the seconds until it writes on its pipe."""
    started = time.perf_counter()
    process = subprocess.Popen(command, pass_fds=(report_child, *fds), stdout=subprocess.DEVNULL)
    os.close(report_child)
    first = os.read(report, 1)
    took = time.perf_counter() - started
    while os.read(report, 65536):
        pass
    process.wait()
    os.close(report)
    if not first:
        raise SystemExit(f"nothing came from {command}")
    return took


def time_bare(backend: str) -> float:
    """Time a bare interpreter that imports the runtime."""
    report, child = os.pipe()
    code = f"import os; {BARE[backend]}; os.write({child}, b'.')"
    return seconds_to_first_byte([sys.executable, "-P", "-X", "faulthandler", "-c", code], report, child, ())


def time_worker(job: WorkerJob) -> float:
    """Time a worker until its runtime runs."""
    report, child = os.pipe()
    orders, order_end = os.pipe()
    files = (posix.shared_file("progress", 4096), posix.shared_file("stacks"))
    job = msgspec.structs.replace(job, report_fd=child, order_fd=orders, progress_fd=files[0], stacks_fd=files[1])
    command = [sys.executable, "-P", "-X", "faulthandler", "-m", "harness.worker", encode_line(job).decode()]
    try:
        return seconds_to_first_byte(command, report, child, (orders, *files))
    finally:
        for fd in (orders, order_end, *files):
            os.close(fd)


def sign_interval(values: list[float]) -> tuple[float, float]:
    """Return the order statistics that hold the median with at least 95 % (binomial, p = 1/2)."""
    ordered, n = sorted(values), len(values)
    tail, k = 0.0, 0
    while (tail := tail + math.comb(n, k) / 2**n) <= 0.025:
        k += 1
    return ordered[max(0, k - 1)], ordered[min(n - 1, n - k)]


def main() -> None:
    """Print a line for each backend."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    catalogue = Plugins().catalogue()
    print(f"{'backend':10}{'bare ms':>9}{'worker ms':>11}{'ratio':>8}  95 % interval ({rounds} rounds)")
    for name in BARE:
        backend = catalogue.backend(name)
        cell = Cell(
            scenario="channel",
            roles=(RoleBackend("main", BackendSpec(name)),),
            parameters=(("items", 10),),
        )
        job = make_job(cell, cell.roles[0], backend, catalogue.scenario("channel"))
        sides = {"bare": lambda name=name: time_bare(name), "worker": lambda job=job: time_worker(job)}
        times: dict[str, list[float]] = {side: [] for side in sides}
        for time_side in sides.values():
            time_side()  # warm the page cache
        for _ in range(rounds):
            for side in random.sample(list(sides), 2):
                times[side].append(sides[side]())
        ratios = [worker / bare for worker, bare in zip(times["worker"], times["bare"], strict=True)]
        low, high = sign_interval(ratios)
        medians = [statistics.median(times[side]) * 1000 for side in sides]
        print(f"{name:10}{medians[0]:9.1f}{medians[1]:11.1f}{statistics.median(ratios):8.2f}  [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
