"""timeout-select: N operations each race a timer; the winner decides, the loser is cancelled.

Question: when a timer and an operation race, who wins, what becomes of the loser and its item, and what does it cost?

Contract: no timer fires early, by the runtime's own clock (`Runtime.now`); a loser that has started is cancelled once
and has ended when the select returns; an item is delivered or still in its channel, never lost and never both; of
nested deadlines each ends its own block, when its time has come; no timer or task is left behind.

Who wins is set up by the parameter `winner`:

- `never`: no item is sent, so the timer wins. Lateness is measured.
- `always`: the item is there before the select starts, so the operation wins. The cost of a select is measured, while
  the timers of `n - 1` other tasks are outstanding.
- `tie`: the item is sent by a task whose own timer is due at the very time at which the operation's is.
- `cancelling`: the item is sent in the tick in which the operation is cancelled, just before or just after. Whoever
  cancels stands for the timer.
- `nested`: two deadlines, of which the outer is earlier, the inner is earlier, or both are at once.

`via` is the idiom: a scope with a deadline, or `first_completed` with a function that sleeps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter, perf_counter_ns, process_time_ns
from typing import Any

from harness.api import (
    CancelScope,
    Capability,
    ErrorKind,
    Judge,
    Parameter,
    Probe,
    ReceiveChannel,
    Runtime,
    Scenario,
    SendChannel,
    Value,
    allowed,
    bounded,
    info,
    metric,
    outcomes,
)
from harness_scenarios.parts.percentiles import compute_percentiles
from harness_scenarios.parts.timer_race import (
    CLOCK_GRAIN,
    Arena,
    Contender,
    Tally,
    Verdict,
    drain,
    race_by_select,
    race_in_scope,
)

_MEASURED_VALUES = 3
_BATCH = 256
"""Selects between two checkpoints, in which a scheduler may tidy up the timers that were cancelled."""
_FAR = 3600.0
"""Seconds; a deadline that must not decide anything."""
_CHECKED_RACES = 100
_SETTLING_CHECKPOINTS = 3
_HOLD = 0.002
"""Seconds before the deadline at which a sender wakes that holds the scheduler; a timer may be over 1 ms late."""
_WALL_GRAIN = 0.001
"""Seconds; the coarsest clock of a scheduler (uvloop's counts milliseconds)."""
_PERCENTILES = ("p50", "p99", "max")

_Steps = Sequence[Callable[[], Awaitable[None]]]


async def main(runtime: Runtime, probe: Probe) -> None:
    """Hold the races that the cell asks for, and look for tasks that are left."""
    tasks_before = len(runtime.tasks())
    arena = Arena(runtime, probe)
    await _WINNERS[probe.parameters["winner"]](arena)
    arena.report()
    probe.observe("tasks left", max(0, len(runtime.tasks()) - tasks_before))


# --- never ready: the timer wins ---


async def _hold_never(arena: Arena) -> None:
    late: list[float] = []
    late_by_wall: list[float] = []

    async def contest(tally: Tally, turn: int) -> None:
        del turn
        send, receive, operation = arena.open_race()
        wall, due = perf_counter(), arena.runtime.now() + arena.seconds
        verdict = await arena.race_for(arena.seconds, operation, tally)
        now, wall_now = arena.runtime.now(), perf_counter()
        if verdict.timed_out:
            late.append(now - due)
            late_by_wall.append(wall_now - wall - arena.seconds)
            tally.timers_early += now < due - CLOCK_GRAIN
        tally.count_items(0, verdict.delivered, await drain(arena.runtime, send, receive))

    cpu_ns = process_time_ns()
    await arena.hold_all(contest)
    arena.probe.observe("CPU per select", (process_time_ns() - cpu_ns) / 1000 / arena.due)
    _report_lateness(arena.probe, late, late_by_wall)


def _report_lateness(probe: Probe, late: list[float], late_by_wall: list[float]) -> None:
    found = compute_percentiles(round(seconds * 1e9) for seconds in late)
    for name in _PERCENTILES:
        if name in found:
            probe.observe(f"lateness {name}", found[name] / 1000)
    probe.observe("lateness samples", len(late))
    probe.observe("most early by the wall clock", max(0.0, -min(late_by_wall, default=0.0) * 1e6))


# --- always ready: the operation wins ---


async def _hold_always(arena: Arena) -> None:
    runtime = arena.runtime
    waiting: list[int] = []
    async with runtime.open_task_group() as group:
        for number in range(arena.n - 1):
            await group.spawn(_hold_far_timer, runtime, waiting, number)
        while len(waiting) < arena.n - 1:
            await runtime.checkpoint()
        for number in range(1 + _MEASURED_VALUES):
            duration_ns = await _time_selects(arena)
            if number:
                arena.probe.observe("ns per select", duration_ns / arena.races)
        await group.cancel()
    arena.probe.observe("timers that won over a ready operation", arena.total.timers_won)
    await arena.hold(partial(_contest_ready, arena), tasks=1, turns=_CHECKED_RACES)


async def _hold_far_timer(runtime: Runtime, waiting: list[int], number: int) -> None:
    async with runtime.move_on_after(_FAR):
        waiting.append(number)
        await runtime.create_event().wait()


async def _time_selects(arena: Arena) -> int:
    """Let ready operations race far timers and return the time it took, in ns. Sending is not timed."""
    runtime, tally = arena.runtime, Tally()
    send, receive = runtime.open_channel(None)
    race_ready = _race_ready_in_scopes if arena.by_scope else _race_ready_by_select
    delivered: list[Any] = []
    duration_ns = 0
    for start in range(0, arena.races, _BATCH):
        stop = min(start + _BATCH, arena.races)
        for item in range(start, stop):
            await send.send(item)
        start_ns = perf_counter_ns()
        completed = await race_ready(runtime, receive, stop - start)
        await runtime.checkpoint()
        duration_ns += perf_counter_ns() - start_ns
        delivered.extend(completed)
        arena.probe.advance(stop - start)
    arena.due += arena.races
    tally.operations_won = len(delivered)
    tally.timers_won = arena.races - len(delivered)
    tally.count_items(arena.races, delivered, await drain(runtime, send, receive))
    arena.total.add(tally)
    return duration_ns


async def _race_ready_in_scopes(runtime: Runtime, receiver: ReceiveChannel, count: int) -> list[Any]:
    # This loop is measured, so it contains only code that a hand-written program would have. `fail_after` is the
    # runtimes' own time-out; a scope that is silent and can be cancelled is more than most of them have.
    fail_after, receive = runtime.fail_after, receiver.receive
    delivered: list[Any] = []
    for _ in range(count):
        try:
            async with fail_after(_FAR):
                delivered.append(await receive())
        except Exception as exc:
            if runtime.classify(exc) is not ErrorKind.DEADLINE:
                raise
    return delivered


async def _race_ready_by_select(runtime: Runtime, receiver: ReceiveChannel, count: int) -> list[Any]:
    first_completed, receive, wait_long = runtime.first_completed, receiver.receive, partial(runtime.sleep, _FAR)
    completed: list[tuple[int, Any]] = []
    for _ in range(count):
        completed.extend(await first_completed(receive, wait_long))
    return [result for index, result in completed if index == 0]


async def _contest_ready(arena: Arena, tally: Tally, turn: int) -> None:
    """Race a ready operation against a timer that is near enough to be seen if it is left behind."""
    del turn
    send, receive, operation = arena.open_race()
    await send.send(0)
    verdict = await arena.race_for(arena.seconds, operation, tally)
    tally.count_items(1, verdict.delivered, await drain(arena.runtime, send, receive))


# --- tie: the operation becomes ready at the deadline ---


async def _hold_tie(arena: Arena) -> None:
    await arena.hold_all(partial(_contest_tie, arena))


async def _contest_tie(arena: Arena, tally: Tally, turn: int) -> None:
    """Send at the deadline, in four ways.

    The sender's own timer is set after the operation's, or before it, for the same time. Or the sender wakes a little
    earlier, and holds the scheduler until the deadline has passed: then it learns of the item and of the deadline at
    once. The item is sent before it is held, or after.
    """
    runtime = arena.runtime
    send, receive, operation = arena.open_race()
    sent: list[int] = []
    sets_timer_first, holds_scheduler = turn % 2, turn % 4 >= 2
    wall_due, due = perf_counter() + arena.seconds, runtime.now() + arena.seconds

    async def send_when_due() -> None:
        await arena.sleep_until(due - _HOLD if holds_scheduler else due)
        if holds_scheduler and sets_timer_first:
            _hold_scheduler(wall_due)
        await _put(send, sent)
        if holds_scheduler:
            _hold_scheduler(wall_due)

    async with runtime.open_task_group() as group:
        await group.spawn(send_when_due)
        if sets_timer_first:
            await runtime.checkpoint()
        verdict = await arena.race_until(due, operation, tally)
        tally.timers_early += verdict.timed_out and arena.is_before(due)
    tally.count_items(len(sent), verdict.delivered, await drain(runtime, send, receive))


def _hold_scheduler(wall_due: float) -> None:
    # By the wall clock, because the clock of a scheduler that is held may stand still (uvloop's does).
    while perf_counter() < wall_due + _WALL_GRAIN:
        pass


async def _put(send: SendChannel, sent: list[int]) -> None:
    await send.send(0)
    sent.append(0)


# --- ready while being cancelled ---


async def _hold_cancelling(arena: Arena) -> None:
    await arena.hold_all(partial(_contest_cancelling, arena))


async def _contest_cancelling(arena: Arena, tally: Tally, turn: int) -> None:
    """Send the item and cancel the operation in one tick: in both orders, by one task and by two.

    Where the item comes last, up to three checkpoints lie in between: `first_completed` needs a tick or two to cancel.
    """
    runtime = arena.runtime
    send, receive, operation = arena.open_race()
    sent: list[int] = []
    scopes: list[CancelScope] = []
    go, stop = runtime.create_event(), runtime.create_event()

    async def cancel() -> None:
        await (scopes[0].cancel() if arena.by_scope else stop.set())

    put = partial(_put, send, sent)
    put_first, by_one_task, gap = turn % 2 == 0, turn % 4 < 2, turn // 4 % 4
    steps: list[_Steps] = [[put], [cancel]] if put_first else [[cancel], [*[runtime.checkpoint] * gap, put]]
    async with runtime.open_task_group() as group:
        for mine in [[*steps[0], *steps[1]]] if by_one_task else steps:
            await group.spawn(_take_steps, go.wait, mine)
        await group.spawn(_start_when_waiting, runtime, operation, go.set)
        if arena.by_scope:
            verdict = await race_in_scope(runtime.open_cancel_scope(), operation, tally, entered=scopes.append)
        else:
            verdict = await race_by_select(runtime, operation, Contender(runtime, stop.wait), tally)
    tally.count_items(len(sent), verdict.delivered, await drain(runtime, send, receive))


async def _take_steps(gate: Callable[[], Awaitable[object]], steps: _Steps) -> None:
    await gate()
    for step in steps:
        await step()


async def _start_when_waiting(runtime: Runtime, operation: Contender, start: Callable[[], Awaitable[None]]) -> None:
    while not operation.started:
        await runtime.checkpoint()
    for _ in range(_SETTLING_CHECKPOINTS):  # until the others wait too
        await runtime.checkpoint()
    await start()


# --- nested deadlines ---


async def _hold_nested(arena: Arena) -> None:
    ends_at_once: list[str] = []
    await arena.hold_all(partial(_contest_nested, arena, ends_at_once))
    total = arena.total
    arena.probe.observe("nested deadlines that ended a block before their time", total.nested_wrong)
    arena.probe.observe("inner deadlines kept", total.inner_ended_first / max(1, total.inner_due_first))
    for end in ends_at_once:
        arena.probe.observe("ended by, of two deadlines at once", end)


async def _contest_nested(arena: Arena, ends_at_once: list[str], tally: Tally, turn: int) -> None:
    """Wait in two blocks, the inner of which ends at its own deadline unless the outer's comes before."""
    runtime = arena.runtime
    send, receive, operation = arena.open_race()
    near = runtime.now() + arena.seconds
    far = near + arena.seconds
    outer_due, inner_due = ((far, near), (near, far), (near, near))[turn % 3]
    verdict: Verdict | None = None
    async with runtime.open_cancel_scope(deadline=outer_due) as outer:
        verdict = await arena.race_until(inner_due, operation, tally)
        tally.nested_wrong += arena.is_before(inner_due)
        await receive.receive()  # the outer deadline has to hold behind the inner block as well
    tally.nested_wrong += not outer.cancelled_caught or arena.is_before(outer_due)
    if verdict is None:
        tally.timers_won += 1
        tally.count_loser(operation)
    if inner_due < outer_due:
        tally.inner_due_first += 1
        tally.inner_ended_first += verdict is not None
    elif inner_due == outer_due:
        ends_at_once.append("outer" if verdict is None else "inner")
    await drain(runtime, send, receive)


# --- declaration ---

_WINNERS: dict[str, Callable[[Arena], Awaitable[None]]] = {
    "never": _hold_never,
    "always": _hold_always,
    "tie": _hold_tie,
    "cancelling": _hold_cancelling,
    "nested": _hold_nested,
}

_JUDGES: dict[str, Judge] = {
    "ns per select": metric("ns"),
    "CPU per select": metric("µs"),
    # Not metrics: where a runtime's clock counts milliseconds the lateness may be 0, of which there is no ratio.
    "lateness p50": info("µs"),
    "lateness p99": info("µs"),
    "lateness max": info("µs"),
    "lateness samples": info(),
    "most early by the wall clock": info("µs"),
    "selects": info(),
    "operation won": info(),
    "timer won": info(),
    "timers that won over a ready operation": bounded(
        at_most=0, reason="an operation that is ready wins over a timer that is an hour away"
    ),
    "items sent": info(),
    "items still in the channel": info(),
    "items lost": bounded(
        at_most=0, reason="a cancelled receive has taken nothing: the item is delivered or still in the channel"
    ),
    "items duplicated": bounded(
        at_most=0,
        reason="a delivered item leaves the channel, and no receiver gets an item that was never sent",
    ),
    "losers not cancelled exactly once": bounded(
        at_most=0, reason="a loser that has started is cancelled once, and has ended when the race is over"
    ),
    "losers that never started": info(),
    "timers fired early": bounded(
        at_most=0, reason="no timer fires early, by the runtime's own clock", reference="uvloop #739, BEHAVIOURS T01"
    ),
    "cancellations after the race": bounded(
        at_most=0, reason="the timer of a race that is over is gone: code behind the race runs on"
    ),
    "nested deadlines that ended a block before their time": bounded(
        at_most=0, reason="a block ends by its own deadline, when that has come, and not by one around it or in it"
    ),
    "inner deadlines kept": bounded(
        at_least=0.05,
        reason="the earlier deadline of an inner block ends that block. Only a scheduler that was held up until the "
        "outer one had come as well may end the outer at once: on a busy machine that happens, but not every time",
    ),
    "ended by, of two deadlines at once": outcomes(
        {
            "inner": allowed("both deadlines have come, so either block may end first"),
            "outer": allowed("both deadlines have come, so either block may end first"),
        }
    ),
    "tasks left": bounded(at_most=0, reason="a loser has ended when its race is over"),
}

_PARAMETERS = (
    Parameter(name="winner", default="always", summary="who wins, by set-up", choices=tuple(_WINNERS)),
    Parameter(
        name="via",
        default="deadline",
        summary="the idiom: a scope with a deadline, or first_completed with a sleeper",
        choices=("deadline", "select"),
    ),
    Parameter(name="n", default=1, summary="timers outstanding at once", at_least=1, at_most=10_000),
    Parameter(name="deadline", default=0.01, summary="how far off a timer that matters is", unit="s", at_least=0),
    Parameter(
        name="races",
        default=1000,
        summary="selects in the cell (in each measured value where the operation always wins)",
        at_least=1,
    ),
)


def _row(winner: str, via: str = "deadline", *, n: int = 1, races: int, deadline: float = 0.01) -> dict[str, Value]:
    return {"winner": winner, "via": via, "n": n, "deadline": deadline, "races": races}


_QUICK = (
    _row("never", n=100, races=1000),
    _row("always", races=5_000),
    _row("tie", n=20, races=400),
    _row("cancelling", races=400),
    _row("nested", n=50, races=300),
)
_DEFAULT = (
    _row("never", races=100),
    _row("never", n=100, races=3_000),
    _row("always", races=10_000),
    _row("always", "select", races=1_000),
    _row("tie", n=20, races=1_000),
    _row("cancelling", "select", races=600),
    _row("nested", n=50, races=600),
)
_THOROUGH = (
    *_DEFAULT,
    _row("never", "select", n=100, races=3_000),
    _row("never", n=1_000, races=10_000, deadline=0.1),
    _row("always", n=1_000, races=10_000),
    _row("tie", "select", n=20, races=2_000),
    _row("cancelling", races=2_000),
    _row("nested", "select", n=50, races=600),
)
_STRESS = (
    *_THOROUGH,
    _row("never", n=10_000, races=10_000, deadline=1.0),
    _row("always", n=10_000, races=10_000),
)

timeout_select = Scenario(
    name="timeout-select",
    order=20,
    question="When a timer and an operation race: who wins, what becomes of the loser, and what does it cost?",
    contract=(
        "No timer fires early, by the runtime's own clock.",
        "A loser that has started is cancelled exactly once and has ended when the race is over.",
        "An item is delivered or still in its channel: never lost, and never both.",
        "Of nested deadlines each ends its own block, when its time has come.",
        "No timer and no task is left behind.",
    ),
    ref="harness_scenarios.load.timeout_select:timeout_select",
    roles={"main": main},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="ns per select",
    rows={"quick": _QUICK, "default": _DEFAULT, "thorough": _THOROUGH, "stress": _STRESS},
    conserved={"selects": ("operation won", "timer won")},
    requires=(
        Capability.CANCEL_SCOPE,
        Capability.DEADLINE,
        Capability.GROUP_CANCEL,
        Capability.CHANNEL,
        Capability.CHANNEL_CLOSE,
        Capability.SELECT,
    ),
    timeout=60.0,
    hang_after=10.0,
    summary="let operations race timers: the winner, the fate of the loser, and the cost of a select",
    catches=("item-from-nowhere", "deadline-early", "scope-lies", "inner-deadline-forgotten"),
)
