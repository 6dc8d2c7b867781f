"""One of several sleeps, jobs, connections or children ends otherwise than the others, at each position.

Whatever happens to that one, each of the others has its own result, and the next one works.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack

from harness.api import (
    ByteStream,
    CancelScope,
    Capability,
    Event,
    Harm,
    Listener,
    Runtime,
    Scenario,
    allowed,
    forbidden,
)
from harness.api.processes import PIPE, ChildProcess

from ..parts.children import UNTIL_TOLD, child_of, tell
from .cancel_target import PlannedFailureError
from .fairness_turns import FEW_TURNS, give_turns
from .positions import list_positions
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.several_things"
_FAR = 60.0

# --- sleeps ---

OWN_TIME = "each of the others sleeps for its own time"
EARLY = "another one returns before its time"
NOT_CANCELLED = "the cancelled one goes on"
_SLEEP = 0.004


class _Sleepers:
    """Tasks that sleep, each in a scope of its own; the cancelled one would sleep for a minute."""

    def __init__(self, runtime: Runtime, cancelled: int) -> None:
        self._runtime = runtime
        self._cancelled = cancelled
        self._scopes: dict[int, CancelScope] = {}
        self.answer = OWN_TIME

    async def sleep(self, size: int) -> None:
        async with self._runtime.open_task_group() as group:
            for number in range(size):
                waits = self._runtime.create_event()
                await group.spawn(self._sleep, number, waits)
                await waits.wait()
            await self._scopes[self._cancelled].cancel()

    async def _sleep(self, number: int, waits: Event) -> None:
        seconds = _FAR if number == self._cancelled else _SLEEP * (1 + number % 3)
        async with self._runtime.open_cancel_scope() as scope:
            self._scopes[number] = scope
            await waits.set()
            begin = self._runtime.now()
            await self._runtime.sleep(seconds)
            if self._runtime.now() - begin < seconds / 2:  # uvloop may be a little early: timer.early-by-own-clock
                self.answer = EARLY if number != self._cancelled else NOT_CANCELLED


async def _cancel_one_sleep(runtime: Runtime, trial: Trial) -> str:
    for size in (1, 2, 3, 50):
        for position in list_positions(size):
            sleepers = _Sleepers(runtime, position)
            await sleepers.sleep(size)
            if sleepers.answer != OWN_TIME:
                trial.observe("case", f"number {position + 1} of {size}")
                return sleepers.answer
    return OWN_TIME


one_sleep = make_question(
    _cancel_one_sleep,
    name="timer.one-of-several-cancelled",
    question="One of several sleeps is cancelled, at each position: do the others keep their time?",
    contract=("A sleep takes at least its time.", "A cancellation reaches the tasks in its scope, and no other."),
    ref=f"{_MODULE}:one_sleep",
    answers={
        OWN_TIME: allowed("a timer that is cancelled takes no other one with it"),
        EARLY: forbidden("a sleep takes at least its time"),
        NOT_CANCELLED: forbidden("a cancelled sleep ends with the cancellation"),
        NEVER_ENDS: forbidden("a timer is lost with the one that was cancelled"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CANCEL_SCOPE,),
    catches=("cancelled-sleep-wakes-the-others",),
)


# --- jobs ---

OWN_RESULT = "each call gets the result of its own job"
MIXED_UP = "a call gets another result"
ERROR_LOST = "the error of the job that failed is lost"


def _work(number: int, failing: int) -> int:
    if number == failing:
        raise PlannedFailureError(number)
    return number


async def _fail_one_job(runtime: Runtime, trial: Trial) -> str:
    for size in (1, 2, 3, 50):
        for position in list_positions(size):
            answer = await _run_jobs(runtime, size, position)
            if answer != OWN_RESULT:
                trial.observe("case", f"number {position + 1} of {size} fails")
                return answer
    return OWN_RESULT


async def _run_jobs(runtime: Runtime, size: int, position: int) -> str:
    results: dict[int, object] = {}

    async def call(number: int) -> None:
        try:
            results[number] = await runtime.run_in_thread(_work, number, position)
        except PlannedFailureError as failure:
            results[number] = failure.args

    async with runtime.open_task_group() as group:
        for number in range(size):
            await group.spawn(call, number)
    if results.pop(position) != (position,):
        return ERROR_LOST
    return OWN_RESULT if all(result == number for number, result in results.items()) else MIXED_UP


one_job = make_question(
    _fail_one_job,
    name="offload.one-of-several-fails",
    question="One of several jobs fails, at each position: does each call get its own result, and do later jobs run?",
    contract=("The result or the exception of a job comes back to its own caller.",),
    ref=f"{_MODULE}:one_job",
    answers={
        OWN_RESULT: allowed("the result or the exception of a job comes back to its own caller"),
        MIXED_UP: forbidden("the result of a job comes back to its own caller", harm=Harm.DATA),
        ERROR_LOST: forbidden("the exception of a job comes back to its own caller"),
        NEVER_ENDS: forbidden("a job that failed keeps its thread, or its caller is not woken"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.THREAD,),
    catches=("results-of-jobs-swapped", "error-of-a-later-job-lost", "thread-lost-with-a-failed-job"),
)


# --- connections ---

OTHERS_ECHO = "the others echo, and the next one is accepted"
WRONG_ECHO = "another connection has other bytes"
CUT_OFF = "another connection ends"
_ABORTED, _CLOSED, _TIMES_OUT = "is aborted by the client", "is closed by the server", "times out in a read"


class _Lines:
    """Connections through one listener; one of them ends otherwise than the others."""

    def __init__(self, runtime: Runtime, listener: Listener) -> None:
        self._runtime = runtime
        self._listener = listener
        self._pairs: list[tuple[ByteStream, ByteStream]] = []

    async def open(self) -> None:
        near = await self._runtime.connect(*self._listener.address)
        self._pairs.append((near, await self._listener.accept()))

    async def spoil(self, position: int, how: str) -> None:
        near, far = self._pairs[position]
        if how == _ABORTED:
            await near.abort()
        elif how == _CLOSED:
            await far.aclose()
        else:
            async with self._runtime.move_on_after(0.001):
                await far.receive_some(1)

    async def echo(self, but: int | None) -> str:
        """Send another text through each connection, both ways, and return the answer."""
        for number, (near, far) in enumerate(self._pairs):
            for sender, receiver in ((near, far), (far, near)):
                if number == but:
                    continue
                text = b"%d of %d" % (number, len(self._pairs))
                await sender.send_all(text)
                received = b""
                while len(received) < len(text):
                    chunk = await receiver.receive_some(len(text) - len(received))
                    if not chunk:
                        return CUT_OFF
                    received += chunk
                if received != text:
                    return WRONG_ECHO
        return OTHERS_ECHO

    async def close(self) -> None:
        for pair in self._pairs:
            for stream in pair:
                await stream.aclose()


async def _spoil_one_connection(runtime: Runtime, trial: Trial) -> str:
    listener = await runtime.listen()
    try:
        for how in (_ABORTED, _CLOSED, _TIMES_OUT):
            for size in (1, 3):
                for position in list_positions(size):
                    answer = await _spoil(runtime, listener, size, position, how)
                    if answer != OTHERS_ECHO:
                        trial.observe("case", f"number {position + 1} of {size} {how}")
                        return answer
    finally:
        await runtime.run_shielded(listener.aclose)
    return OTHERS_ECHO


async def _spoil(runtime: Runtime, listener: Listener, size: int, position: int, how: str) -> str:
    lines = _Lines(runtime, listener)
    for _ in range(size):
        await lines.open()
    await lines.spoil(position, how)
    await lines.open()
    answer = await lines.echo(None if how == _TIMES_OUT else position)
    await lines.close()
    return answer


one_connection = make_question(
    _spoil_one_connection,
    name="stream.one-of-several-ends",
    question="One of several connections is aborted, closed or times out in a read: do the others go on?",
    contract=("A connection ends alone.", "A read that times out leaves its stream as it was."),
    ref=f"{_MODULE}:one_connection",
    answers={
        OTHERS_ECHO: allowed("a connection ends alone"),
        WRONG_ECHO: forbidden("bytes arrive at the connection on which they were sent", harm=Harm.DATA),
        CUT_OFF: forbidden("a connection ends alone"),
        NEVER_ENDS: forbidden("another connection, or the listener, stands still", harm=Harm.SERVER),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.DEADLINE, Capability.ABORT),
    catches=("abort-ends-another-connection", "accept-ends-with-a-cut-connection"),
)


# --- children ---

OWN_CODE = "each child has its own exit code"
WRONG_CODE = "a child has the exit code of another one"
_CHILDREN = 3
_KILLED, _WAIT_CANCELLED = "is killed", "is no longer waited for"


async def _end_one_child(runtime: Runtime, trial: Trial) -> str:
    for how in (_KILLED, _WAIT_CANCELLED):
        for position in list_positions(_CHILDREN):
            if not await _have_own_codes(runtime, position, how):
                trial.observe("case", f"number {position + 1} of {_CHILDREN} {how}")
                return WRONG_CODE
    return OWN_CODE


async def _have_own_codes(runtime: Runtime, position: int, how: str) -> bool:
    async with AsyncExitStack() as stack:
        scripts = [f"{UNTIL_TOLD}; exit {10 + number}" for number in range(_CHILDREN)]
        children = [await stack.enter_async_context(child_of(runtime, script, stdin=PIPE)) for script in scripts]
        codes = await _collect_codes(runtime, children, position, how)
    expected = {number: 10 + number for number in range(_CHILDREN)}
    if how == _KILLED:
        expected[position] = -signal.SIGKILL
    return codes == expected


async def _collect_codes(runtime: Runtime, children: Sequence[ChildProcess], position: int, how: str) -> dict[int, int]:
    codes: dict[int, int] = {}
    scopes: dict[int, CancelScope] = {}

    async def wait(number: int, child: ChildProcess, waits: Event) -> None:
        async with runtime.open_cancel_scope() as scope:
            scopes[number] = scope
            await waits.set()
            codes[number] = await child.wait()

    async with runtime.open_task_group() as group:
        for number, child in enumerate(children):
            waits = runtime.create_event()
            await group.spawn(wait, number, child, waits)
            await waits.wait()
        await give_turns(runtime, FEW_TURNS)
        if how == _KILLED:
            children[position].kill()
        else:
            await scopes[position].cancel()
        for child in reversed(children):
            await tell(child)
    for number, child in enumerate(children):
        codes.setdefault(number, await child.wait())
    return codes


one_child = make_question(
    _end_one_child,
    name="process.one-of-several-ends",
    question="One of three children is killed, or its wait cancelled, at each position: has each its own exit code?",
    contract=("`wait` returns the exit code of its own process.", "A cancelled wait loses no exit code."),
    ref=f"{_MODULE}:one_child",
    answers={
        OWN_CODE: allowed("`wait` returns the exit code of its own process"),
        WRONG_CODE: forbidden("`wait` returns the exit code of its own process", harm=Harm.DATA),
        NEVER_ENDS: forbidden("a child has ended and its wait does not return"),
    },
    judges={"case": NOTED},
    repetitions=1,
    requires=(Capability.CANCEL_SCOPE, Capability.CHILD_PROCESS),
    seconds=LONG_TRIAL_SECONDS,
    catches=("exit-codes-are-mixed-up", "kill-reaches-the-first-child"),
)


SCENARIOS: tuple[Scenario, ...] = (one_sleep, one_job, one_connection, one_child)
