"""What each built-in backend reads of its runtime, where that is more than the contract asks for."""

import asyncio
import gc
import importlib
import sys
import threading

import pytest

from harness.api import Resource, Wait
from tests.runtimes import BACKENDS

RUNNERS = {
    "asyncio": "harness_asyncio.backend:AsyncioRunner",
    "uvloop": "harness_uvloop.backend:UvloopRunner",
    "trio": "harness_trio.backend:TrioRunner",
    "curio": "harness_curio.backend:CurioRunner",
    "threads": "harness_threads.backend:ThreadsRunner",
}
FAR = 500.0


def run(backend, main):
    module, _, name = RUNNERS[backend].partition(":")
    getattr(importlib.import_module(module), name)({}).run(main, lambda _exc, _context: None)


def snapshots_of(backend, tasks):
    """Return by name the snapshots of tasks that wait, and what `tasks` returned: their functions by name."""
    found = {}

    async def main(runtime):
        async with runtime.open_task_group() as group:
            functions = await tasks(runtime)
            for name, function in functions.items():
                await group.spawn(function, name=name)
            while not all(name in found and found[name].frames for name in functions):
                await runtime.sleep(0.01)
                found.update({snapshot.name: snapshot for snapshot in runtime.tasks()})
            await runtime.sleep(0.02)
            found.update({snapshot.name: snapshot for snapshot in runtime.tasks()})
            found["now"], found["timers"] = runtime.now(), runtime.timers()
            await group.cancel()

    run(backend, main)
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_each_call_waits_for(backend):
    """Every primitive of the contract that a task can be stuck in."""

    async def tasks(runtime):
        lock, condition = runtime.create_lock(), runtime.create_condition()
        _, receive = runtime.open_channel(1)
        full, _ = runtime.open_channel(1)
        _, meeting = runtime.open_channel(0)
        await full.send(1)
        await lock.acquire()

        async def on_condition():
            async with condition:
                await condition.wait()

        async def in_group():
            async with runtime.open_task_group() as group:
                await group.spawn(runtime.create_event().wait, name="member")

        return {
            "lock": lock.acquire,
            "semaphore": runtime.create_semaphore(0).acquire,
            "event": runtime.create_event().wait,
            "condition": on_condition,
            "channel receive": receive.receive,
            "channel send": lambda: full.send(2),
            "rendezvous": meeting.receive,
            "tasks": in_group,
        }

    found = snapshots_of(backend, tasks)
    waits = {name: found[name].waits_for for name in ("rendezvous", *map(str, Wait)) if name in found}
    assert waits == {name: Wait(name) for name in waits if name != "rendezvous"} | {"rendezvous": Wait.RECEIVE}
    assert len(waits) == 8
    assert isinstance(found["lock"].on, Resource)
    assert found["lock"].on != found["semaphore"].on


@pytest.mark.parametrize("backend", BACKENDS)
def test_when_a_sleep_and_a_time_out_end(backend):
    """The nearest of several; both are among the timers."""

    async def tasks(runtime):
        async def patient():
            async with runtime.move_on_after(2 * FAR), runtime.move_on_after(FAR):
                await runtime.create_event().wait()

        return {"sleeper": lambda: runtime.sleep(3 * FAR), "patient": patient}

    found = snapshots_of(backend, tasks)
    assert found["sleeper"].wakes_at - found["now"] == pytest.approx(3 * FAR, abs=30)
    assert found["patient"].deadline - found["now"] == pytest.approx(FAR, abs=30)
    assert {round((time - found["now"]) / FAR) for time in found["timers"]} >= {1, 3}
    assert min(time - found["now"] for time in found["timers"]) > FAR - 30


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name in ("asyncio", "uvloop")])
def test_the_time_out_of_wait_for(backend):
    """It is no block, and before Python 3.12 no `Timeout`."""

    async def tasks(runtime):
        return {"waits": lambda: asyncio.wait_for(asyncio.Event().wait(), FAR)}

    found = snapshots_of(backend, tasks)
    assert found["waits"].deadline - found["now"] == pytest.approx(FAR, abs=30)


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name in ("asyncio", "uvloop")])
def test_a_callback_that_is_to_come_is_a_timer(backend):
    """It belongs to no task, and may set the event that all of them wait for."""

    async def tasks(runtime):
        asyncio.get_running_loop().call_later(FAR, print)
        return {"waits": runtime.create_event().wait}

    found = snapshots_of(backend, tasks)
    assert [time - found["now"] for time in found["timers"]] == [pytest.approx(FAR, abs=30)]


def test_a_task_that_is_awaited_is_named():
    """`await task` has no frame below it."""

    async def tasks(runtime):
        async def joins():
            await asyncio.create_task(asyncio.Event().wait(), name="the other")

        return {"joins": joins}

    joins = snapshots_of("asyncio", tasks)["joins"]
    assert (joins.waits_for, joins.on.label) == (Wait.TASKS, "the other")


def test_trio_says_who_holds_a_lock():
    """Also of one that was taken by a plain call, of which the source shows nothing."""

    async def tasks(runtime):
        lock = runtime.create_lock()

        async def holds():
            await lock.acquire()
            await runtime.create_event().wait()

        async def waits():
            await runtime.sleep(0.01)
            await lock.acquire()

        return {"holds": holds, "waits": waits}

    found = snapshots_of("trio", tasks)
    assert found["holds"].holds == (found["waits"].on,)
    assert found["holds"].depth > 0


def test_the_threads_of_a_run_are_its_tasks():
    """One that drives no coroutine is none."""
    leave = threading.Event()
    other = threading.Thread(target=leave.wait, name="no task")
    other.start()

    async def tasks(runtime):
        return {"waits": runtime.create_event().wait}

    found = snapshots_of("threads", tasks)
    leave.set()
    other.join()
    assert {"waits"} <= found.keys()
    assert "no task" not in found


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_can_be_called_at_any_time(backend):
    """From a profile function, as from a signal handler: between any two calls of the thread that runs the tasks."""
    seen, errors = [], []

    async def main(runtime):
        def look(_frame, event, _arg):
            if event != "call" or len(seen) >= 500:
                return
            sys.setprofile(None)
            try:
                seen.append(len(runtime.tasks()) + len(runtime.timers()))
            except Exception as exc:  # what must not happen
                errors.append(exc)
            sys.setprofile(look)

        async def work():
            async with runtime.move_on_after(30), lock:
                for _ in range(5):
                    await runtime.checkpoint()
            await send.send(1)

        lock = runtime.create_lock()
        send, receive = runtime.open_channel(0)
        sys.setprofile(look)
        try:
            async with runtime.open_task_group() as group:
                for _ in range(4):
                    await group.spawn(work)
                for _ in range(4):
                    await receive.receive()
        finally:
            sys.setprofile(None)

    gc.freeze()  # timers of uvloop are found among all objects: leave out those of other tests
    try:
        run(backend, main)
    finally:
        gc.unfreeze()
    assert errors == []
    assert len(seen) > 50
