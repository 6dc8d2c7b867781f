"""The tasks of a runtime that does not describe them, from coroutines and threads."""

import gc
import sys
import threading
import types

import pytest

from harness.api import UnsupportedError, Wait, place_of
from harness.worker.generic_tasks import find_tasks, guess_wait, supply_tasks


class Runtime:
    """Written for harness 0.1."""

    name = "old"

    def __init__(self, scheduler=None):
        self._scheduler = scheduler

    def scheduler(self):
        return self._scheduler


@types.coroutine
def give_way():
    yield


class Lock:
    """Has the methods of the contract."""

    def locked(self):
        return True

    def release(self):
        pass

    async def acquire(self):
        await give_way()


class Event:
    """Has the methods of the contract."""

    def is_set(self):
        return False

    async def wait(self):
        await give_way()


class Semaphore:
    """Has the methods of the contract."""

    def release(self):
        pass

    async def acquire(self):
        await give_way()


class Condition:
    """Has the methods of the contract."""

    def notify_all(self):
        pass

    async def wait(self):
        await give_way()


class Channel:
    """Both ends."""

    async def receive(self):
        await give_way()

    async def send(self):
        await give_way()


async def sleep():
    await give_way()


async def calls(fn):
    await fn()


def frames_while_waiting(coroutine):
    coroutine.send(None)
    (task,) = [task for task in find_tasks(Runtime()) if task.name == coroutine.__qualname__]
    coroutine.close()
    return task.frames


def test_a_suspended_coroutine_that_none_awaits_is_a_task():
    """By the name of its function, with its frames; one that it awaits is no task of its own."""
    waiting = calls(Event().wait)
    waiting.send(None)
    gc.collect()
    found = {task.name: task for task in find_tasks(Runtime())}
    assert [frame.f_code.co_name for frame in found["calls"].frames] == ["calls", "wait", "give_way"]
    assert "Event.wait" not in found
    waiting.close()
    assert "calls" not in {task.name for task in find_tasks(Runtime())}


def test_a_thread_that_drives_a_coroutine_is_a_task():
    """Where the scheduler is a thread; other threads are none."""
    leave, inside = threading.Event(), threading.Event()

    async def drive():
        inside.set()
        leave.wait()

    def start():
        with pytest.raises(StopIteration):
            drive().send(None)

    task = threading.Thread(target=start, name="a task")
    other = threading.Thread(target=leave.wait, name="no task")
    task.start()
    other.start()
    inside.wait()
    names = [snapshot.name for snapshot in find_tasks(Runtime(threading.main_thread()))]
    leave.set()
    task.join()
    other.join()
    assert ("a task" in names, "no task" in names) == (True, False)


@pytest.mark.parametrize(
    ("call", "wait"),
    [
        (Lock().acquire, Wait.LOCK),
        (Semaphore().acquire, Wait.SEMAPHORE),
        (Event().wait, Wait.EVENT),
        (Condition().wait, Wait.CONDITION),
        (Channel().receive, Wait.RECEIVE),
        (Channel().send, Wait.SEND),
        (sleep, Wait.TIMER),
        (give_way, None),
    ],
    ids=["lock", "semaphore", "event", "condition", "receive", "send", "sleep", "unknown"],
)
def test_a_wait_is_guessed_from_the_words_of_the_contract(call, wait):
    """By the name of the call and what its object offers, in frames that are the library's."""
    frames = frames_while_waiting(calls(call))
    found, on = guess_wait(frames[1:], (__file__,))
    assert (found, type(on)) == (wait, type(getattr(call, "__self__", None)))


def test_nothing_is_guessed_from_the_scenarios_own_calls():
    """They may have any name."""
    assert guess_wait(frames_while_waiting(calls(sleep)), ("nowhere",)) == (None, None)


def test_a_runtime_of_0_1_gets_tasks():
    """One that takes no attribute is refused in a line that says what it lacks."""
    runtime = Runtime()
    supply_tasks(runtime)
    assert isinstance(runtime.tasks(), list)

    class Fixed:
        __slots__ = ()
        name = "fixed"

    with pytest.raises(UnsupportedError, match=r"backend fixed has no tasks\(\)"):
        supply_tasks(Fixed())


def test_a_place_names_file_line_and_function():
    """As tracebacks and stacks do."""
    frame = sys._getframe()
    assert place_of(frame) == f"{__file__}:{frame.f_lineno} in {frame.f_code.co_name}"
