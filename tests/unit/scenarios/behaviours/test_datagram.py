"""Datagrams: each runtime answers as known, and every fault is seen."""

import sys

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import (
    datagram_close,
    datagram_errors,
    datagram_receive,
    datagram_stand,
    datagram_transfer,
)
from harness_scenarios.behaviours.datagram_stand import ARRIVES, LOST, compare
from harness_scenarios.behaviours.question import NEVER_ENDS

FAMILIES = (datagram_transfer, datagram_receive, datagram_errors, datagram_close)
SCENARIOS = {scenario.name.removeprefix("datagram."): scenario for family in FAMILIES for scenario in family.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
RAISING = ("trio", "curio", "threads")
ALL = (*LOOPS, *RAISING)
SENDS_EMPTY = sys.version_info >= (3, 13)
"""`asyncio.DatagramTransport.sendto` sends an empty datagram."""

SEND, THEN, WHEN, SENT = "send", "then", "when", "sent"
EXPECTED = [
    (
        "empty-is-sent",
        {},
        {
            LOST: ("uvloop", *(() if SENDS_EMPTY else ("asyncio",))),
            ARRIVES: (*RAISING, *(("asyncio",) if SENDS_EMPTY else ())),
        },
    ),
    *((name, {}, {ARRIVES: ALL}) for name in ("empty-is-received", "sizes", "order-and-boundaries", "both-ways")),
    ("sender-is-named", {}, {datagram_transfer.OWN_SENDER: ALL}),
    ("stranger-to-connected", {}, {datagram_transfer.PEER_ONLY: ALL}),
    ("longer-than-the-buffer", {}, {datagram_transfer.WHOLE: LOOPS, datagram_transfer.CUT: RAISING}),
    ("burst-without-receiver", {SENT: "at once"}, {datagram_transfer.DROPPED: ALL}),
    (
        "burst-without-receiver",
        {SENT: "with a turn after each"},
        {datagram_transfer.ALL_KEPT: LOOPS, datagram_transfer.DROPPED: RAISING},
    ),
    ("cancelled-receive-keeps-datagram", {}, {ARRIVES: ALL}),
    ("timed-out-receive-keeps-datagram", {}, {ARRIVES: ALL}),
    (
        "several-receives",
        {},
        {datagram_receive.EACH_ONE: (*LOOPS, "threads"), datagram_receive.REFUSED: ("trio", "curio")},
    ),
    (
        "cancelled-send",
        {},
        {datagram_receive.SENDS: (*LOOPS, "curio", "threads"), datagram_receive.NOT_SENT: ("trio",)},
    ),
    *(
        ("failed-send", {SEND: send}, {datagram_errors.REPORTED: LOOPS, datagram_errors.RAISES: RAISING})
        for send in ("one byte too large", "to port 0")
    ),
    (
        "failed-send",
        {SEND: "without an address"},
        {
            datagram_errors.DEAD: ("asyncio",),
            datagram_errors.REPORTED: ("uvloop",),
            datagram_errors.RAISES: RAISING,
        },
    ),
    (
        "closed-port",
        {THEN: "the next call is a send"},
        {datagram_errors.REPORTED_AND_LOST: LOOPS, datagram_errors.SEND_RAISES: RAISING},
    ),
    (
        "closed-port",
        {THEN: "the next call is a send, some turns later"},
        {datagram_errors.REPORTED_AND_SENT: LOOPS, datagram_errors.SEND_RAISES: RAISING},
    ),
    *(
        (
            "closed-port",
            {THEN: then},
            {datagram_errors.REPORTED_AND_SENT: LOOPS, datagram_errors.RECEIVE_RAISES: RAISING},
        )
        for then in ("the next call is a receive", "a receive waits")
    ),
    ("closed-port", {THEN: "the endpoint is not connected"}, {datagram_errors.NO_ERROR: ALL}),
    ("connected-sends-elsewhere", {}, {datagram_errors.REFUSED: LOOPS, datagram_errors.SENT_THERE: RAISING}),
    ("close-wakes-receives", {}, {NEVER_ENDS: ("curio", "threads")}),
    ("close-wakes-receives", {}, {datagram_close.ALL_END: (*LOOPS, "trio")}),
    (
        "use-after-close",
        {WHEN: "some turns later"},
        {
            datagram_close.WRONG_ERROR: ("asyncio", "curio"),
            datagram_close.SILENT: ("uvloop",),
            datagram_close.BOTH_RAISE: ("trio", "threads"),
        },
    ),
    (
        "use-after-close",
        {WHEN: "at once"},
        {
            datagram_close.SENT_AT_ONCE: ("asyncio",),
            datagram_close.SILENT: ("uvloop",),
            datagram_close.WRONG_ERROR: ("curio",),
            datagram_close.BOTH_RAISE: ("trio", "threads"),
        },
    ),
    (
        "address-in-use",
        {},
        {datagram_close.IN_USE: ("asyncio", *RAISING), datagram_close.OTHER_REFUSAL: ("uvloop",)},
    ),
    ("address-after-close", {}, {datagram_close.FREE_LATER: LOOPS, datagram_close.FREE_AT_ONCE: RAISING}),
    ("leaves-no-descriptors", {}, {datagram_close.NONE_LEFT: ("asyncio", *RAISING)}),
    ("one-of-several-closed", {}, {ARRIVES: ALL}),
]
"""Each question with its parameters, its answers and the runtimes that give them."""
BREAKS = {LOST, NEVER_ENDS, datagram_errors.DEAD, datagram_close.OTHER_REFUSAL}
"""Known answers that break the contract."""
SLOW = {datagram_close.ALL_END}
"""Answers left to the slow run: the question gives threads a quarter of a second to begin each receive."""
CATCHES = [(name, fault) for name, scenario in SCENARIOS.items() for fault in scenario.catches]
SECOND = [(name, fault) for number, (name, fault) in enumerate(CATCHES) if fault in dict(CATCHES[:number]).values()]
"""Questions with a fault that an earlier one catches too."""
SECOND_ANSWERS = {"closed-endpoint-stays-open": datagram_close.SOME_LEFT}
"""Fault → the answer of the second question."""


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        pytest.param(
            *case, id=f"{case[0]}-{'-'.join(case[1].values())}", marks=[pytest.mark.slow] * (case[2].keys() <= SLOW)
        )
        for case in EXPECTED
    ],
)
def test_each_runtime_answers_as_known(run_roles, run_apart, backend, name, parameters, expected):
    """The known difference appears on the runtimes and versions where it lives and on no other.

    uvloop warns of a transport that it could not bind when that is collected, which is to be in no other test.
    """
    if not any(backend in runtimes for runtimes in expected.values()):
        pytest.skip("its answer varies: expected.toml")
    ask = run_apart if backend == "uvloop" else run_roles
    report = ask(SCENARIOS[name], parameters, backend=backend)
    answers = {answer for answer, runtimes in expected.items() if backend in runtimes}
    assert report.errors == {}
    assert set(report.values["answer"]) == answers
    assert report.violations == ({"answer"} if answers & BREAKS else set())


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("cancelled-receive-keeps-datagram", LOST),
        ("several-receives", NEVER_ENDS),
        ("close-wakes-receives", NEVER_ENDS),
    ],
)
def test_sock_recvfrom_answers_as_known(run_apart, name, answer):
    """The other idiom of asyncio is a variant of questions about receives."""
    assert "asyncio:io=sock" in SCENARIOS[name].variants
    patience = {"patience": 0.3} if answer == NEVER_ENDS else {}
    report = run_apart(SCENARIOS[name], {"repetitions": 1}, backend="asyncio:io=sock", **patience)
    assert (report.errors, set(report.values["answer"])) == ({}, {answer})


