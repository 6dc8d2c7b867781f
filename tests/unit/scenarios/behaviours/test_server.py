"""Servers with a handler for each connection: each runtime answers as known, and every fault is seen."""

import sys

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import server_close, server_handler, server_start
from harness_scenarios.behaviours.question import Trial
from harness_scenarios.behaviours.server_stand import REFUSED, REFUSES, Stand

FAMILIES = (server_handler, server_close, server_start)
SCENARIOS = {scenario.name.removeprefix("server."): scenario for family in FAMILIES for scenario in family.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
ALL = (*LOOPS, "trio", "curio", "threads")
WAITS_FOR_CLIENTS = sys.version_info >= (3, 12)
"""`asyncio.Server.wait_closed` waits for connections, and so does `serve_forever` that is cancelled."""
CLOSES_WRITERS = sys.version_info >= (3, 13)
"""A `StreamWriter` that is forgotten is closed."""


def when(condition, *runtimes):
    """Return the runtimes if a condition holds."""
    return runtimes if condition else ()


CLOSED, OPEN = {"handler": "closes the connection"}, {"handler": "returns without closing"}
EXPECTED = [
    (
        "handler-returns",
        {},
        {
            server_handler.STAYS: when(not CLOSES_WRITERS, *LOOPS),
            server_handler.SEES_END: (*when(CLOSES_WRITERS, *LOOPS), "trio", "curio", "threads"),
            server_handler.SEES_RESET: ("trio", "curio"),
        },
    ),
    ("handler-raises", {}, {server_handler.SEES_END: ALL, server_handler.SEES_RESET: ("trio", "curio")}),
    (
        "error-spares-others",
        {},
        {server_handler.ALL_SERVED: (*LOOPS, "curio", "threads"), server_handler.OTHERS_CUT: ("trio",)},
    ),
    (
        "reset-spares-others",
        {},
        {server_handler.ALL_SERVED: (*LOOPS, "curio", "threads"), server_handler.OTHERS_CUT: ("trio",)},
    ),
    (
        "error-is-reported",
        {},
        {server_handler.REPORTED: (*LOOPS, "curio", "threads"), server_handler.LEAVES: ("trio",)},
    ),
    (
        "handler-exits",
        {},
        {server_handler.ENDS_PROGRAM: (*LOOPS, "trio", "curio"), server_handler.SWALLOWED: ("threads",)},
    ),
    ("hanging-handlers", {}, {server_handler.SERVED: ALL}),
    (
        "close-ends-serve-forever",
        {},
        {
            server_close.RETURNS: ("trio", "curio", "threads"),
            server_close.CANCELLED: ("asyncio",),
            server_close.NEVER: ("uvloop",),
        },
    ),
    (
        "close-with-live-connections",
        {},
        {server_close.DRAINS: (*LOOPS, "trio", "threads"), server_close.CUTS: ("curio",)},
    ),
    (
        "wait-closed",
        CLOSED,
        {
            server_close.AT_ONCE: ("uvloop", *when(not WAITS_FOR_CLIENTS, "asyncio")),
            server_close.WAITS: ("trio", "threads", *when(WAITS_FOR_CLIENTS, "asyncio")),
            server_close.ENDS_ALL: ("curio",),
        },
    ),
    (
        "wait-closed",
        OPEN,
        {
            server_close.NEVER_CLOSED: when(WAITS_FOR_CLIENTS and not CLOSES_WRITERS, "asyncio"),
            server_close.ENDS_ALL: (
                *when(not WAITS_FOR_CLIENTS or CLOSES_WRITERS, "asyncio"),
                *("uvloop", "trio", "curio", "threads"),
            ),
        },
    ),
    (
        "cancel-serve-forever",
        {},
        {
            server_close.STOPS_AND_DRAINS: ("uvloop", "threads", *when(not WAITS_FOR_CLIENTS, "asyncio")),
            server_close.STOPS_LATE: when(WAITS_FOR_CLIENTS, "asyncio"),
            server_close.STOPS: ("trio", "curio"),
        },
    ),
    (
        "close-in-a-handler",
        {},
        {server_close.CLOSES: (*LOOPS, "trio", "threads"), server_close.CUTS_ITSELF: ("curio",)},
    ),
    (
        "graceful-stop-keeps-reply",
        {},
        {
            server_close.TRUNCATED: ("uvloop", "curio", *when(not WAITS_FOR_CLIENTS, "asyncio")),
            server_close.COMPLETE: ("trio", "threads", *when(WAITS_FOR_CLIENTS, "asyncio")),
        },
    ),
    (
        "clients-before-it-serves",
        {},
        {server_start.SERVED_EARLY: LOOPS, server_start.SERVED_LATER: ("trio", "curio", "threads")},
    ),
    (
        "restart-on-same-address",
        {"before": "a client that the server closed first"},
        {server_start.STARTS: (*LOOPS, "trio", "curio"), server_start.IN_USE: ("threads",)},
    ),
    ("restart-on-same-address", {"before": "no client"}, {server_start.STARTS: ALL}),
    (
        "close-with-waiting-clients",
        {},
        {server_start.SERVED: LOOPS, server_start.CUT: ("trio", "curio", "threads")},
    ),
    ("leaves-no-descriptors", {}, {server_start.NONE_LEFT: ALL}),
]
"""Each question with its parameters, its answers and the runtimes that give them."""
BREAKS = {server_close.NEVER, server_close.NEVER_CLOSED}
"""Known answers that break the contract."""

SABOTEURS = [
    ("handler-returns", {}, "reply-of-handler-lost", server_handler.NO_REPLY),
    ("handler-raises", {}, "reply-of-handler-lost", server_handler.NO_REPLY),
    ("error-spares-others", {}, "handler-error-cuts-one-other", server_handler.SOME_CUT),
    ("reset-spares-others", {}, "handler-error-cuts-one-other", server_handler.SOME_CUT),
    ("error-spares-others", {}, "handler-error-stops-accepting", server_handler.NEW_REFUSED),
    ("error-is-reported", {}, "handler-error-unseen", server_handler.UNSEEN),
    ("handler-exits", {}, "exit-of-handler-stops-serving", server_handler.STANDS_STILL),
    ("hanging-handlers", {}, "handlers-one-at-a-time", server_handler.NOT_SERVED),
    ("close-ends-serve-forever", {}, "close-does-not-end-serving", server_close.NEVER),
    ("close-with-live-connections", {}, "close-cuts-one-connection", server_close.SOME_CUT),
    ("wait-closed", CLOSED, "wait-closed-never-returns", server_close.NEVER_CLOSED),
    ("graceful-stop-keeps-reply", {}, "wait-closed-never-returns", server_close.DOES_NOT_STOP),
    ("cancel-serve-forever", {}, "server-cannot-be-closed", server_close.STILL_LISTENS),
    ("cancel-serve-forever", {}, "cancelled-serving-goes-on", server_close.SERVES_ON),
    ("close-in-a-handler", {}, "close-waits-for-handlers", server_close.STUCK),
    ("restart-on-same-address", {"before": "no client"}, "restarted-server-is-not-reached", server_start.NOT_REACHED),
    ("close-with-waiting-clients", {}, "close-leaves-waiting-clients", server_start.LEFT),
    ("clients-before-it-serves", {}, "first-client-forgotten", server_start.NOT_SERVED),
    ("leaves-no-descriptors", {}, "close-keeps-descriptors", server_start.SOME_LEFT),
]
"""A question, a fault that breaks its contract, and the forbidden answer."""
SWEEPS = {"close-with-live-connections": {"repetitions": 2}}
"""Questions with a fault that does not show in their first repetition."""


@pytest.mark.parametrize(
    ("name", "parameters", "expected"), EXPECTED, ids=[f"{case[0]}-{case[1]}" for case in EXPECTED]
)
def test_each_runtime_answers_as_known(run_apart, backend, name, parameters, expected):
    """The known difference appears on the runtimes and versions where it lives and on no other."""
    report = run_apart(SCENARIOS[name], parameters, backend=backend)
    answers = {answer for answer, runtimes in expected.items() if backend in runtimes}
    assert report.errors == {}
    assert set(report.values["answer"]) == answers
    assert report.violations == ({"answer"} if answers & BREAKS else set())


@pytest.mark.parametrize(("name", "parameters", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_apart, name, parameters, fault, answer):
    """A healthy runtime with one fault gives the forbidden answer, and the question says that it catches the fault."""
    scenario = SCENARIOS[name]
    assert fault in scenario.catches
    pytest.importorskip(f"harness_{FAULTS[fault].control}.backend")
    asked = parameters | SWEEPS.get(name, {"repetitions": 1})
    report = run_apart(scenario, asked, backend=FAULTS[fault].control, fault=fault)
    assert report.errors == {}
    assert report.values["answer"][-1:] == [answer]
    assert report.violations == {"answer"}


def test_a_server_that_has_ended_refuses(run_roles):
    """A question that goes on behind the end of its server, of which it may learn late, gets an answer and no error."""

    async def main(runtime, probe):
        async with Stand(runtime, Trial(probe, 0), fail) as stand:
            received = await stand.ask(b"hello")
            while received.end != REFUSED:
                received = await stand.ask(b"hello")
            probe.observe("answer", received.end)

    async def fail(_runtime, stream):
        await stream.receive_some(5)
        raise server_handler.PlannedHandlerError

    report = run_roles(SCENARIOS["leaves-no-descriptors"], {}, backend="trio", roles={"main": main})
    assert (report.errors, report["answer"]) == ({}, REFUSED)


def test_a_server_that_refuses_its_first_client_is_the_answer(run_roles, monkeypatch):
    """Every question takes for granted that a server that serves can be reached; it lists that it cannot."""

    def refuse(*_address, **_options):
        raise ConnectionRefusedError

    monkeypatch.setattr("harness_scenarios.behaviours.server_stand.socket.create_connection", refuse)
    report = run_roles(SCENARIOS["handler-returns"], {"repetitions": 1}, backend="asyncio")
    assert (report.errors, report["answer"]) == ({}, REFUSES)
    for scenario in SCENARIOS.values():
        assert scenario.judges["answer"].symptom_of(REFUSES) == REFUSES


def test_every_question_has_a_fault_that_it_catches():
    """Tried above; SIGTERM needs the main thread, which only a cell has."""
    tried = {name for name, _, _, _ in SABOTEURS} | {"sigterm-answers-all"}
    assert tried == set(SCENARIOS)
    assert all(scenario.catches for scenario in SCENARIOS.values())
