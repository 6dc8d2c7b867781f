"""What each operation of the grammar does. The table of them is in `grammar`."""

from __future__ import annotations

import time
from typing import Any

from harness.api import ErrorKind

from .clauses import Clause
from .play import TURN, Block, Entry, Player, ProgramFailure, split_failures
from .program import Operation
from .resources import waiting

_SLACK = 1e-6


async def checkpoint(player: Player, operation: Operation) -> None:
    """Take turns."""
    with waiting(player, TURN, "checkpoint"):
        for _ in range(operation.amount):
            await player.play.runtime.checkpoint()


async def sleep(player: Player, operation: Operation) -> None:
    """Sleep for units of time."""
    runtime, seconds = player.play.runtime, operation.amount * player.play.unit
    started = runtime.now()
    with waiting(player, TURN, "sleep"):
        await runtime.sleep(seconds)
    if runtime.now() - started < seconds - _SLACK:
        player.play.breach(Clause.DEADLINE_EARLY, f"{player.name}: a sleep of {seconds:g} s returns early")


async def hold(player: Player, operation: Operation) -> None:
    """Do the body while holding a permit."""
    permits = player.play.models[operation.target]
    await permits.acquire(player)
    try:
        await player.run(operation.body)
    finally:
        await permits.release()
    player.done.append("held")


async def take(player: Player, operation: Operation) -> None:
    """Wait for a token of a condition and take it."""
    await player.play.models[operation.target].take(player)
    player.done.append("took")


async def put(player: Player, operation: Operation) -> None:
    """Put tokens under a condition and notify as many."""
    await player.play.models[operation.target].put(operation.amount)


async def put_all(player: Player, operation: Operation) -> None:
    """Put tokens under a condition and notify everyone."""
    await player.play.models[operation.target].put(operation.amount, everyone=True)


async def set_event(player: Player, operation: Operation) -> None:
    """Set an event."""
    await player.play.models[operation.target].set()


async def wait_event(player: Player, operation: Operation) -> None:
    """Wait for an event."""
    await player.play.models[operation.target].wait(player)
    player.done.append("saw it set")


async def send(player: Player, operation: Operation) -> None:
    """Send an item by the task's own sender."""
    sender = player.senders.get(operation.target)
    if sender is not None:
        player.done.append(await player.play.models[operation.target].send(player, sender))


async def send_clone(player: Player, operation: Operation) -> None:
    """Send an item by a clone that is closed afterwards."""
    sender = player.senders.get(operation.target)
    if sender is None or operation.target in player.closed:
        return
    pipe = player.play.models[operation.target]
    clone = sender.clone()
    pipe.senders += 1
    try:
        await pipe.send(player, clone)
    finally:
        pipe.senders -= 1
        await clone.aclose()
    player.done.append("sent")


async def receive(player: Player, operation: Operation) -> None:
    """Receive an item, or the end."""
    player.done.append(await player.play.models[operation.target].receive(player))


async def close(player: Player, operation: Operation) -> None:
    """Close the task's sender, perhaps once more."""
    await _close(player, operation.target)


async def close_other(player: Player, operation: Operation) -> None:
    """Close the sender of another task, which may be sending."""
    players = player.play.players[: len(player.play.program.tasks)]
    place = next((index for index, each in enumerate(players) if each is player), 0)
    await _close(players[(place + operation.amount) % len(players)], operation.target)


async def _close(player: Player, channel: int) -> None:
    sender = player.senders.get(channel)
    if sender is None:
        return
    if channel not in player.closed:
        player.closed.add(channel)
        player.play.models[channel].senders -= 1
    await sender.aclose()


async def cancel(player: Player, operation: Operation) -> None:
    """Cancel the scope around a task."""
    target = player.play.players[operation.target]
    target.root.cancelled = True
    await target.scope.cancel()


