"""TLS: each runtime answers as known, and every fault is seen."""

import asyncio
import os
import socket
import ssl
import sys
from pathlib import Path

import pytest

from harness.api import UnsupportedError, certificates
from harness_asyncio.backend import AsyncioRunner
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import raw_tls_peer, tls_close, tls_end, tls_handshake, tls_upgrade, tls_use
from harness_scenarios.behaviours.raw_peer import RESET
from harness_scenarios.behaviours.raw_tls_peer import CLOSE_NOTIFY, TRUNCATED

FAMILIES = (tls_close, tls_end, tls_handshake, tls_upgrade, tls_use)
SCENARIOS = {scenario.name.removeprefix("tls."): scenario for family in FAMILIES for scenario in family.SCENARIOS}
LOOPS = ("asyncio", "uvloop")
PLAIN = ("curio", "threads")
"""Runtimes that use `SSLSocket` as it is."""
ALL = (*LOOPS, "trio", *PLAIN)
ONCE = {"repetitions": 1}
TEXT, HELLO = {"behind": "more plain text"}, {"behind": "its handshake"}
CLIENT, SERVER = {"side": "client"}, {"side": "server"}

EXPECTED = [
    (
        "close-while-peer-sends",
        ONCE,
        {tls_close.RECEIVES_ON: ("uvloop",), tls_close.CUT_OFF: ("asyncio", "trio", *PLAIN)},
    ),
    ("close-against-silent-peer", ONCE, {tls_close.WAITS_NOTIFY: LOOPS, tls_close.AT_ONCE: ("trio", *PLAIN)}),
    (
        "close-tells-the-peer",
        {},
        {f"the peer sees {CLOSE_NOTIFY}": (*LOOPS, "trio"), f"the peer sees {TRUNCATED}": PLAIN},
    ),
    ("close-with-unread-tickets", {}, {tls_close.ALL_ARRIVE: LOOPS, tls_close.CUT_OFF_BYTES: ("trio", *PLAIN)}),
    ("peer-closes", {}, {tls_end.END: ALL}),
    ("truncation-is-visible", {}, {tls_end.END: (*LOOPS, *PLAIN), "raises broken": ("trio",)}),
    (
        "close-wakes-reader",
        ONCE,
        {tls_end.END: LOOPS, "raises closed": ("trio", "threads"), "never ends": ("curio",)},
    ),
    ("abort-resets", {}, {f"the peer sees {RESET}": ALL}),
    ("record-read-in-pieces", ONCE, {tls_use.IN_PIECES: ALL}),
    ("send-while-a-read-waits", ONCE, {tls_use.SENT: ALL}),
    ("silent-peer-stops-sender", ONCE, {tls_use.WAITS: ALL}),
    ("half-close", ONCE, {"is refused": (*LOOPS, "trio"), tls_end.DEAF.format(TRUNCATED): PLAIN}),
    ("handshake-fails", {}, {tls_handshake.FAILS: (*LOOPS, "trio", "threads"), tls_handshake.FAILS_OPEN: ("curio",)}),
    (
        "server-survives-bad-clients",
        {},
        {tls_handshake.UNSEEN: LOOPS, tls_handshake.HANDLER: ("trio",), tls_handshake.ACCEPT: PLAIN},
    ),
    ("stalled-client", {}, {tls_handshake.SERVED: (*LOOPS, "trio", "curio"), tls_handshake.WAITS: ("threads",)}),
    (
        "handshake-given-up",
        CLIENT,
        {tls_handshake.CLOSED: (*LOOPS, "trio", "threads"), tls_handshake.OPEN: ("curio",)},
    ),
    ("handshake-given-up", SERVER | ONCE, {tls_handshake.OPEN: LOOPS, tls_handshake.CLOSED: ("trio", *PLAIN)}),
    (
        "close-before-handshake",
        {},
        {
            tls_handshake.NONE_YET: (*LOOPS, "threads"),
            tls_handshake.RETURNS_AT_ONCE: ("curio",),
            "the close never ends": ("trio",),
        },
    ),
    ("alpn-and-name", {}, {tls_handshake.AGREED: ALL}),
    ("upgrade-with-bytes-buffered", TEXT | ONCE, {tls_upgrade.INJECTS: LOOPS, tls_upgrade.REFUSES: ("trio", *PLAIN)}),
    ("upgrade-with-bytes-buffered", HELLO | ONCE, {tls_upgrade.STALLS: LOOPS, tls_upgrade.COMPLETES: ("trio", *PLAIN)}),
    (
        "upgrade-given-up",
        ONCE,
        {
            tls_upgrade.STUCK: ("asyncio",),
            tls_upgrade.CLOSED: ("uvloop", "trio", "threads"),
            tls_upgrade.OPEN: ("curio",),
        },
    ),
    ("upgraded-stream", {}, {tls_upgrade.WORKS: ALL}),
    ("sizes-both-ways", ONCE, {tls_use.ALL_ARRIVE: ALL}),
    ("cancelled-receive-keeps-bytes", ONCE, {tls_use.WHOLE: ALL}),
    (
        "cancelled-send",
        ONCE,
        {
            tls_use.SENT_LATER: LOOPS,
            "the next send raises broken": ("trio",),
            "the next send raises other": PLAIN,
        },
    ),
    ("many-connections", {}, {tls_use.OWN: ALL}),
]
"""Each question with its parameters, its answers and the runtimes that give them."""
BREAKS = {
    tls_close.RECEIVES_ON,
    tls_handshake.FAILS_OPEN,
    tls_handshake.OPEN,
    tls_upgrade.INJECTS,
    tls_upgrade.STALLS,
    tls_upgrade.STUCK,
    "never ends",
}
"""Known answers that break the contract."""