@pytest.mark.parametrize(("name", "fault"), SECOND)
def test_broken_contract_is_seen_by_a_second_question(run_apart, name, fault):
    """`test_faults` asks the first question that must see a fault."""
    report = run_apart(SCENARIOS[name], {}, backend=FAULTS[fault].control, fault=fault)
    assert (report.values["answer"], report.violations, report.errors) == ([SECOND_ANSWERS[fault]], {"answer"}, {})


def test_every_question_has_a_fault_that_it_catches():
    """Each is tried here or by `test_faults`."""
    assert all(scenario.catches for scenario in SCENARIOS.values())


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        ([b"a", b"", b"b"], ARRIVES),
        ([b"a", b"b"], LOST),
        ([b"a", b"", b"b", b"b"], "a datagram arrives twice"),
        ([b"b", b"", b"a"], "datagrams arrive in another order"),
        ([b"ab"], "datagrams are merged or split"),
        ([b"a", b"", b"c"], "other bytes arrive"),
    ],
)
def test_what_becomes_of_datagrams(received, answer):
    """Each loss has its own name."""
    assert compare([b"a", b"", b"b"], received) == answer


def test_a_host_for_freed_ports_is_one_of_many(monkeypatch):
    """On Linux; elsewhere there is one."""
    assert (len({datagram_stand.choose_host() for _ in range(20)}) > 1) == (sys.platform == "linux")
    monkeypatch.setattr("sys.platform", "darwin")
    assert datagram_stand.choose_host() == "127.0.0.1"


def test_sizes_that_the_system_refuses_are_left_out():
    """One byte more than a UDP datagram has is refused everywhere."""
    assert [size for size in (1, 508, 65_508) if datagram_stand.fits(size)] == [1, 508]


@pytest.mark.parametrize(("found", "hosts"), [(True, ("127.0.0.1", "::1")), (False, ("127.0.0.1",))])
def test_hosts_are_those_that_there_are(monkeypatch, found, hosts):
    """A container may have no ::1."""
    monkeypatch.setattr(datagram_stand, "has_addresses", lambda _hosts: found)
    assert datagram_stand.list_hosts.__wrapped__() == hosts