async def deadline(player: Player, operation: Operation) -> None:
    """Do the body in a scope that ends after some units of time."""
    seconds = operation.amount * player.play.unit
    await _in_scope(player, operation, player.play.runtime.move_on_after(seconds), seconds)


async def until(player: Player, operation: Operation) -> None:
    """Do the body in a scope that ends at a point in time."""
    runtime, seconds = player.play.runtime, operation.amount * player.play.unit
    await _in_scope(player, operation, runtime.open_cancel_scope(deadline=runtime.now() + seconds), seconds)


async def _in_scope(player: Player, operation: Operation, manager: Any, seconds: float) -> None:
    runtime, is_whole = player.play.runtime, False
    at = runtime.now() + seconds
    entry = player.entry = Entry(player.entry, at)
    try:
        async with manager as scope:
            await player.run(operation.body)
            is_whole = True
    finally:
        player.entry = entry.around or entry
    player.done.append("cut" if scope.cancelled_caught else "whole")
    if scope.cancelled_caught and runtime.now() < at - _SLACK:
        player.play.breach(Clause.DEADLINE_EARLY, f"{player.name}: a scope of {seconds:g} s ends early")
    elif not scope.cancelled_caught and not is_whole:
        player.play.breach(Clause.TIMEOUT_HIDDEN, f"{player.name}: a scope of {seconds:g} s was cut short silently")


async def call(player: Player, operation: Operation) -> None:
    """Do the body in a call with a time-out."""
    runtime = player.play.runtime
    seconds = operation.amount * player.play.unit
    at = runtime.now() + seconds
    child = Player(player.play, f"{player.name} called", operation.body, Entry(player.entry, at), None, player)
    child.called = True
    player.play.players.append(child)
    try:
        with waiting(player, _CALL, "a call with a time-out"):
            await runtime.run_with_timeout(seconds, child.main)
    except BaseException as exc:
        if runtime.classify(exc) is not ErrorKind.DEADLINE:
            raise
        player.done.append("timed out")
        if runtime.now() < at - _SLACK:
            player.play.breach(Clause.DEADLINE_EARLY, f"{player.name}: a call of {seconds:g} s times out early")
        return
    if "cancelled" in child.done:
        player.play.breach(Clause.CANCELLATION_LOST, f"{player.name} runs on behind a call that was cancelled")


async def fail_after(player: Player, operation: Operation) -> None:
    """Do the body in a block that raises after some units of time."""
    runtime = player.play.runtime
    seconds = operation.amount * player.play.unit
    entry = player.entry = Entry(player.entry, runtime.now() + seconds)
    try:
        async with runtime.fail_after(seconds):
            await player.run(operation.body)
            player.done.append("in time")
    except BaseException as exc:
        if runtime.classify(exc) is not ErrorKind.DEADLINE:
            raise
        player.done.append("timed out")
        if runtime.now() < (entry.deadline or 0) - _SLACK:
            player.play.breach(Clause.DEADLINE_EARLY, f"{player.name}: a block of {seconds:g} s times out early")
    else:
        if player.done[-1] != "in time":
            player.play.breach(Clause.TIMEOUT_HIDDEN, f"{player.name}: a block of {seconds:g} s was cut short silently")
    finally:
        player.entry = entry.around or entry


async def group(player: Player, operation: Operation) -> None:
    """Open a task group, start its tasks, do the body and leave it."""
    around, outer = player.entry, player.block
    entry = player.entry = Entry(around)
    block = player.block = Block(entry)
    try:
        async with player.play.runtime.open_task_group() as block.native:
            await _spawn(player, operation, block, entry)
            try:
                await player.run(operation.body)
            finally:
                player.wait = (block, "the end of a group")
    except BaseException as exc:
        failures, rest = split_failures(exc)
        player.play.failures.difference_update(failures)
        if rest is exc:
            raise
        if rest is not None:
            raise rest from None
        player.done.append("group failed")
    finally:
        player.wait = None
        player.entry, player.block = around, outer
        _judge_members(player, block)
    player.done.append("joined")