SABOTEURS = [
    ("close-while-peer-sends", {}, "tls-close-reads-on", tls_close.RECEIVES_ON),
    ("close-while-peer-sends", {}, "tls-close-in-name", tls_close.OPEN_CLOSED),
    ("close-against-silent-peer", {}, "tls-close-hangs", "the close never ends"),
    ("close-tells-the-peer", {}, "tls-close-discards", "the bytes before the close are lost"),
    ("close-tells-the-peer", {}, "tls-close-in-name", "the peer sees stays open"),
    ("close-with-unread-tickets", {}, "tls-close-discards", "bytes are lost"),
    ("peer-closes", {}, "tls-end-raises", "raises broken"),
    ("peer-closes", {}, "tls-end-hangs", "never ends"),
    ("truncation-is-visible", {}, "tls-truncation-hangs", "never ends"),
    ("abort-resets", {}, "tls-abort-in-name", "the peer sees stays open"),
    ("peer-closes", {}, "tls-close-behind-the-end-hangs", tls_end.CLOSE_STUCK),
    ("record-read-in-pieces", {}, "tls-rest-of-a-record-waits", tls_use.REST_WAITS),
    ("send-while-a-read-waits", {}, "tls-read-blocks-sends", tls_use.SEND_WAITS),
    ("peer-closes", {}, "tls-read-exceeds-its-limit", "a read returns more bytes than it was asked for"),
    ("close-wakes-reader", {}, "tls-close-forgets-reader", "never ends"),
    ("alpn-and-name", {}, "tls-second-handshake-raises", "a second handshake raises other"),
    ("silent-peer-stops-sender", {}, "tls-send-never-waits", tls_use.NEVER_WAITS),
    ("half-close", {}, "tls-half-close-in-name", tls_end.HALF.format("stays open")),
    ("handshake-fails", {}, "tls-name-unchecked", tls_handshake.IS_MADE),
    ("handshake-fails", {}, "tls-any-authority-trusted", tls_handshake.IS_MADE),
    ("handshake-fails", {}, "tls-failed-handshake-hangs", "never ends"),
    ("server-survives-bad-clients", {}, "tls-accept-dies-of-a-bad-client", tls_handshake.DEAD),
    ("stalled-client", {}, "tls-accept-dies-of-a-bad-client", tls_handshake.DEAD),
    ("handshake-given-up", CLIENT, "tls-abort-before-handshake-does-nothing", tls_handshake.OPEN),
    ("close-before-handshake", {}, "tls-close-before-handshake-raises", "the close raises other"),
    ("alpn-and-name", {}, "tls-alpn-unknown", tls_handshake.OTHER_PROTOCOL),
    ("alpn-and-name", {}, "tls-asks-for-another-name", tls_handshake.OTHER_NAME),
    ("alpn-and-name", {"repetitions": 2}, "tls-listener-offers-no-protocol", tls_handshake.OTHER_PROTOCOL),
    ("upgrade-with-bytes-buffered", TEXT, "tls-upgrade-keeps-plain-bytes", tls_upgrade.INJECTS),
    ("upgrade-given-up", {}, "tls-abort-before-handshake-does-nothing", tls_upgrade.OPEN),
    ("upgraded-stream", {}, "tls-upgraded-close-hangs", tls_upgrade.DOES_NOT_CLOSE),
    ("sizes-both-ways", {}, "tls-large-send-truncated", tls_use.CHANGED),
    ("cancelled-receive-keeps-bytes", {}, "tls-cancelled-read-drops", tls_use.LOST),
    ("cancelled-receive-keeps-bytes", {}, "tls-cancelled-read-breaks", "the next read raises broken"),
    ("cancelled-send", {}, "tls-cancelled-send-mixes", tls_use.MIXED),
    ("cancelled-send", {}, "tls-cancelled-send-ends-reading", tls_use.DEAF),
    ("many-connections", {}, "tls-connections-mixed", tls_use.FOREIGN),
]
"""A question, a fault that breaks its contract, and the forbidden answer."""


