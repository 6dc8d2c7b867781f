"""What is gevent's own."""

from typing import Any

import gevent
import pytest
from harness.api import ErrorKind, Runtime, UnsupportedError

from harness_gevent.backend import GeventRunner
from harness_gevent.structure import ForeignAwaitError


def run(main: Any) -> list[str]:
    """Run a function of a runtime, and return what nobody awaited."""
    unhandled: list[str] = []
    GeventRunner({}).run(main, lambda exc, context: unhandled.append(f"{exc!r} {context}"))
    return unhandled


def test_a_deadlock_is_seen_by_gevent() -> None:
    """An event that nobody can set ends the program."""

    async def main(runtime: Runtime) -> None:
        await runtime.create_event().wait()

    with pytest.raises(gevent.exceptions.LoopExit):
        run(main)


def test_what_does_not_come_from_the_runtime_is_refused() -> None:
    """A greenlet cannot wait for what suspends a coroutine."""

    class Foreign:
        def __await__(self) -> Any:
            yield self

    async def main(runtime: Runtime) -> None:
        await Foreign()

    with pytest.raises(ForeignAwaitError, match="cannot wait for"):
        run(main)


def test_a_shield_is_refused() -> None:
    """It is declared absent."""

    async def main(runtime: Runtime) -> None:
        runtime.open_cancel_scope(shield=True)

    with pytest.raises(UnsupportedError, match="cannot shield"):
        run(main)


def test_the_error_of_a_call_whose_caller_is_gone_is_reported() -> None:
    """What is shielded runs on when who waits for it is cancelled."""

    async def fail_later(runtime: Runtime) -> None:
        await runtime.checkpoint()
        await runtime.checkpoint()
        raise ValueError("planned")

    async def main(runtime: Runtime) -> None:
        async with runtime.open_task_group() as group:
            await group.spawn(runtime.run_shielded, fail_later, runtime)
            await runtime.checkpoint()
            await group.cancel()
        for _ in range(5):
            await runtime.checkpoint()

    assert run(main) == ["ValueError('planned') in run_shielded, its caller is gone"]


def test_the_error_of_a_task_is_reported_and_reaches_nobody() -> None:
    """The group is joined, as gevent does by default, and the body goes on behind it."""
    seen = []

    async def fail() -> None:
        raise ValueError("planned")

    async def main(runtime: Runtime) -> None:
        async with runtime.open_task_group() as group:
            await group.spawn(fail)
        seen.append("behind the group")

    (line,) = run(main)
    assert "ValueError('planned')" in line
    assert seen == ["behind the group"]


def test_an_outer_cancellation_survives_an_inner_time_out() -> None:
    """The inner block's time-out comes while the greenlet unwinds from the outer one; both blocks are left."""
    steps = []

    async def main(runtime: Runtime) -> None:
        async with runtime.open_cancel_scope() as outer:
            async with runtime.move_on_after(0.001):
                await outer.cancel()
                try:
                    await runtime.create_event().wait()
                finally:
                    await runtime.sleep(0.05)
                    steps.append("slept")
            steps.append("behind the inner block")
        steps.append(f"outer was cancelled: {outer.cancelled_caught}")

    assert run(main) == []
    assert steps == ["outer was cancelled: True"]


def test_a_time_out_is_a_cancellation_until_it_leaves_its_block() -> None:
    """In the block it must be raised again; behind it, it says what happened."""
    kinds = []

    async def main(runtime: Runtime) -> None:
        try:
            async with runtime.fail_after(0.001):
                try:
                    await runtime.sleep(10)
                except BaseException as exc:
                    kinds.append(runtime.classify(exc))
                    raise
        except gevent.Timeout as exc:
            kinds.append(runtime.classify(exc))

    run(main)
    assert kinds == [ErrorKind.CANCELLED, ErrorKind.DEADLINE]
