"""What a trial of a scenario returns."""

import threading

import pytest

from harness.api import PeerEndedError, Scenario, bounded, exact, info, outcomes, required
from harness.model import UsageError
from harness.testing.trial import try_scenario


def scenario(judges=None, conserved=None, **roles):
    return Scenario(
        name="asked",
        question="?",
        contract=(),
        ref="",
        roles=roles,
        parameters=(),
        judges={"seen": info()} | (judges or {}),
        headline="seen",
        rows={},
        conserved=conserved or {},
    )


def test_values_steps_and_progress():
    """All that a probe is told, in order."""

    async def main(runtime, probe):
        await runtime.checkpoint()
        probe.observe("seen", 1)
        probe.observe("seen", probe.seed)
        probe.step("a", "ready")
        probe.advance(3)

    trial = try_scenario(scenario(main=main), "asyncio", seed=7)
    assert (trial.values["seen"], trial.steps, trial.progress) == ([1, 7], [("a", "ready")], {"main": 3})
    assert (trial.errors, trial.running, trial.violations) == ({}, (), set())
    with pytest.raises(ValueError, match="too many values"):
        trial["seen"]


@pytest.mark.parametrize(
    ("judge", "good", "bad"),
    [
        (bounded(at_most=0), 0, 1),
        (bounded(at_least=1), 1, 0),
        (exact(expected=2), 2, 3),
        (outcomes({"as sent": required()}), "as sent", "damaged"),
    ],
)
def test_violations(judge, good, bad):
    """What the contract forbids is named by its key, and what it allows is not."""

    def observing(value):
        async def main(_runtime, probe):
            probe.observe("fact", value)

        return scenario({"fact": judge}, main=main)

    assert try_scenario(observing(good), "asyncio").violations == set()
    assert try_scenario(observing(bad), "asyncio").violations == {"fact"}


@pytest.mark.parametrize(("lost", "violations"), [(1, set()), (0, {"sent"})])
def test_a_total_that_is_not_conserved(lost, violations):
    """What was sent is what was received and what was lost."""

    async def main(_runtime, probe):
        for key, value in (("sent", 3), ("received", 2), ("lost", lost)):
            probe.observe(key, value)

    asked = scenario(dict.fromkeys(("sent", "received", "lost"), info()), {"sent": ("received", "lost")}, main=main)
    assert try_scenario(asked, "asyncio").violations == violations


def test_roles_talk():
    """Each in a thread of its own, on a runtime of its own."""

    async def server(runtime, probe):
        listener = await runtime.listen()
        probe.share("address", listener.address)
        stream = await listener.accept()
        await stream.send_all(b"hello")
        await stream.aclose()
        await listener.aclose()

    async def client(runtime, probe):
        stream = await runtime.connect(*await probe.receive("address"))
        probe.observe("seen", (await stream.receive_some(100)).decode())
        await stream.aclose()

    trial = try_scenario(scenario(server=server, client=client), "trio")
    assert (trial.errors, trial["seen"]) == ({}, "hello")


def test_a_role_whose_peer_is_left_out():
    """It is given what the peer would have shared, and only its own runtime is wrapped."""
    wrapped = []

    async def client(_runtime, probe):
        probe.observe("seen", await probe.receive("address"))

    async def bystander(_runtime, _probe):
        pass

    def wrap(runtime):
        wrapped.append(runtime)
        return runtime

    roles = {"client": client, "bystander": bystander}
    trial = try_scenario(scenario(**roles), "asyncio", shared={"address": "here"}, wrap={"client": wrap})
    assert (trial.errors, trial["seen"], len(wrapped)) == ({}, "here", 1)
    assert ("seen" in trial, "unseen" in trial) == (True, False)


def test_a_backend_has_options():
    """As on the command line."""

    async def main(runtime, probe):
        probe.observe("seen", type(runtime.scheduler()).__module__)

    assert try_scenario(scenario(main=main), "asyncio:loop=uvloop")["seen"] == "uvloop"
    with pytest.raises(UsageError, match="has no option 'lop'"):
        try_scenario(scenario(main=main), "asyncio:lop=uvloop")


def test_a_role_that_waits_for_one_that_ended():
    """It is told so."""

    async def server(_runtime, probe):
        raise OSError("planned")

    async def client(_runtime, probe):
        await probe.receive("address")

    errors = try_scenario(scenario(server=server, client=client), "asyncio").errors
    assert {role: type(error) for role, error in errors.items()} == {"server": OSError, "client": PeerEndedError}


def test_what_is_not_declared_is_an_error():
    """A run would lose it."""

    async def main(_runtime, probe):
        probe.observe("unheard", 1)

    (error,) = try_scenario(scenario(main=main), "asyncio").errors.values()
    assert "'unheard' is observed and not declared" in str(error)


def test_a_role_that_does_not_end():
    """It is named, and the trial returns."""
    gate = threading.Event()

    async def main(_runtime, _probe):
        gate.wait()

    assert try_scenario(scenario(main=main), "threads", limit=0.05).running == ("main",)
    gate.set()


def test_what_nobody_awaited_is_kept():
    """As the runtime reported it, and told: a worker asks for its text."""

    class Telling(Exception):
        told = False

        def __str__(self):
            self.told = True
            return "planned"

    async def main(runtime, _probe):
        async def fail():
            raise Telling

        await runtime.spawn_detached(fail)
        await runtime.checkpoint()

    ((_, error),) = try_scenario(scenario(main=main), "asyncio").unhandled
    assert error.told
    assert str(error) == "planned"
