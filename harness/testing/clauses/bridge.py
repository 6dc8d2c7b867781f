"""Clauses of the bridge between a thread and the scheduler."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from harness.api import Capability, Runtime, bridge_of

from .clause import clause, require, require_equal, until

_BRIDGE = (Capability.BRIDGE,)
_CALL = (Capability.BRIDGE, Capability.BRIDGE_CALL)
_JOB = (Capability.BRIDGE, Capability.BRIDGE_JOB)
_DIRECT = (Capability.BRIDGE, Capability.DIRECT_CALL)
_FAR = 30.0


class BridgePlannedError(Exception):
    """The error of a call from a thread."""


async def in_thread(runtime: Runtime, fn: Callable[..., Any], *args: object) -> Any:
    """Call a function in a foreign thread while others run; return its result, or the error that it raised."""
    outcome: list[Any] = []

    def target() -> None:
        try:
            outcome.append(fn(*args))
        except BaseException as exc:  # noqa: BLE001 - looked at by the clause
            outcome.append(exc)

    threading.Thread(target=target, daemon=True).start()
    await until(runtime, lambda: bool(outcome))
    return outcome[0]


@clause("an item of a thread wakes a task that waits", of="Inbox.put", requires=_BRIDGE)
async def inbox_wakes(runtime: Runtime) -> None:
    """Let nothing else wake the scheduler."""
    inbox = bridge_of(runtime).open_inbox()
    timer = threading.Timer(0.01, inbox.put, ("item",))
    timer.start()
    item = await inbox.receive()
    timer.join()
    require_equal("item", expected="item", actual=item)


@clause("the items of a thread keep their order", of="Inbox.receive", requires=_BRIDGE)
async def inbox_order(runtime: Runtime) -> None:
    """Put a hundred from a thread."""
    inbox = bridge_of(runtime).open_inbox()

    def put_all() -> None:
        for number in range(100):
            inbox.put(number)

    await in_thread(runtime, put_all)
    received = [await inbox.receive() for _ in range(100)]
    require_equal("items", expected=list(range(100)), actual=received)


@clause("two inboxes are two", of="Bridge.open_inbox", requires=_BRIDGE)
async def inboxes_are_their_own(runtime: Runtime) -> None:
    """An item put into one is not received from the other."""
    bridge = bridge_of(runtime)
    first, second = bridge.open_inbox(), bridge.open_inbox()
    first.put(1)
    second.put(2)
    require_equal("items", expected=(2, 1), actual=(await second.receive(), await first.receive()))


@clause("an event that a thread sets wakes every waiter", of="BridgeEvent.set", requires=_BRIDGE)
async def event_wakes(runtime: Runtime) -> None:
    """Three of them."""
    event = bridge_of(runtime).create_event()
    woken: list[int] = []

    async def waiter(number: int) -> None:
        await event.wait()
        woken.append(number)

    async with runtime.open_task_group() as group:
        for number in range(3):
            await group.spawn(waiter, number)
        timer = threading.Timer(0.01, event.set)
        timer.start()
    timer.join()
    require_equal("waiters", expected=[0, 1, 2], actual=sorted(woken))


@clause("an event that a thread has set stays set", of="BridgeEvent.is_set", requires=_BRIDGE)
async def event_stays_set(runtime: Runtime) -> None:
    """And setting it again does nothing."""
    event = bridge_of(runtime).create_event()
    require(not event.is_set(), "it is set at first")
    await in_thread(runtime, event.set)
    await until(runtime, event.is_set)
    await in_thread(runtime, event.set)
    require(event.is_set(), "it is no longer set")


@clause("a wait for an event that a thread has set returns", of="BridgeEvent.wait", requires=_BRIDGE)
async def event_that_is_set(runtime: Runtime) -> None:
    """Also the second one."""
    event = bridge_of(runtime).create_event()
    await in_thread(runtime, event.set)
    await event.wait()
    await event.wait()


@clause("two events are two", of="Bridge.create_event", requires=_BRIDGE)
async def events_are_their_own(runtime: Runtime) -> None:
    """Setting one leaves the other alone."""
    bridge = bridge_of(runtime)
    first, second = bridge.create_event(), bridge.create_event()
    first.set()
    await first.wait()
    require(not second.is_set(), "the other one is set")


@clause("a second scheduler runs in another thread", of="Bridge.run_scheduler", requires=_BRIDGE)
async def second_scheduler(runtime: Runtime) -> None:
    """It has a runtime of its own, and its error comes out; the first one runs on."""
    bridge = bridge_of(runtime)
    seen: list[object] = []

    async def fail(other: Runtime) -> None:
        await other.sleep(0.001)
        seen.extend((other is runtime, threading.current_thread() is threading.main_thread()))
        raise BridgePlannedError

    raised = await in_thread(runtime, bridge.run_scheduler, fail, lambda _exc, _context: None)
    require_equal("same runtime, main thread", expected=[False, False], actual=seen)
    require(isinstance(raised, BridgePlannedError), f"its error did not come out: {raised!r}")


@clause("calls of a thread are made soon, in order", of="Bridge.call_soon", requires=_CALL)
async def calls_soon(runtime: Runtime) -> None:
    """Make a hundred, and one more that ends the wait."""
    bridge = bridge_of(runtime)
    made: list[int] = []
    event = bridge.create_event()

    def make_calls() -> None:
        for number in range(100):
            bridge.call_soon(made.append, number)
        event.set()

    timer = threading.Timer(0.01, make_calls)
    timer.start()
    await event.wait()
    timer.join()
    require_equal("calls", expected=list(range(100)), actual=made)


@clause("the result and the error of a call reach the thread", of="Bridge.call", requires=_CALL)
async def call_result(runtime: Runtime) -> None:
    """Of a plain function."""
    bridge = bridge_of(runtime)

    def fail() -> None:
        raise BridgePlannedError("call")

    require_equal("result", expected=(3, 1), actual=await in_thread(runtime, bridge.call, divmod, 7, 2))
    raised = await in_thread(runtime, bridge.call, fail)
    require(isinstance(raised, BridgePlannedError) and raised.args == ("call",), f"the error was {raised!r}")


@clause("a thread runs a function of the scheduler to its end", of="Bridge.run", requires=_CALL)
async def run_result(runtime: Runtime) -> None:
    """A function that waits: its result, and its error."""
    bridge = bridge_of(runtime)

    async def divide(dividend: int, divisor: int) -> tuple[int, int]:
        await runtime.sleep(0.001)
        return divmod(dividend, divisor)

    require_equal("result", expected=(3, 1), actual=await in_thread(runtime, bridge.run, divide, 7, 2))
    raised = await in_thread(runtime, bridge.run, divide, 7, 0)
    require(isinstance(raised, ZeroDivisionError), f"the error was {raised!r}")


@clause("a job has a result or an error", of="BridgeJob.result", requires=_JOB)
async def job_result(runtime: Runtime) -> None:
    """To be asked for twice."""
    bridge = bridge_of(runtime)

    async def divide(dividend: int, divisor: int) -> tuple[int, int]:
        await runtime.sleep(0.001)
        return divmod(dividend, divisor)

    def ask(*args: int) -> object:
        job = bridge.submit(divide, *args)
        return job.result(_FAR), job.result(_FAR)

    require_equal("results", expected=((3, 1), (3, 1)), actual=await in_thread(runtime, ask, 7, 2))
    raised = await in_thread(runtime, ask, 7, 0)
    require(isinstance(raised, ZeroDivisionError), f"the error was {raised!r}")


@clause("two jobs run concurrently", of="Bridge.submit", requires=_JOB)
async def jobs_run_together(runtime: Runtime) -> None:
    """Let each wait for the other."""
    bridge = bridge_of(runtime)
    first, second = bridge.create_event(), bridge.create_event()

    async def meet(own: Any, other: Any) -> str:
        own.set()
        await other.wait()
        return "met"

    def ask() -> object:
        jobs = [bridge.submit(meet, first, second), bridge.submit(meet, second, first)]
        return [job.result(_FAR) for job in jobs]

    require_equal("results", expected=["met", "met"], actual=await in_thread(runtime, ask))


@clause("a job is done when it has ended", of="BridgeJob.done", requires=_JOB)
async def job_done(runtime: Runtime) -> None:
    """And not before."""
    bridge = bridge_of(runtime)
    event = bridge.create_event()

    async def wait() -> None:
        await event.wait()

    def ask() -> object:
        job = bridge.submit(wait)
        before = job.done()
        event.set()
        job.result(_FAR)
        return before, job.done()

    require_equal("done", expected=(False, True), actual=await in_thread(runtime, ask))


@clause("a job that has ended cannot be cancelled", of="BridgeJob.cancel", requires=_JOB)
async def job_cancel(runtime: Runtime) -> None:
    """Its result stays."""
    bridge = bridge_of(runtime)

    async def end() -> str:
        return "result"

    def ask() -> object:
        job = bridge.submit(end)
        return job.result(_FAR), job.cancel(), job.result(_FAR)

    require_equal("results", expected=("result", False, "result"), actual=await in_thread(runtime, ask))


@clause("in a task a direct put is a send", of="Direct.put", requires=_DIRECT)
async def direct_put(runtime: Runtime) -> None:
    """Into a channel that has room."""
    direct = bridge_of(runtime).direct()
    send, receive = runtime.open_channel(1)
    direct.put(send, "item")
    require_equal("item", expected="item", actual=await receive.receive())
    await send.aclose()
    await receive.aclose()


@clause("in a task a direct set is a set", of="Direct.set", requires=_DIRECT)
async def direct_set(runtime: Runtime) -> None:
    """Of an event."""
    event = runtime.create_event()
    bridge_of(runtime).direct().set(event)
    require(event.is_set(), "it is not set")


@clause("in a task a direct spawn is a spawn", of="Direct.spawn", requires=_DIRECT)
async def direct_spawn(runtime: Runtime) -> None:
    """The block waits for the task."""
    direct = bridge_of(runtime).direct()
    ran: list[int] = []

    async def note(number: int) -> None:
        await runtime.checkpoint()
        ran.append(number)

    async with runtime.open_task_group() as group:
        direct.spawn(group, note, 1)
    require_equal("tasks", expected=[1], actual=ran)


@clause("in a task a direct cancel is a cancel", of="Direct.cancel", requires=(*_DIRECT, Capability.CANCEL_SCOPE))
async def direct_cancel(runtime: Runtime) -> None:
    """The block ends at its next wait."""
    direct = bridge_of(runtime).direct()
    async with runtime.open_cancel_scope() as scope:
        direct.cancel(scope)
        await runtime.create_event().wait()
    require(scope.cancelled_caught, "the scope was not cancelled")


@clause("a thread can ask for the direct calls", of="Bridge.direct", requires=_DIRECT)
async def direct_in_a_thread(runtime: Runtime) -> None:
    """Their effect in it is open, their existence is not."""
    direct = await in_thread(runtime, bridge_of(runtime).direct)
    require(hasattr(direct, "put"), f"got {direct!r}")
