"""Backends that are wrong by a known amount, without waiting for it."""

import signal
import time

import pytest

from harness.plugins import Plugins
from harness.selftest import injections
from harness.selftest.injections import FREEZE_SECONDS, FrozenRunner, SlowedRunner, StuckRunner, inject

ASYNCIO = "harness_asyncio.backend:AsyncioRunner"


def run(runner, main):
    """Run a function on an injected runtime and return what it returns."""
    results = []

    async def keep(runtime):
        results.append(await main(runtime))

    runner.run(keep, lambda exc, context: None)
    return results[0]


@pytest.fixture
def spins(monkeypatch):
    """Return the units of each spin; a checkpoint takes as long as ten."""

    async def ten(_runtime):
        return 10.0

    spun = []
    monkeypatch.setattr(injections, "_units_per_checkpoint", ten)
    monkeypatch.setattr(injections, "_spin", spun.append)
    return spun


def take_turns(**options):
    """Make 250 checkpoints on a slowed backend."""

    async def main(runtime):
        for _ in range(250):
            await runtime.checkpoint()

    run(SlowedRunner({"of": ASYNCIO, **options}), main)


def test_they_are_the_reference_but_for_what_is_injected():
    """Its options and capabilities are theirs, their runners exist, and none of them counts as a saboteur."""
    reference = Plugins().catalogue().backend("asyncio")
    backends = {backend.name: backend for backend in inject(reference)}
    assert list(backends) == ["slowed", "frozen", "stuck"]
    for backend in backends.values():
        names = [option.name for option in backend.options]
        assert names[: len(reference.options)] == [option.name for option in reference.options]
        assert (backend.capabilities, backend.control) == (reference.capabilities, "")
        module, _, name = backend.runner.partition(":")
        assert (module, hasattr(injections, name)) == (injections.__name__, True)
        assert next(option.default for option in backend.options if option.name == "of") == ASYNCIO


def test_options_of_the_reference_reach_it():
    """And are attested as they are there."""
    assert SlowedRunner({"of": ASYNCIO, "loop": "uvloop", "by": "0.05"}).expected_scheduler.startswith("uvloop")


@pytest.mark.parametrize(("by", "units"), [("0.05", 50), ("0", 0), ("1", 1000)])
def test_a_share_of_each_checkpoint_is_spun(spins, by, units):
    """Once for a hundred of them; the control goes the same way and spins nothing."""
    take_turns(by=by)
    assert spins == [units, units]


def test_only_the_first_cell_of_a_round_is_slowed(spins, monkeypatch, tmp_path):
    """A round is told by its hash seed, which all of its cells have."""
    for hash_seed in ("1", "1", "2", "2", "1"):
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        take_turns(by="0.05", marks=str(tmp_path))
    assert spins[::2] == [50, 0, 50, 0, 0]


def test_a_spin_is_dosed_by_a_measured_control(monkeypatch):
    """A checkpoint of 1000 ns and a unit of 20 ns: fifty units. One pair that was disturbed does not matter."""
    took = iter([5_000_000, 5_000_000, 90_000_000, 5_000_000, 5_000_000])
    clock = iter(range(0, 10**9, 4_000_000))

    async def time_checkpoints(_runtime):
        return next(took)

    async def calibrate(runtime):
        return await injections._units_per_checkpoint(runtime)

    monkeypatch.setattr(injections, "_time_checkpoints", time_checkpoints)
    monkeypatch.setattr(injections, "_spin", lambda units: None)
    monkeypatch.setattr(injections, "perf_counter_ns", lambda: next(clock))
    assert run(FrozenRunner({"of": ASYNCIO}), calibrate) == pytest.approx(50)


def test_a_frozen_client_stands_still_once(monkeypatch):
    """Before its hundredth connection; each of them is opened."""
    slept, opened = [], []

    async def connect(host, port):
        opened.append((host, port))

    async def main(runtime):
        monkeypatch.setattr(runtime._inner, "connect", connect, raising=False)
        monkeypatch.setattr(time, "sleep", lambda seconds: slept.append((seconds, len(opened))))
        for port in range(250):
            await runtime.connect("127.0.0.1", port)

    run(FrozenRunner({"of": ASYNCIO}), main)
    assert slept == [(FREEZE_SECONDS, 99)]
    assert [port for _, port in opened] == list(range(250))


def test_a_stuck_checkpoint_waits_for_ever():
    """Others run meanwhile, and it is still there when it is cancelled."""

    async def main(runtime):
        returned = []

        async def wait():
            await runtime.checkpoint()
            returned.append(True)

        async with runtime.open_task_group() as group:
            await group.spawn(wait)
            for _ in range(100):
                await runtime._inner.checkpoint()
            await group.cancel()
        return returned

    assert run(StuckRunner({"of": ASYNCIO, "how": "waits"}), main) == []


def test_a_stuck_checkpoint_spins_for_ever(monkeypatch):
    """It holds the scheduler, until a signal gets through to the interpreter."""

    class GotThroughError(Exception):
        pass

    def interrupt(_number, _frame):
        raise GotThroughError

    async def main(runtime):
        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            with pytest.raises(GotThroughError):
                await runtime.checkpoint()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return True

    assert run(StuckRunner({"of": ASYNCIO, "how": "spins"}), main)
