"""Cells that take too much of the machine, one for each limit. Each stops by itself, should nobody stop it."""

import os
import sys
import time

from harness.api import Probe, Runtime, Scenario
from harness_planted.plant import plant

GREEDY: list[Scenario] = []


greedy = plant(GREEDY, "greedy", "the runner stops it, and says by which limit", timeout=30.0, hang_after=20.0)


@greedy("memory")
async def memory(runtime: Runtime, probe: Probe) -> None:
    """Takes a gigabyte, 16 MiB at a time."""
    probe.observe("steps", 1)
    balloon = []
    for _ in range(64):
        balloon.append(b"x" * (16 << 20))
        probe.advance()
        time.sleep(0.01)
    await runtime.sleep(10)


@greedy("memory-of-a-child")
async def memory_of_a_child(runtime: Runtime, probe: Probe) -> None:
    """Has a grandchild that takes a gigabyte, in a session of its own."""
    probe.observe("steps", 1)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            balloon = []
            for _ in range(64):
                balloon.append(b"x" * (16 << 20))
                time.sleep(0.01)
            time.sleep(10)
        os._exit(0)
    await runtime.sleep(10)


@greedy("shared-memory-of-children")
async def shared_memory_of_children(runtime: Runtime, probe: Probe) -> None:
    """Shares 64 MiB with eight children: they hold no more than it does, however they are added up."""
    shared = b"x" * (64 << 20)
    children = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            time.sleep(1.0 + 0 * len(shared))
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    probe.observe("steps", 1)


@greedy("processes")
async def processes(runtime: Runtime, probe: Probe) -> None:
    """Starts 200 children."""
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        time.sleep(0.002)
        probe.advance()
    probe.observe("steps", 1)
    await runtime.sleep(20)


@greedy("cpu")
async def cpu(runtime: Runtime, probe: Probe) -> None:
    """Burns 20 seconds of CPU time and says all the while that it makes progress."""
    probe.observe("steps", 1)
    while time.process_time() < 20:
        probe.advance()


@greedy("cpu-of-children")
async def cpu_of_children(runtime: Runtime, probe: Probe) -> None:
    """Burns the CPU time of one short-lived child after the other."""
    probe.observe("steps", 1)
    for _ in range(80):
        pid = os.fork()
        if pid == 0:
            while time.process_time() < 0.25:
                pass
            os._exit(0)
        os.waitpid(pid, 0)
        probe.advance()


@greedy("output")
async def output(runtime: Runtime, probe: Probe) -> None:
    """Writes 50 MB."""
    probe.observe("steps", 1)
    for _ in range(50):
        sys.stderr.write("x" * 1_000_000)
        probe.advance()


@greedy("fds")
async def fds(runtime: Runtime, probe: Probe) -> None:
    """Opens files and lets the error through."""
    probe.observe("steps", 1)
    hoard = [os.open("/dev/null", os.O_RDONLY) for _ in range(100_000)]
    probe.observe("steps", len(hoard))


@greedy("fds-in-silence")
async def fds_in_silence(runtime: Runtime, probe: Probe) -> None:
    """Opens files, drops the error and waits."""
    probe.observe("steps", 1)
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
    except OSError:
        await runtime.sleep(20)


@greedy("modest")
async def modest(runtime: Runtime, probe: Probe) -> None:
    """Has two hundred threads and a gigabyte of address space that it does not use."""
    import mmap
    import threading

    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(200)]
    for thread in threads:
        thread.start()
    try:
        with mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE):
            await runtime.sleep(0.5)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    probe.observe("steps", 1)
