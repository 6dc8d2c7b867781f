"""An actor that answers wrongly, late or not at all is seen, and so is a task that never ends."""

from __future__ import annotations

import pytest

from harness.testing.wrapping import Receiver, Sender, Wrapped
from harness_scenarios.load import actor as module
from harness_scenarios.load.actor import actor

SMALL = {"clients": 3, "tasks": 8}
IMPATIENT = {**SMALL, "patience": 1.0}
"""Long beside the few ms that all of it takes."""


@pytest.mark.parametrize("parameters", [SMALL, {**SMALL, "capacity": 1}, {"clients": 1, "tasks": 1}])
def test_everything_is_answered_on_each_backend(run_roles, backend, parameters):
    """The counts are those of the requests that were made."""
    report = run_roles(actor, parameters, backend=backend)
    assert (report.errors, report.violations) == ({}, set())
    least = parameters["clients"] * (4 * parameters["tasks"] + 1)  # start, status, unknown, list, and one look each
    assert report["requests"] == report["answers right"] >= 3 * least
    assert len(report.values["requests per second"]) == 2
    assert min(report.values["requests per second"]) > 0


def sabotage_replies(sender_class):
    """Return a wrapping of the runtime whose channels of one item have another sender."""

    class Sabotaged(Wrapped):
        def open_channel(self, capacity):
            send, receive = self.inner.open_channel(capacity)
            return (sender_class(send, self) if capacity == 1 else send), receive

    return {"main": Sabotaged}


def test_an_answer_that_is_lost(run_roles):
    """The request is missing its answer, and the run ends all the same."""

    class Lossy(Sender):
        async def send(self, item):
            self.runtime.sent = getattr(self.runtime, "sent", 0) + 1
            if self.runtime.sent != 5:
                await self.inner.send(item)

    report = run_roles(actor, IMPATIENT, wrap=sabotage_replies(Lossy))
    assert report.errors == {}
    assert report["answers missing"] == 1
    assert "answers missing" in report.violations


def test_an_answer_to_somebody_else(run_roles):
    """It is known by its tag."""

    class Crossed(Sender):
        async def send(self, item):
            held = getattr(self.runtime, "held", item)
            self.runtime.held = item
            await self.inner.send(held)

    report = run_roles(actor, IMPATIENT, wrap=sabotage_replies(Crossed))
    assert report["answers of others"] > 0


def test_an_answer_that_comes_twice(run_roles):
    """It is still there after it was received."""

    class Repeating(Receiver):
        async def receive(self):
            answer = await self.inner.receive()
            self.runtime.left = 1
            return answer

    class Keeping(Sender):
        def buffered(self):
            return self.runtime.left

    class Sabotaged(Wrapped):
        def open_channel(self, capacity):
            send, receive = self.inner.open_channel(capacity)
            return (Keeping(send, self), Repeating(receive, self)) if capacity == 1 else (send, receive)

    assert run_roles(actor, SMALL, wrap={"main": Sabotaged}).violations == {"answers too many"}


@pytest.mark.parametrize(
    ("edit", "violation"),
    [
        (lambda verb, value: "started" if verb == "status" and value == "running" else value, None),
        (lambda verb, value: "done" if verb == "status" and value == "unknown" else value, "unknown tasks known"),
        (lambda verb, value: "unknown" if verb == "status" else value, "known tasks unknown"),
        (lambda verb, value: value[:-1] if verb == "list" else value, "lists wrong"),
    ],
    ids=["an older state first", "an unknown task", "a known task", "a short list"],
)
def test_an_answer_that_is_wrong(run_roles, monkeypatch, edit, violation):
    """What a client is told is held against what it knows; an older state is fine as long as none goes back."""
    answer = module.Manager._answer

    async def edited(self, request, value):
        await answer(self, request, edit(request.verb, value))

    monkeypatch.setattr(module.Manager, "_answer", edited)
    assert run_roles(actor, SMALL).violations == ({violation} if violation else set())


def test_a_state_that_goes_back(run_roles, monkeypatch):
    """Once it ran, it never just started."""
    answer, seen = module.Manager._answer, {}

    async def edited(self, request, value):
        if request.verb == "status" and value in ("running", "done", "failed"):
            seen[request.task] = seen.get(request.task, 0) + 1
            value = ("running", "started", value)[min(seen[request.task], 3) - 1]
        await answer(self, request, value)

    monkeypatch.setattr(module.Manager, "_answer", edited)
    assert run_roles(actor, SMALL).violations == {"states backwards"}


def test_a_task_that_never_ends(run_roles):
    """Its clients give up, and it is counted."""

    class Stuck(Wrapped):
        yields = 0

        async def checkpoint(self):
            self.yields += 1
            if self.yields == 3:
                await self.inner.create_event().wait()
            await self.inner.checkpoint()

    report = run_roles(actor, IMPATIENT, wrap={"main": Stuck})
    assert report["tasks without an end"] >= 1


def test_a_failure_that_is_reported_as_success(run_roles, monkeypatch):
    """As many fail as are meant to."""
    report_state = module.Manager._report

    async def kind(self, task, state):
        await report_state(self, task, "done" if state == "failed" else state)

    monkeypatch.setattr(module.Manager, "_report", kind)
    assert run_roles(actor, SMALL).violations == {"failures misreported"}