async def _spawn(player: Player, operation: Operation, block: Block, entry: Entry) -> None:
    for operations in operation.children:
        child = Player(player.play, f"{player.name}.{player.spawned}", operations, Entry(entry), block, player)
        player.spawned += 1
        block.children.append(child)
        player.play.players.append(child)
        await block.native.spawn(child.main, name=child.name)


def _judge_members(player: Player, block: Block) -> None:
    for child in block.children:
        if child.started and not child.ended:
            player.play.breach(Clause.GROUP_OUTLIVED, f"{child.name} runs on behind the end of its group")


async def cancel_group(player: Player, operation: Operation) -> None:
    """Cancel the group that the task is in."""
    del operation
    block: Any = player.block
    block.entry.cancelled = True
    await block.native.cancel()


async def fail(player: Player, operation: Operation) -> None:
    """Raise an error inside a group."""
    del operation
    assert player.block is not None
    player.block.entry.aborted = True
    failure = ProgramFailure(player.name)
    player.play.failures.add(failure)
    raise failure


async def shield(player: Player, operation: Operation) -> None:
    """Do the body where a cancellation of the task does not reach it."""
    child = Player(player.play, f"{player.name} shielded", operation.body, Entry())
    player.play.players.append(child)
    with waiting(player, _SHIELD, "a shielded call"):
        await player.play.runtime.run_shielded(child.main)
    player.done.append("shielded")


async def offload(player: Player, operation: Operation) -> None:
    """Call a function in a thread that takes some time, and compare its result."""
    job = Job(operation.amount * player.play.unit / 2)
    with waiting(player, job, "a call in a thread"):
        result = await player.play.runtime.run_in_thread(job.run)
    if result is not job or job.runs != 1:
        detail = f"{player.name} gets {result!r} from a call in a thread that ran {job.runs} times"
        player.play.breach(Clause.RESULT_WRONG, detail)
    player.done.append("called")


async def offload_failing(player: Player, operation: Operation) -> None:
    """Call a function in a thread that raises."""
    job = Job(operation.amount * player.play.unit / 2)
    try:
        with waiting(player, job, "a call in a thread"):
            await player.play.runtime.run_in_thread(job.fail)
    except JobFailure as exc:
        if exc.args != (job,):
            player.play.breach(Clause.RESULT_WRONG, f"{player.name} gets the error of another call")
        player.done.append("call failed")
    else:
        player.play.breach(Clause.ERROR_LOST, f"{player.name} gets no error from a call in a thread that raised")


class JobFailure(Exception):
    """Raised by a function in a thread."""


class Job:
    """A function for a thread, and the model of the wait for it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.runs = 0
        self.is_timed = True
        """Whether it has not returned yet."""

    def run(self) -> Job:
        """Take the time."""
        time.sleep(self._seconds)
        self._end()
        return self

    def fail(self) -> None:
        """Raise after the time."""
        time.sleep(self._seconds)
        self._end()
        raise JobFailure(self)

    def _end(self) -> None:
        self.runs += 1
        self.is_timed = False

    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """A task waits for a call only while the function runs."""
        return None if self.is_timed else (Clause.LOST_WAKE_UP, f"waits in {what} although the function has returned")

    def is_interruptible(self, what: str) -> bool:
        """A cancelled caller may wait for the end of the function."""
        del what
        return False


class _Shield:
    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """The shielded body ends by itself."""
        return Clause.LOST_WAKE_UP, f"waits in {what}, whose body needs nothing to end"

    def is_interruptible(self, what: str) -> bool:
        """A cancelled caller may wait for its end."""
        del what
        return False


class _Call(_Shield):
    def find_breach(self, what: str) -> tuple[Clause, str] | None:
        """The called task has its own finding."""
        del what
        return None


_SHIELD = _Shield()
_CALL = _Call()
