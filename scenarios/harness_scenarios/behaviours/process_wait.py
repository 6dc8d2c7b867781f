"""Waiting for a child: for what, by whom, and which exit code comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

from harness.api import CancelScope, Capability, ChildProcess, Parameter, Runtime, Scenario, allowed, forbidden

from ..parts.children import (
    PIPE,
    RUNS,
    UNTIL_TOLD,
    child_of,
    end,
    ends_within,
    read_number,
    start,
    state_of,
    tell,
    until,
    wait_blocking,
)
from .fairness_turns import give_turns
from .question import NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.process_wait"
_GRANDCHILD = "https://github.com/python/cpython/issues/119710"
_POPEN = "https://docs.python.org/3/library/subprocess.html#subprocess.Popen.returncode"
_PATIENCE = 0.6
"""Seconds that a wait has behind the end of its process. A healthy one takes a turn of the loop."""
_SETTLED = 0.02
TURNS = range(-1, 9)
"""Turns after its cause in which a wait is cancelled; -1 is before it."""

CHILD = (Capability.CHILD_PROCESS, Capability.DEADLINE)
"""What every question about children needs."""
CANCELLED_CHILD = (*CHILD, Capability.CANCEL_SCOPE)
"""Capabilities that a question needs if it cancels by call."""


# --- the process or its pipes ---

WITH_THE_PROCESS = "it returns when the process has ended"
WITH_THE_PIPE = "it waits until another process has closed the pipe"

_HOLDERS = {
    "stdout": ("sleep 60 </dev/null 2>/dev/null & echo $!; exec sleep 61", {}),
    "stderr": ("sleep 60 </dev/null >/dev/null & echo $!; exec sleep 61", {"stderr": PIPE}),
    "stdin": ("exec 3<&0; sleep 60 <&3 >/dev/null 2>&1 3<&- & echo $!; exec sleep 61 3<&-", {"stdin": PIPE}),
}
"""By the pipe that a process of the child holds open: the script, which prints who holds it, and its streams."""
_HELD = [(stream, is_early) for stream in _HOLDERS for is_early in (True, False)]


async def _wait_beside_a_holder(runtime: Runtime, trial: Trial) -> str:
    stream, is_early = _HELD[trial.number % len(_HELD)]
    script, streams = _HOLDERS[stream]
    trial.observe("case", f"{stream} held, waited for {'before' if is_early else 'after'} the end")
    async with child_of(runtime, script, stdout=PIPE, **streams) as child:
        holder = await read_number(child.stdout)
        try:
            in_time = await (_wait_early if is_early else _wait_late)(runtime, child)
        finally:
            os.kill(holder, signal.SIGKILL)
    return WITH_THE_PROCESS if in_time else WITH_THE_PIPE


async def _wait_early(runtime: Runtime, child: ChildProcess) -> bool:
    returned: list[bool] = []

    async def wait() -> None:
        await child.wait()
        returned.append(True)

    async with runtime.open_task_group() as group:
        await group.spawn(wait)
        await give_turns(runtime)
        child.terminate()
        await until(runtime, lambda: state_of(child.pid) != RUNS, _PATIENCE)
        in_time = await until(runtime, lambda: bool(returned), _PATIENCE)
        await group.cancel()
    return in_time


async def _wait_late(runtime: Runtime, child: ChildProcess) -> bool:
    child.terminate()
    await until(runtime, lambda: state_of(child.pid) != RUNS, _PATIENCE)
    await runtime.sleep(_SETTLED)
    await give_turns(runtime)
    return await ends_within(runtime, _PATIENCE, child.wait)


wait_ends_with_the_process = make_question(
    _wait_beside_a_holder,
    name="process.wait-ends-with-the-process",
    question="A child has ended and a process of its own still holds one of its pipes: does a wait for the child end?",
    catches=("child-waits-for-its-pipe",),
    contract=("A wait for a child is for the process and not for its pipes.",),
    ref=f"{_MODULE}:wait_ends_with_the_process",
    answers={
        WITH_THE_PROCESS: allowed("only the process is waited for"),
        WITH_THE_PIPE: forbidden("a daemon that the child leaves behind holds up its parent for ever", _GRANDCHILD),
        NEVER_ENDS: forbidden("the process has ended"),
    },
    repetitions=len(_HELD),
    judges={"case": NOTED},
    requires=(*CANCELLED_CHILD, Capability.GROUP_CANCEL),
    seconds=6.0,
)


# --- cancelled ---

CODE_KEPT = "the exit code is kept"
CODE_LOST = "the exit code is lost"
_CODE = 7


async def _cancel_a_wait(runtime: Runtime, trial: Trial) -> str:
    turn = TURNS[trial.number % len(TURNS)]
    codes: list[int] = []
    async with child_of(runtime, f"{UNTIL_TOLD}; exit {_CODE}", stdin=PIPE) as child:

        async def wait() -> None:
            codes.append(await child.wait())

        await cancel_at(runtime, turn, wait, lambda: _end_now(child))
        await tell(child)
        codes.append(await child.wait())
    trial.step("waiter", f"cancelled in turn {turn}: exit codes {codes}")
    return CODE_KEPT if set(codes) == {_CODE} else CODE_LOST


async def _end_now(child: ChildProcess) -> None:
    await tell(child)
    wait_blocking(lambda: state_of(child.pid) != RUNS)


async def cancel_at(
    runtime: Runtime, turn: int, wait: Callable[[], Awaitable[None]], cause: Callable[[], Awaitable[None]]
) -> None:
    """Cancel a wait some turns after the cause that ends it; in turn -1 it is cancelled first."""
    scopes: list[CancelScope] = []
    waits = runtime.create_event()

    async def stand_and_wait() -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes.append(scope)
            await waits.set()
            await wait()

    async with runtime.open_task_group() as group:
        await group.spawn(stand_and_wait)
        await waits.wait()
        await give_turns(runtime)
        if turn >= 0:
            await cause()
            await give_turns(runtime, turn)
        await scopes[0].cancel()


wait_cancelled = make_question(
    _cancel_a_wait,
    name="process.cancelled-wait-keeps-exit-code",
    question="A wait for a child is cancelled around the end of the child: can its exit code still be had?",
    catches=("cancelled-wait-loses-the-code",),
    contract=("A cancelled wait neither ends the child nor loses its exit code.",),
    ref=f"{_MODULE}:wait_cancelled",
    answers={
        CODE_KEPT: allowed("another wait returns it"),
        CODE_LOST: forbidden("the exit status of the child is lost"),
        NEVER_ENDS: forbidden("the child has ended, and a wait for it does not"),
    },
    repetitions=len(TURNS),
    requires=CANCELLED_CHILD,
)


# --- many ---

EACH_ITS_OWN = "each wait returns its own exit code"
MIXED = "exit codes are mixed up"
_MANY = Parameter(name="most", default=100, summary="how many children end at once, in the last repetition", at_least=1)


async def _end_many(runtime: Runtime, trial: Trial) -> str:
    count = (1, 2, trial.parameters["most"])[trial.number % 3]
    gate, hold = os.pipe()
    children = [await start(runtime, f"{UNTIL_TOLD}; exit {number % 100}", stdin=gate) for number in range(count)]
    os.close(gate)
    codes: dict[int, int] = {}

    async def wait(number: int, child: ChildProcess) -> None:
        codes[number] = await child.wait()

    try:
        async with runtime.open_task_group() as group:
            for number, child in enumerate(children):
                await group.spawn(wait, number, child)
            os.close(hold)
    finally:
        for child in children:
            await runtime.run_shielded(end, child)
    trial.step("parent", f"{count} children end at once, {len(codes)} waits return")
    return EACH_ITS_OWN if codes == {number: number % 100 for number in range(count)} else MIXED


many_end_at_once = make_question(
    _end_many,
    name="process.many-end-at-once",
    question="1, 2 and 100 children end in the same moment: does each wait return the exit code of its own child?",
    catches=("exit-codes-are-mixed-up",),
    contract=("A wait returns the exit code of its child.",),
    ref=f"{_MODULE}:many_end_at_once",
    answers={
        EACH_ITS_OWN: allowed("signals of children that end together are one signal; each child is looked at"),
        MIXED: forbidden("the exit code belongs to another child"),
        NEVER_ENDS: forbidden("the end of a child went unnoticed"),
    },
    repetitions=3,
    parameters=(_MANY,),
    rows={"quick": ({"most": 20},), "default": ({},)},
    requires=CHILD,
    seconds=12.0,
)

_WAITERS = (1, 2, 30)


async def _wait_from_many(runtime: Runtime, trial: Trial) -> str:
    count = _WAITERS[trial.number % len(_WAITERS)]
    codes: list[int] = []
    async with child_of(runtime, f"{UNTIL_TOLD}; exit {_CODE}", stdin=PIPE) as child:

        async def wait() -> None:
            codes.append(await child.wait())

        async with runtime.open_task_group() as group:
            for _ in range(count):
                await group.spawn(wait)
            await give_turns(runtime, 3)
            await tell(child)
    return EACH_ITS_OWN if codes == [_CODE] * count else MIXED


many_wait_for_one = make_question(
    _wait_from_many,
    name="process.many-wait-for-one",
    question="1, 2 and 30 tasks wait for the same child: do all of them see its exit code?",
    catches=("one-waiter-for-a-child",),
    contract=("Any number of tasks may wait for a child.",),
    ref=f"{_MODULE}:many_wait_for_one",
    answers={
        EACH_ITS_OWN: allowed("the end of a child is for all that wait"),
        MIXED: forbidden("an exit code is made up for some of them"),
        NEVER_ENDS: forbidden("some of them wait for ever"),
    },
    repetitions=len(_WAITERS),
    requires=CHILD,
)


# --- exit codes ---

AS_IT_ENDED = "the exit code, or the signal, negative"
_ENDS = [f"exit {code}" for code in (0, 1, 2, 126, 127, 128, 255)]
_ENDS += [f"kill -{number} $$" for number in (1, 2, 3, 4, 6, 8, 9, 11, 13, 14, 15, 34, 64)]


async def _end_in_each_way(runtime: Runtime, trial: Trial) -> str:
    script = _ENDS[trial.number % len(_ENDS)]
    kind, number, *_ = script.split()
    expected = int(number)  # `kill -9` reads as the exit code that it is
    async with child_of(runtime, f"ulimit -c 0; {script}") as child:
        code = await child.wait()
    trial.step("child", f"{kind} {number}: {code}")
    return AS_IT_ENDED if code == expected else f"{kind} {abs(expected)} is told as {code}"


exit_codes = make_question(
    _end_in_each_way,
    name="process.exit-codes",
    question="A child exits with a code from 0 to 255, or is killed by a signal from 1 to 64: what does a wait return?",
    catches=("signals-are-positive",),
    contract=("The exit code, or `-N` if signal N ended the process.",),
    ref=f"{_MODULE}:exit_codes",
    answers={
        AS_IT_ENDED: allowed("as `subprocess` has it", _POPEN),
        NEVER_ENDS: forbidden("the end of a child went unnoticed"),
    },
    repetitions=len(_ENDS),
    requires=CHILD,
)

LATE_WAIT_RETURNS = "it returns the exit code"
LATE_WAIT_INVENTS = "it returns another exit code"
_DELAYS = (0.0, 0.001, 0.02, 0.1)


async def _wait_late_for_the_dead(runtime: Runtime, trial: Trial) -> str:
    delay = _DELAYS[trial.number % len(_DELAYS)]
    async with child_of(runtime, f"exit {_CODE}") as child:
        wait_blocking(lambda: state_of(child.pid) != RUNS)
        if delay:
            await runtime.sleep(delay)
        polled = child.poll()
        codes = [await child.wait(), await child.wait()]
    trial.observe("poll before the wait", "the exit code" if polled == _CODE else str(polled))
    return LATE_WAIT_RETURNS if codes == [_CODE] * 2 and polled in (None, _CODE) else LATE_WAIT_INVENTS


late_wait = make_question(
    _wait_late_for_the_dead,
    name="process.late-wait",
    question="A child has ended before anything waits for it: what does a wait return, and another one after it?",
    catches=("late-wait-hangs",),
    contract=("A wait returns the exit code, also after the end and as often as it is asked.",),
    ref=f"{_MODULE}:late_wait",
    answers={
        LATE_WAIT_RETURNS: allowed("a child is a zombie until its exit status is collected"),
        LATE_WAIT_INVENTS: forbidden("the exit code was collected by something else, or made up"),
        NEVER_ENDS: forbidden("the end of the child went by before the wait began"),
    },
    repetitions=len(_DELAYS),
    judges={"poll before the wait": NOTED},
    requires=CHILD,
)

SCENARIOS: tuple[Scenario, ...] = (
    wait_ends_with_the_process,
    wait_cancelled,
    many_end_at_once,
    many_wait_for_one,
    exit_codes,
    late_wait,
)