SLOW = {
    *("sizes-both-ways", "cancelled-send", "many-connections", "cancelled-receive-keeps-bytes", "stalled-client"),
    *("handshake-given-up-client", "handshake-given-up-server", "close-against-silent-peer", "close-before-handshake"),
    *("upgrade-with-bytes-buffered-more plain text", "upgrade-with-bytes-buffered-its handshake", "upgrade-given-up"),
    *("silent-peer-stops-sender", "close-wakes-reader", "truncation-is-visible", "record-read-in-pieces"),
    "send-while-a-read-waits-tls-read-blocks-sends",
    *("abort-resets", "close-with-unread-tickets", "send-while-a-read-waits", "server-survives-bad-clients"),
    *("stalled-client-tls-accept-dies-of-a-bad-client", "many-connections-tls-connections-mixed"),
    *("server-survives-bad-clients-tls-accept-dies-of-a-bad-client", "close-against-silent-peer-tls-close-hangs"),
    *("upgraded-stream-tls-upgraded-close-hangs", "handshake-fails-tls-failed-handshake-hangs"),
    *("cancelled-send-tls-cancelled-send-mixes", "cancelled-send-tls-cancelled-send-ends-reading"),
    *("half-close-tls-half-close-in-name", "close-tells-the-peer-tls-close-in-name"),
    *("sizes-both-ways-tls-large-send-truncated", "cancelled-receive-keeps-bytes-tls-cancelled-read-drops"),
    *("peer-closes-tls-close-behind-the-end-hangs", "close-wakes-reader-tls-close-forgets-reader"),
}
"""Left to the slow run: a default matrix asks them too, and one with saboteurs."""


def mark(cases, name_of):
    """Return cases as parameters, with their names."""
    return [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] * (name in SLOW))
        for case, name in ((case, name_of(*case)) for case in cases)
    ]


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    mark(EXPECTED, lambda name, parameters, _: "-".join([name, *map(str, set(parameters.values()) - {1})])),
)
def test_each_runtime_answers_as_known(run_apart, backend, name, parameters, expected):
    """The known difference appears on the runtimes where it lives and on no other."""
    report = run_apart(SCENARIOS[name], parameters, backend=backend)
    answers = {answer for answer, runtimes in expected.items() if backend in runtimes}
    assert report.errors == {}
    assert set(report.values["answer"]) == answers
    assert report.violations == ({"answer"} if answers & BREAKS else set())


@pytest.mark.parametrize(
    ("name", "parameters", "fault", "answer"), mark(SABOTEURS, lambda name, _, fault, __: f"{name}-{fault}")
)
def test_broken_contract_is_seen(run_apart, name, parameters, fault, answer):
    """A healthy runtime with one fault gives the forbidden answer, and the question says that it catches the fault."""
    scenario = SCENARIOS[name]
    assert fault in scenario.catches
    report = run_apart(scenario, ONCE | parameters, backend=FAULTS[fault].control, fault=fault)
    assert report.errors == {}
    assert report.values["answer"][-1:] == [answer]
    assert report.violations == {"answer"}


def test_every_question_has_a_fault_that_it_catches():
    """Tried above."""
    assert {(name, fault) for name, _, fault, _ in SABOTEURS} == {
        (name, fault) for name, scenario in SCENARIOS.items() for fault in scenario.catches
    }
    assert all(scenario.catches for scenario in SCENARIOS.values())


# --- the neutral peer ---


class LatePeer(raw_tls_peer.RawTlsPeer):
    """A peer whose bytes come at one poll, and whose stream stays open."""

    def __init__(self, at):
        self.left = at
        self.polls = 0

    def flush(self):
        """Send nothing."""

    def look(self, received, parts=None):
        """Find four bytes once."""
        self.polls += 1
        self.left -= 1
        if self.left == 0:
            received.take(b"late")
        return self.left == 0


class Turns:
    """A runtime whose turns take no time."""

    async def sleep(self, seconds):
        """Return at once."""


def test_bytes_that_are_due_are_waited_for():
    """A busy machine is a second late; a stream that stays open is found after far fewer polls."""
    assert asyncio.run(LatePeer(at=1000).receive(Turns(), 4)).head == b"late"
    silent = LatePeer(at=0)
    assert asyncio.run(silent.receive_to_end(Turns())).end == "stays open"
    assert silent.polls == raw_tls_peer.QUIET_POLLS


