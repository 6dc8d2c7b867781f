"""Parts of the contract that no other question is about: states, the first of several calls, arguments of a start."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Awaitable, Callable
from tempfile import gettempdir
from typing import Any

from harness.api import Capability, Harm, Runtime, Scenario, allowed, forbidden
from harness.api.bridge import Bridge, bridge_of
from harness.api.processes import NULL, PIPE, STDOUT, ChildProcess, processes_of

from ..parts.children import child_of, read_all
from .fairness_turns import FEW_TURNS, give_turns
from .positions import SIZES, list_positions
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.contract_rest"

# --- states ---

AS_IT_IS = "each state is reported as it is"
WRONG = "a wrong state is reported"


async def _tell_states(runtime: Runtime, trial: Trial) -> str:
    for tell in (_tell_event, _tell_lock, _tell_condition):
        seen, expected = await tell(runtime)
        if seen != expected:
            trial.observe("case", f"{tell.__name__.removeprefix('_tell_')}: {seen} instead of {expected}")
            return WRONG
    return AS_IT_IS


_States = tuple[list[bool], list[bool]]
"""The states as reported, and the real ones."""


async def _tell_event(runtime: Runtime) -> _States:
    event = runtime.create_event()
    seen = [event.is_set()]
    for _ in range(2):  # a second call does nothing
        await event.set()
        await event.wait()
        seen.append(event.is_set())
    return seen, [False, True, True]


async def _tell_lock(runtime: Runtime) -> _States:
    lock = runtime.create_lock()
    seen = [lock.locked()]
    await lock.acquire()
    seen.append(lock.locked())
    await lock.release()
    seen.append(lock.locked())
    async with lock:
        seen.append(lock.locked())
    return [*seen, lock.locked()], [False, True, False, True, False]


async def _tell_condition(runtime: Runtime) -> _States:
    """Take a condition by hand, and see that another task gets it as it is released, and not before."""
    condition, waits, has_it = runtime.create_condition(), runtime.create_event(), runtime.create_event()
    seen: list[bool] = []

    async def take() -> None:
        await waits.set()
        async with condition:
            await has_it.set()

    await condition.acquire()
    async with runtime.open_task_group() as group:
        await group.spawn(take)
        await waits.wait()
        await give_turns(runtime, FEW_TURNS)
        seen.append(has_it.is_set())
        await condition.release()
        await has_it.wait()
        seen.append(has_it.is_set())
    return seen, [False, True]


states = make_question(
    _tell_states,
    name="lock.states-are-told",
    question="An event is set twice, a lock and a condition are taken and released by hand: what do they report?",
    contract=("`is_set` and `locked` tell the state.", "A second `set` does nothing."),
    ref=f"{_MODULE}:states",
    answers={
        AS_IT_IS: allowed("`is_set` and `locked` tell the state"),
        WRONG: forbidden("`is_set` and `locked` tell the state"),
        NEVER_ENDS: forbidden("a free lock can be taken, and a wait for an event that is set returns"),
    },
    judges={"case": NOTED},
    repetitions=1,
    catches=("event-unset-by-a-second-set", "locked-lies", "condition-open-by-hand"),
)


# --- the first of several ---

ALL_TOLD = "the first is returned, each other one is cancelled once and has ended"
RESULT_LOST = "a result that had arrived is lost, or is another one's"
STILL_RUNS = "a call that lost runs on"
CANCELLED_OFTEN = "a call that lost is cancelled more than once, or not at all"


class _Race:
    """Calls of which one or all go on; the others are cancelled and clean up for some turns."""

    def __init__(self, runtime: Runtime, winners: set[int]) -> None:
        self._runtime = runtime
        self._winners = winners
        self.completed: set[int] = set()
        self.ended: set[int] = set()
        self.cancelled: Counter[int] = Counter()

    def make(self, number: int) -> Callable[[], Awaitable[str]]:
        async def call() -> str:
            never = self._runtime.create_event()
            try:
                if number not in self._winners:
                    await never.wait()
                await self._runtime.checkpoint()
                self.completed.add(number)
                return f"result {number}"
            except BaseException as exc:
                self.cancelled[number] += self._runtime.is_cancelled(exc)
                await self._runtime.run_shielded(give_turns, self._runtime, FEW_TURNS)
                raise
            finally:
                self.ended.add(number)

        return call

    def judge(self, size: int, returned: list[tuple[int, str]]) -> str:
        if len(self.ended) < size:
            return STILL_RUNS
        if {number for number, _ in returned} != self.completed or not returned:
            return RESULT_LOST
        if any(result != f"result {number}" for number, result in returned):
            return RESULT_LOST
        losers = set(range(size)) - self.completed
        return ALL_TOLD if all(self.cancelled[number] == 1 for number in losers) else CANCELLED_OFTEN


async def _race_at_each_position(runtime: Runtime, trial: Trial) -> str:
    for size in SIZES:
        for position in list_positions(size):
            answer = await _race(runtime, size, {position})
            if answer != ALL_TOLD:
                trial.observe("case", f"of {size} calls number {position + 1} completes")
                return answer
        if size > 1 and (answer := await _race(runtime, size, set(range(size)))) != ALL_TOLD:
            trial.observe("case", f"{size} calls complete at once")
            return answer
    return ALL_TOLD


async def _race(runtime: Runtime, size: int, winners: set[int]) -> str:
    race = _Race(runtime, winners)
    returned = await runtime.first_completed(*map(race.make, range(size)))
    return race.judge(size, list(returned))


first_of_several = make_question(
    _race_at_each_position,
    name="cancel.first-of-several-calls",
    question="One of several calls completes, at each position, or all at once: what becomes of the others?",
    contract=(
        "Every result that arrived is returned, with its index.",
        "Each loser is cancelled once and has ended.",
    ),
    ref=f"{_MODULE}:first_of_several",
    answers={
        ALL_TOLD: allowed("the losers are cancelled and joined"),
        RESULT_LOST: forbidden("no result that arrived is lost", harm=Harm.DATA),
        STILL_RUNS: forbidden("each loser has ended", harm=Harm.LEAK),
        CANCELLED_OFTEN: forbidden("each loser is cancelled once"),
        NEVER_ENDS: forbidden("a call that completed ends the wait"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.SELECT,),
    catches=(
        "select-returns-one",
        "select-leaves-losers",
        "select-cancels-none",
        "middle-loser-goes-on",
        "index-of-the-last-call-is-wrong",
    ),
)


# --- arguments of a start ---

KEPT = "the child has each of them"
IGNORED = "an argument of the start is ignored"


async def _start_with_arguments(runtime: Runtime, trial: Trial) -> str:
    folder = _find_folder()
    variables = {"NAME": "value", "PATH": os.environ["PATH"]}
    starts: dict[str, tuple[str, dict[str, Any], bytes]] = {
        "env": ("echo $NAME", {"env": variables}, b"value\n"),
        "cwd": ("pwd -P", {"cwd": folder}, f"{folder}\n".encode()),
        "stdin": ("cat; echo end", {"stdin": NULL}, b"end\n"),
        "stderr": ("echo error >&2", {"stderr": STDOUT}, b"error\n"),
    }
    seen: dict[str, bool] = {}
    for name, (script, arguments, expected) in starts.items():
        async with child_of(runtime, script, stdout=PIPE, **arguments) as child:
            seen[name] = await _finish(child, expected)
    async with child_of(runtime, "echo $$ >&2", stderr=PIPE) as child:
        seen["pid"] = await _tells_its_pid(child)
    script = "cat; echo error >&2; exit 3"
    done = await processes_of(runtime).run_process(["sh", "-c", script], data=b"data")
    seen["run_process"] = (done.exit_code, done.stdout, done.stderr) == (3, b"data", b"error\n")
    ignored = [name for name, is_kept in seen.items() if not is_kept]
    if ignored:
        trial.observe("case", ", ".join(ignored))
    return IGNORED if ignored else KEPT


async def _finish(child: ChildProcess, expected: bytes) -> bool:
    output, _ = await child.communicate()
    return (await child.wait(), child.poll(), output) == (0, 0, expected)


async def _tells_its_pid(child: ChildProcess) -> bool:
    told = b"" if child.stderr is None else await read_all(child.stderr)
    return told == b"%d\n" % child.pid


def _find_folder() -> str:
    return os.path.realpath(gettempdir())


start_arguments = make_question(
    _start_with_arguments,
    name="process.arguments-are-kept",
    question="Children are started with an environment, a folder, redirected streams and data: do they have them?",
    contract=("A child has the environment, the folder and the streams that it was started with.",),
    ref=f"{_MODULE}:start_arguments",
    answers={
        KEPT: allowed("a child has its arguments, environment and folder"),
        IGNORED: forbidden("a child has its arguments, environment and folder"),
        NEVER_ENDS: forbidden("a child whose stdin is the null device reads its end"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CHILD_PROCESS,),
    catches=(
        "start-ignores-env",
        "start-ignores-cwd",
        "start-mixes-no-stderr",
        "run-drops-data",
        "poll-never-knows",
        "pid-is-another-one",
        "stderr-is-mute",
    ),
)

# --- a call from a thread ---

RETURNED = "its result and its error come back"
NOT_RETURNED = "its result or its error does not come back"


async def _call_from_a_thread(runtime: Runtime, trial: Trial) -> str:
    answer = await runtime.run_in_thread(_call_both, bridge_of(runtime))
    trial.step("thread", answer)
    return str(answer)


def _call_both(bridge: Bridge) -> str:
    results = [bridge.call(divmod, number, 3) for number in range(5)]
    try:
        bridge.call(divmod, 1, 0)
    except ZeroDivisionError:
        return RETURNED if results == [divmod(number, 3) for number in range(5)] else NOT_RETURNED
    return NOT_RETURNED


call_returns = make_question(
    _call_from_a_thread,
    name="bridge.call-returns",
    question="A thread has the scheduler call a plain function, and waits: does it get the result, or the error?",
    contract=("The result or the error of a call comes back to the thread.",),
    ref=f"{_MODULE}:call_returns",
    answers={
        RETURNED: allowed("the result or the error of a call comes back to the thread"),
        NOT_RETURNED: forbidden("the result or the error of a call comes back to the thread"),
        NEVER_ENDS: forbidden("the scheduler runs the calls of threads"),
    },
    repetitions=3,
    requires=(Capability.THREAD, Capability.BRIDGE_CALL),
    catches=("result-of-a-call-lost", "error-of-a-call-lost"),
)

SCENARIOS: tuple[Scenario, ...] = (states, first_of_several, start_arguments, call_returns)
