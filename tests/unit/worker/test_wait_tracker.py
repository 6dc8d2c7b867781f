"""What repeated looks at a task say of the time at which its wait began."""

import sys
import types

from harness.worker.wait_tracker import WaitTracker


@types.coroutine
def give_way():
    yield


async def wait_below():
    await give_way()


async def waits(times):
    for _ in range(times):
        await wait_below()


async def polls():
    await polls_below()


async def polls_below():
    while True:
        await give_way()


class Bare:
    """Awaited without a frame of Python."""

    def __await__(self):
        return iter([None])


async def loops():
    while True:
        await Bare()


def frames_of(coroutine):
    found = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            break
        found.append(frame)
        coroutine = getattr(coroutine, "cr_await", None)
    return found


def look(tracker, coroutine, at):
    frames = frames_of(coroutine)
    found = tracker.see(frames, frames[0], at)
    tracker.end_look()
    return found


def test_a_task_that_stays_was_seen_first_at_the_first_look():
    """However often it is looked at."""
    tracker, task = WaitTracker(), waits(2)
    task.send(None)
    assert [look(tracker, task, at) for at in (1.0, 2.0, 3.0)] == [(1.0, None)] * 3
    task.close()


def test_a_new_call_from_the_same_line_is_a_new_wait():
    """It began between the look that saw the other one last and the look that saw it first."""
    tracker, task = WaitTracker(), waits(3)
    task.send(None)
    assert [look(tracker, task, at) for at in (1.0, 2.0)] == [(1.0, None)] * 2
    task.send(None)
    assert [look(tracker, task, at) for at in (3.0, 4.0)] == [(3.0, 2.0)] * 2
    task.close()


def test_what_turns_below_the_call_is_the_same_wait():
    """A runtime that polls is still in the call that the scenario made."""
    tracker, task = WaitTracker(), polls()
    task.send(None)
    before = look(tracker, task, 1.0)
    task.send(None)
    assert look(tracker, task, 2.0) == before == (1.0, None)
    task.close()


def test_what_is_awaited_without_a_frame_is_a_new_wait_if_the_task_ran():
    """The frame and its instruction are the same each time; that it gave way again tells."""
    tracker, task = WaitTracker(), loops()
    task.send(None)
    look(tracker, task, 1.0)
    assert look(tracker, task, 2.0) == (1.0, None)
    task.send(None)
    tracker.resume(task.cr_frame)
    assert look(tracker, task, 3.0) == (3.0, 2.0)
    task.close()


def test_a_frame_that_nobody_looked_at_is_not_kept():
    """In a livelock there are many."""
    tracker = WaitTracker()
    for _ in range(3):
        tracker.resume(sys._getframe())
    assert not tracker._resumed