@pytest.mark.parametrize("side", tls_close.SIDES)
def test_a_link_that_fails_leaves_nothing(monkeypatch, side):
    """Its peer is reset, its stream aborted and its listener closed."""
    aborted, peers, listeners = [], [], []

    async def fail(peer, *_):
        await asyncio.sleep(0)
        peers.append(peer)
        raise TimeoutError

    class Stream:
        async def do_handshake(self):
            await asyncio.Event().wait()

        async def abort(self):
            aborted.append(self)

    class Tls:
        async def connect_tls(self, host, port, *_, **__):
            peers.append(socket.create_connection((host, port)))
            return Stream()

        async def listen_tls(self, context):
            listeners.append(socket.create_server(("127.0.0.1", 0)))
            return self

        @property
        def address(self):
            return listeners[0].getsockname()

        async def accept(self):
            return Stream()

        async def aclose(self):
            listeners[0].close()

    monkeypatch.setattr(raw_tls_peer, "tls_of", lambda runtime: Tls())
    monkeypatch.setattr(raw_tls_peer.RawTlsPeer, "handshake", fail)

    async def enter(runtime):
        async with raw_tls_peer.TlsLink(runtime, side=side):
            pass

    with pytest.raises(BaseExceptionGroup) as raised:
        AsyncioRunner({}).run(enter, lambda exc, context: None)
    assert raised.group_contains(TimeoutError)
    assert len(aborted) == 1
    assert peers[-1]._peer.is_closed
    assert [listener.fileno() for listener in listeners] == [-1] * (side == "server")
    for one in peers[:-1]:
        one.close()


# --- certificates ---


def test_certificates_are_made_once_and_private(tmp_path, monkeypatch):
    """A second process reads the files of the first one; another user cannot."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = certificates.local_certificates()
    certificates._find_or_make.cache_clear()
    second = certificates.local_certificates()
    (folder,) = tmp_path.iterdir()
    assert first.folder == second.folder == str(folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert isinstance(first.server_context("h2"), ssl.SSLContext)


def test_a_folder_that_others_can_read_is_not_used(tmp_path, monkeypatch):
    """Its name is taken, so that the new files lie elsewhere."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    taken = tmp_path / certificates._place().name
    taken.mkdir(mode=0o755)
    (taken / "x").touch()
    ended = []
    monkeypatch.setattr("atexit.register", lambda *call: ended.append(call))
    made = Path(certificates.local_certificates().folder)
    assert made != taken
    ((remove, *args),) = ended
    remove(made, os.getpid() + 1)
    assert made.exists()
    remove(*args)
    assert list(tmp_path.iterdir()) == [taken]


def test_a_process_that_comes_second_leaves_no_key(tmp_path, monkeypatch):
    """It takes the files of the faster one."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept, make = certificates._place(), certificates._make

    def lose():
        make().rename(kept)
        return make()

    monkeypatch.setattr(certificates, "_make", lose)
    assert certificates.local_certificates().folder == str(kept)
    assert list(tmp_path.iterdir()) == [kept]


def test_each_day_has_its_certificates(tmp_path, monkeypatch):
    """A process may run for days, and the files of the days before yesterday are removed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    days = [tmp_path / "1", tmp_path / "2"]
    for day in days:
        day.mkdir(mode=0o700)
        monkeypatch.setattr(certificates, "_place", lambda day=day: day)
        assert certificates.local_certificates().folder == str(day)


def test_without_a_place_for_certificates_a_question_is_unsupported(tmp_path, monkeypatch):
    """One line with the cause, such as a full disk: no error of the plan, and nothing about a runtime."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(UnsupportedError, match=r"TLS needs certificates, which cannot be kept: .*missing"):
        certificates.local_certificates()


def test_certificates_of_the_days_before_yesterday_are_removed(tmp_path, monkeypatch):
    """Those of yesterday may be in use."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name, _, today = certificates._place().name.rpartition("-")
    for age in (1, 2):
        (tmp_path / f"{name}-{int(today) - age}").mkdir()
    certificates.local_certificates()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}-{int(today) - age}" for age in (0, 1)}


def test_without_trustme_a_question_is_unsupported(tmp_path, monkeypatch):
    """With one line that says what to install."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"^TLS needs certificates.*'runtime-harness\[tls\]'$"):
        certificates.local_certificates()
    assert certificates.find_missing_certificates() == certificates.MISSING
    assert list(tmp_path.iterdir()) == []
