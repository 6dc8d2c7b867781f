"""One scenario for each way to hang, and healthy ones that are slow and must never be called hung."""

import gc
import os
import select
import threading
import time
from pathlib import Path

from harness.api import Capability, Probe, Runtime, Scenario, bridge_of
from harness_planted.plant import plant

HANGS: list[Scenario] = []


planted = plant(
    HANGS, "hang", "the runner says what kind of hang it is", timeout=30.0, hang_after=1.2, side_by_side=True
)


@planted("event")
async def event(runtime: Runtime, probe: Probe) -> None:
    """Two tasks wait for each other's event."""
    mine, yours = runtime.create_event(), runtime.create_event()

    async def other():
        await yours.wait()
        await mine.set()

    async with runtime.open_task_group() as group:
        await group.spawn(other, name="other")
        await mine.wait()
        await yours.set()


@planted("channel")
async def channel(runtime: Runtime, probe: Probe) -> None:
    """A receiver waits for an item that its sender sends only after it has received one."""
    there, here = runtime.open_channel(1), runtime.open_channel(1)

    async def other():
        await there[1].receive()
        await here[0].send(1)

    async with runtime.open_task_group() as group:
        await group.spawn(other, name="other")
        await here[1].receive()
        await there[0].send(1)


@planted("told-steps")
async def told_steps(runtime: Runtime, probe: Probe) -> None:
    """Two tasks say what they do and then wait for each other's event; one of them has a time-out far away."""
    mine, yours = runtime.create_event(), runtime.create_event()

    async def left():
        probe.step("left", "asks")
        probe.step("left", "waits for right")
        await yours.wait()
        await mine.set()

    async def right():
        probe.step("right", "waits for left")
        async with runtime.move_on_after(300):
            await mine.wait()
        await yours.set()

    probe.observe("steps", 1)
    async with runtime.open_task_group() as group:
        await group.spawn(left, name="left")
        await group.spawn(right, name="right")


@planted("lock-twice")
async def lock_twice(runtime: Runtime, probe: Probe) -> None:
    """A task takes a lock that it holds, where the runtime lets it wait for that."""
    lock = runtime.create_lock()
    async with lock:
        await lock.acquire()


@planted("lock-order")
async def lock_order(runtime: Runtime, probe: Probe) -> None:
    """Two tasks take two locks in the opposite order."""
    first, second = runtime.create_lock(), runtime.create_lock()
    ready = runtime.create_event()

    async def forwards():
        async with first:
            await ready.wait()
            async with second:
                pass

    async def backwards():
        async with second:
            await ready.set()
            async with first:
                pass

    async with runtime.open_task_group() as group:
        await group.spawn(forwards, name="forwards")
        await group.spawn(backwards, name="backwards")


@planted("unread")
async def unread(runtime: Runtime, probe: Probe) -> None:
    """A task waits for bytes that are there, because its socket has fallen out of the poller."""
    listener = await runtime.listen()
    client = await runtime.connect(*listener.address)
    server = await listener.accept()

    async def read():
        await server.receive_some(100)

    async with runtime.open_task_group() as group:
        await group.spawn(read, name="reader")
        await runtime.sleep(0.05)
        _forget_sockets()
        await client.send_all(b"unread")
        probe.advance()


def _forget_sockets():
    sockets, pollers = [], []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        (pollers if "eventpoll" in target else sockets if "socket:" in target else []).append(int(name))
    inodes = {line.split()[9] for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]}
    for fd in sockets:
        if os.readlink(f"/proc/self/fd/{fd}")[8:-1] in inodes:
            for poller in pollers:
                try:
                    select.epoll.fromfd(os.dup(poller)).unregister(fd)
                except OSError:
                    continue


@planted("timer")
async def timer(runtime: Runtime, probe: Probe) -> None:
    """A task sleeps past its time, because its timer was taken away."""

    async def sleeper():
        await runtime.sleep(0.4)

    async with runtime.open_task_group() as group:
        await group.spawn(sleeper, name="sleeper")
        await runtime.sleep(0.05)
        _take_timers(runtime)
        probe.advance()


def _take_timers(runtime):
    gc.unfreeze()
    for thing in gc.get_objects():
        if type(thing).__name__ == "TimerHandle":
            thing.cancel()
        elif type(thing).__name__ == "Deadlines":
            thing._heap.clear()
            thing._active = 0
        elif type(thing).__name__ == "TimeQueue":
            thing.near.clear()
            thing.far.clear()


