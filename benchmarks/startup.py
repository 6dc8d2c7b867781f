"""Worker start to first operation, against a bare interpreter that imports the same runtime and reports it.

    python benchmarks/startup.py [ROUNDS]

Both sides are started by the same call and timed from there to the first byte on a pipe: the worker's is its `Ready`
message, sent from inside the running runtime. Each round runs each side once, in random order; the figure is the
median of the rounds' ratios with a 95 % interval of order statistics (sign test). Goal: 1.5 or less.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial

import msgspec

from benchmarks.sections import Section, ratio_texts
from harness.execute import posix
from harness.execute.role.job import make_job
from harness.model import BackendSpec, Cell, RoleBackend
from harness.plugins import Catalogue, Plugins
from harness.wire import WorkerJob, encode_line

GOAL = 1.5
TITLE = "Worker start to first operation"
TEXT = (
    "`python benchmarks/startup.py`: from starting the process to the first byte from inside the running runtime, "
    "against a bare interpreter that imports the same runtime and writes one byte. Median of paired rounds, exact 95 % "
    "interval of order statistics."
)
HEADER = ("backend", "bare, ms", "worker, ms", "ratio", "interval", "rounds")
WHY_NOT_THREADS = (
    "Threads cannot meet it: there the runtime is the standard library, a bare interpreter with it takes 20 ms on a "
    "quiet machine, and about 30 modules of the contract, the worker, the adapter and the scenario at 0.3 to 0.4 ms "
    "each are more than the 10 ms that are left. Measures taken: no entry points are scanned, msgspec is not imported "
    "(`harness/worker/light_msgspec.py`), idioms and process pools are loaded when they are needed, and the collector "
    "is off until the scenario starts."
)

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


def measure(rounds: int = 30) -> Section:
    """Time both sides of each backend in each round and return the ratios."""
    catalogue = Plugins().catalogue()
    sides = {
        name: {"bare": partial(time_bare, name), "worker": partial(time_worker, _job(catalogue, name))} for name in BARE
    }
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name in BARE:
        for time_side in sides[name].values():
            time_side()  # warm the page cache
    for _ in range(rounds):
        for name in random.sample(list(BARE), len(BARE)):
            for side in random.sample(("bare", "worker"), 2):
                times[name, side].append(sides[name][side]())
    rows, medians = [], {}
    for name in BARE:
        pairs = zip(times[name, "worker"], times[name, "bare"], strict=True)
        logs = [math.log(worker / bare) for worker, bare in pairs]
        medians[name] = math.exp(statistics.median(logs))
        figures = [f"{statistics.median(times[name, side]) * 1000:.1f}" for side in ("bare", "worker")]
        rows.append((name, *figures, *ratio_texts(logs), str(rounds)))
    met = [name for name, ratio in medians.items() if ratio <= GOAL]
    return Section(title=TITLE, text=TEXT, header=HEADER, rows=tuple(rows), verdict=_verdict(met), note=WHY_NOT_THREADS)


def _job(catalogue: Catalogue, name: str) -> WorkerJob:
    cell = Cell(scenario="channel", roles=(RoleBackend("main", BackendSpec(name)),), parameters=(("items", 10),))
    return make_job(cell, cell.roles[0], catalogue.backend(name), catalogue.scenario("channel"))


def _verdict(met: list[str]) -> str:
    return f"The goal of {GOAL:g} is met by the median of: {', '.join(met) or 'none'}."


def main() -> None:
    """Print the table."""
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 30).plain())


if __name__ == "__main__":
    main()
