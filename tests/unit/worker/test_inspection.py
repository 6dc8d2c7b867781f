"""What a worker finds of itself: who waits for what and where, what holds, and what turns."""

import asyncio
import concurrent.futures
import contextlib
import sys
import threading

import pytest

from harness.api import frames_of_stack
from harness.worker import wait_tracker
from harness.worker.inspection import Inspector
from harness_asyncio.backend import AsyncioRunner
from harness_asyncio.bridge import AsyncioBridge
from harness_threads.backend import ThreadsRunner


def look_at(scenario, runner=AsyncioRunner):
    """Return what an inspector says when the scenario calls its second argument, and stop."""
    found = []

    async def main(runtime):
        inspector = Inspector(runtime)

        def look():
            found.append(inspector.look(sys._getframe(1)))
            sys.setprofile(None)
            return found[-1]

        await scenario(runtime, look)

    runner({}).run(main, lambda _exc, _context: None)
    return found


def waits(facts):
    return {task["name"]: task["waits_for"] for task in facts["tasks"] if not task["is_internal"]}


@pytest.mark.parametrize("runner", [AsyncioRunner, ThreadsRunner])
def test_what_each_task_waits_for(runner):
    """By the call that it is in, and the place is the scenario's line."""
    expected = {"on_event": "event", "on_lock": "lock", "on_channel": "channel receive"}

    async def scenario(runtime, look):
        event, lock = runtime.create_event(), runtime.create_lock()
        _, receive = runtime.open_channel(1)
        await lock.acquire()
        ready = runtime.create_semaphore(0)

        async def on_event():
            await ready.release()
            await event.wait()

        async def on_lock():
            await ready.release()
            async with lock:
                pass

        async def on_channel():
            await ready.release()
            await receive.receive()

        async with runtime.open_task_group() as group:
            for fn in (on_event, on_lock, on_channel):
                await group.spawn(fn, name=fn.__name__)
            for _ in range(3):
                await ready.acquire()
            while not expected.items() <= waits(look()).items():
                await runtime.checkpoint()  # they are on their way from here to there
            await lock.release()
            await group.cancel()

    *_, facts = look_at(scenario, runner)
    assert {name: kind for name, kind in waits(facts).items() if name in expected} == expected
    (on_lock,) = (task for task in facts["tasks"] if task["name"] == "on_lock")
    assert __file__ in on_lock["place"]
    assert on_lock["place"].endswith("on_lock")
    assert facts["tasks_are_threads"] == (runner is ThreadsRunner)


def test_the_task_that_the_scheduler_runs():
    """It is on the stack; on threads the system schedules, and none is."""

    async def scenario(runtime, look):
        look()

    (facts,) = look_at(scenario)
    assert facts["running"]["place"].endswith("scenario")
    (facts,) = look_at(scenario, ThreadsRunner)
    assert facts["running"] is None


def test_a_signal_that_meets_the_count_sees_the_task():
    """The frames of what counts turns are nobody's."""
    found = []

    async def main(runtime):
        counting = compile("found.append(look(sys._getframe()))", wait_tracker.__file__, "exec")
        exec(counting, {"found": found, "look": Inspector(runtime).look, "sys": sys})
        sys.setprofile(None)

    AsyncioRunner({}).run(main, lambda _exc, _context: None)
    assert found[0]["running"]["innermost"].endswith("<locals>.main")


def test_turns_are_counted_between_looks():
    """A task that gives way turns; one that awaits what is ready does not, and is counted by its calls."""
    inspectors = []

    async def turn():
        for _ in range(5):
            await asyncio.sleep(0)

    async def ready():
        return 1

    async def never():
        for _ in range(5):
            await ready()

    async def main(runtime):
        for fn in (turn, never):
            inspector = Inspector(runtime)
            inspector.look(None)
            await fn()
            inspectors.append(inspector.look(None))
            sys.setprofile(None)

    AsyncioRunner({}).run(main, lambda _exc, _context: None)
    turning, still = inspectors
    assert sum(turning["turns"].values()) == 5
    assert all(place.endswith("turn") for place in turning["turns"])
    assert still["turns"] == {}
    assert sum(count for place, count in still["calls"].items() if place.endswith("ready")) == 5


def test_a_timer_that_is_to_come_is_counted():
    """And one that is over and whose task still sleeps is overdue."""

    async def scenario(runtime, look):
        async with runtime.open_task_group() as group:
            await group.spawn(runtime.sleep, 60, name="sleeper")
            await runtime.checkpoint()
            look()
            await group.cancel()

    (facts,) = look_at(scenario)
    assert facts["timers"] == 1
    (sleeper,) = (task for task in facts["tasks"] if task["name"] == "sleeper")
    assert sleeper["waits_for"] == "timer"
    assert -60 < sleeper["overdue"] < -50


def test_a_thread_with_a_job_is_not_idle():
    """One that stands in the scenario's code is at work."""
    leave = threading.Event()
    started = threading.Event()

    def job():
        started.set()
        leave.wait()

    async def scenario(runtime, look):
        thread = threading.Thread(target=job, name="worker")
        thread.start()
        started.wait()
        look()
        leave.set()
        thread.join()

    (facts,) = look_at(scenario)
    (worker,) = (thread for thread in facts["threads"] if thread["name"] == "worker")
    assert not worker["is_idle"]
    assert worker["place"].endswith("job")


def test_a_common_method_of_the_program_is_not_called():
    """Its own `has_ended` may lock or change something."""
    started, leave, calls = threading.Event(), threading.Event(), []

    class Download:
        def has_ended(self):
            calls.append(self)
            return True

        def run(self):
            started.set()
            leave.wait()

    async def scenario(runtime, look):
        thread = threading.Thread(target=Download().run, name="download")
        thread.start()
        started.wait()
        look()
        leave.set()
        thread.join()

    (facts,) = look_at(scenario)
    assert [one["waits_for_ended"] for one in facts["threads"] if one["name"] == "download"] == [False]
    assert calls == []


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_thread_that_waits_for_a_loop_that_has_ended(is_closed):
    """Its call was asked for and can never be made; a loop that is not closed may still make it."""
    loop = asyncio.new_event_loop()
    job = AsyncioBridge(loop, None).submit(asyncio.sleep, 0)

    def caller():
        with contextlib.suppress(concurrent.futures.CancelledError):
            job.result()

    async def scenario(runtime, look):
        thread = threading.Thread(target=caller, name="caller")
        thread.start()
        if is_closed:
            loop.close()
        while not any(
            frame.f_code.co_name == "result" for frame in frames_of_stack(sys._current_frames()[thread.ident])
        ):
            await runtime.checkpoint()
        look()
        job.cancel()
        thread.join()

    *_, facts = look_at(scenario)
    assert {one["name"] for one in facts["threads"] if one["waits_for_ended"]} == ({"caller"} if is_closed else set())
    loop.close()