@planted("polite")
async def polite(runtime: Runtime, probe: Probe) -> None:
    """Two tasks give way to each other for ever."""
    turn = [0]

    async def walker(me):
        while True:
            turn[0] = 1 - me
            await runtime.checkpoint()

    async with runtime.open_task_group() as group:
        await group.spawn(walker, 0, name="left")
        await group.spawn(walker, 1, name="right")


@planted("spin")
async def spin(runtime: Runtime, probe: Probe) -> None:
    """One task computes for ever while another one is ready."""

    async def neighbour():
        await runtime.sleep(0.01)

    async with runtime.open_task_group() as group:
        await group.spawn(neighbour, name="neighbour")
        await runtime.checkpoint()
        number = 0
        while True:
            number += 1


@planted("sleeping-call")
async def sleeping_call(runtime: Runtime, probe: Probe) -> None:
    """A blocking call in a task."""
    time.sleep(600)


def _keep_interpreter():
    sum(range(10**12))


@planted("holds-interpreter")
async def holds_interpreter(runtime: Runtime, probe: Probe) -> None:
    """A call into C keeps the interpreter and computes."""
    _keep_interpreter()


@planted("never-yields")
async def never_yields(runtime: Runtime, probe: Probe) -> None:
    """A task awaits what is always ready, so that another one never has its turn."""
    send, receive = runtime.open_channel(None)

    async def neighbour():
        await runtime.sleep(0.01)

    async def hog():
        while True:
            await send.send(1)
            await receive.receive()

    async with runtime.open_task_group() as group:
        await group.spawn(neighbour, name="neighbour")
        await runtime.checkpoint()
        await group.spawn(hog, name="hog")


@planted("thread-holds-interpreter")
async def thread_holds_interpreter(runtime: Runtime, probe: Probe) -> None:
    """A thread keeps the interpreter, so that nothing else has a turn."""
    await runtime.run_in_thread(_keep_interpreter)


@planted("child")
async def child(runtime: Runtime, probe: Probe) -> None:
    """Waits for a process that does not end."""
    await runtime.run_in_process(time.sleep, 600)


@planted("ended-scheduler", requires=(Capability.BRIDGE_JOB, Capability.DETACHED))
async def ended_scheduler(runtime: Runtime, probe: Probe) -> None:
    """A thread waits for a call that another scheduler was asked for as it ended, which asyncio does not answer."""
    run_scheduler, jobs = bridge_of(runtime).run_scheduler, []

    async def last(inner):
        try:
            await inner.create_event().wait()
        finally:
            jobs.append(bridge_of(inner).submit(inner.sleep, 0.01))

    async def main(inner):
        await inner.spawn_detached(last, inner)
        await inner.sleep(0.05)

    def wait():
        run_scheduler(main, lambda *_: None)
        jobs[0].result()

    threading.Thread(target=wait, name="caller", daemon=True).start()
    await runtime.create_event().wait()


# --- healthy ---
@planted("healthy-job")
async def healthy_job(runtime: Runtime, probe: Probe) -> None:
    """A thread computes for longer than a hang takes, and says that it advances."""

    def job():
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            sum(range(20_000))
            probe.advance()

    await runtime.run_in_thread(job)
    probe.observe("steps", 1)


@planted("healthy-blocks")
async def healthy_blocks(runtime: Runtime, probe: Probe) -> None:
    """The scheduler is held for less than a hang takes, again and again, and there is progress."""
    for _ in range(5):
        time.sleep(0.2)
        probe.advance()
        await runtime.checkpoint()
    probe.observe("steps", 1)


@planted("healthy-sleep", hang_after=3.0)
async def healthy_sleep(runtime: Runtime, probe: Probe) -> None:
    """A long sleep that is within the limit."""
    await runtime.sleep(1.2)
    probe.observe("steps", 1)


@planted("healthy-late", hang_after=3.0)
async def healthy_late(runtime: Runtime, probe: Probe) -> None:
    """Everything waits for a thread that takes its time and then sets things going."""
    done = runtime.create_event()

    async def waiter():
        await done.wait()

    async with runtime.open_task_group() as group:
        await group.spawn(waiter, name="waiter")
        await runtime.run_in_thread(time.sleep, 1.0)
        await done.set()
    probe.observe("steps", 1)


@planted("healthy-child", hang_after=6.0)
async def healthy_child(runtime: Runtime, probe: Probe) -> None:
    """Waits for a process that takes its time."""
    await runtime.run_in_process(time.sleep, 1.0)
    probe.observe("steps", 1)
