"""A thread and the scheduler that wait for each other, as programs have them by mistake."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from harness.api import (
    Bridge,
    BridgeJob,
    Capability,
    Harm,
    Runtime,
    Scenario,
    allowed,
    bridge_of,
    forbidden,
    interesting,
)

from ..parts.sandbox import PATIENCE_SECONDS, ForeignCall, Sandbox, wait_until
from .question import NEVER_ENDS, Trial, make_question

_CALL = (Capability.BRIDGE, Capability.BRIDGE_CALL)
_MODULE = "harness_scenarios.behaviours.bridge_blocks"
_COROUTINE = "https://docs.python.org/3/library/asyncio-task.html#asyncio.run_coroutine_threadsafe"
_FROM_THREAD = "https://trio.readthedocs.io/en/stable/reference-core.html#trio.from_thread.run"
THREAD_WAITS = "the thread waits for ever"

# --- each waits for the other ---

BOTH_GO_ON = "both go on"
EACH_WAITS = "each waits for the other"
REFUSED = "the call is refused"


async def _block_on_a_thread(runtime: Runtime, trial: Trial) -> str:
    bridge = bridge_of(runtime)
    done = threading.Event()

    async def answer() -> str:
        return "answer"

    def work() -> None:
        bridge.run(answer)
        done.set()

    thread = ForeignCall(work)
    # The mistake: a task waits for a thread without giving up the scheduler.
    came_back = done.wait(PATIENCE_SECONDS)
    trial.step("task", "has waited for the thread")
    await wait_until(runtime, lambda: thread.ended, PATIENCE_SECONDS)
    if not thread.ended:
        return THREAD_WAITS
    return BOTH_GO_ON if came_back else EACH_WAITS


blocked_scheduler = make_question(
    _block_on_a_thread,
    name="bridge.task-blocks-on-thread",
    question="A task blocks on a thread that waits for a call into the scheduler: do they come apart?",
    contract=("Once the task gives up, the call is made.",),
    ref=f"{_MODULE}:blocked_scheduler",
    answers={
        BOTH_GO_ON: allowed("on threads a task that blocks holds nothing up"),
        EACH_WAITS: interesting(
            "the task holds the scheduler that the thread needs: a deadlock, unless one of them has a time-out",
            "https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading",
        ),
        THREAD_WAITS: forbidden("the scheduler runs again, and does not make the call", harm=Harm.HANG),
    },
    repetitions=1,
    catches=("call-is-lost-while-busy",),
    requires=_CALL,
    seconds=30.0,
)


async def _call_from_own_thread(runtime: Runtime, trial: Trial) -> str:
    ready = threading.Event()
    jobs: list[BridgeJob] = []
    seen: list[object] = []

    async def answer() -> str:
        return "answer"

    async def main(inner: Runtime) -> None:
        ready.set()
        seen.append(_wait_in_own_thread(bridge_of(inner), answer, jobs))

    sandbox = Sandbox(runtime, main)
    await wait_until(runtime, lambda: bool(seen) or sandbox.ended, PATIENCE_SECONDS)
    is_stuck = not seen and not sandbox.ended
    for job in jobs:
        job.cancel()  # a future can be cancelled by another thread, so that nothing is left behind
    if not await sandbox.until_ended():
        return NEVER_ENDS
    trial.step("task", "waits for itself" if is_stuck else f"gets {seen}")
    if is_stuck:
        return EACH_WAITS
    return BOTH_GO_ON if seen == ["answer"] else REFUSED


def _wait_in_own_thread(bridge: Bridge, fn: Callable[..., Any], jobs: list[BridgeJob]) -> object:
    try:
        job = bridge.submit(fn)
    except Exception:  # noqa: BLE001 - there are no jobs here: the call that waits
        try:
            return bridge.run(fn)
        except RuntimeError as exc:
            return exc
    jobs.append(job)
    try:
        return job.result()
    except BaseException as exc:  # noqa: BLE001 - it was cancelled
        return exc


own_thread = make_question(
    _call_from_own_thread,
    name="bridge.call-from-own-thread",
    question="A task makes the blocking call that is meant for threads: is it refused, or does it wait for itself?",
    contract=("It is refused, or comes back; or the program stands still for ever.",),
    ref=f"{_MODULE}:own_thread",
    answers={
        REFUSED: allowed("the mistake is shown where it is made", _FROM_THREAD),
        BOTH_GO_ON: allowed("on threads another thread makes the call"),
        EACH_WAITS: interesting("the loop waits for what only the loop can do: a deadlock without a word", _COROUTINE),
        NEVER_ENDS: forbidden("nothing ends the wait"),
    },
    repetitions=1,
    catches=("own-call-cannot-be-ended",),
    requires=_CALL,
    seconds=30.0,
)

SCENARIOS: tuple[Scenario, ...] = (blocked_scheduler, own_thread)
