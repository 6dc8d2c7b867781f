"""What a channel holds and what closing it does: each runtime answers as known, broken contracts are seen."""

import sys

import pytest

from harness.testing.wrapping import Wrapped
from harness_asyncio.queues import open_queue
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import channel, channel_close, question

from .impatient import Impatient, impatient

SCENARIOS = {scenario.name.removeprefix("channel."): scenario for scenario in channel.SCENARIOS}
NEVER_ENDS = question.NEVER_ENDS
ALL = ("asyncio", "uvloop", "trio", "curio", "threads")
NOT_TRIO = ("asyncio", "uvloop", "curio")

EXPECTED = {
    "capacity-zero": {channel.RENDEZVOUS: ALL},
    "rendezvous-waits": {channel.WAITS: ALL},
    "unbounded-grows": {channel.TAKES_ALL: ALL},
    "slow-consumer-stops-producer": {channel.HELD_BACK: ALL},
    "item-is-for-who-waits": {channel.STOLEN: NOT_TRIO, channel.RESERVED: ("trio",)},
    "waiting-sender-keeps-its-place": {channel.OVERTAKEN: NOT_TRIO, channel.IN_ORDER: ("trio",)},
    "producers-take-turns": {channel.ONE_FIRST: NOT_TRIO, channel.TAKE_TURNS: ("trio",)},
    "close-with-items-inside": {channel_close.ALL_ITEMS: ALL},
    "send-after-close": {channel_close.SEND_FAILS: ALL},
    "close-wakes-all-receivers": {channel_close.ALL_END: ALL},
    "end-is-seen": {channel_close.SEES_THE_END: ALL},
    "close-twice": {channel_close.STAYS_OPEN: ALL},
    "close-while-a-send-waits": {channel_close.NOT_SENT: ALL},
    "receiver-closes": {channel_close.SEES_IT: ("asyncio", "uvloop", "trio", "threads"), NEVER_ENDS: ("curio",)},
}
"""For each question the answers and the runtimes that give them; where threads are not named they may give any."""

REPETITIONS = {"capacity-zero": 1, "unbounded-grows": 1}
ENDS_FROM_313 = sys.version_info >= (3, 13)
PLAIN_QUEUE = {
    "capacity-zero": channel.UNBOUNDED,
    "slow-consumer-stops-producer": channel.HELD_BACK,
    "item-is-for-who-waits": channel.STOLEN,
    "end-is-seen": channel_close.SEES_THE_END if ENDS_FROM_313 else NEVER_ENDS,
    "send-after-close": channel_close.SEND_ENDS if ENDS_FROM_313 else channel_close.SEND_SUCCEEDS,
    "receiver-closes": NEVER_ENDS,
}
"""What a plain queue of asyncio answers."""

SABOTEURS = [
    ("capacity-zero", "channel-takes-one-more", channel.SOME),
    ("rendezvous-waits", "channel-takes-one-more", channel.EARLY),
    ("unbounded-grows", "item-lost", channel.LOSES),
    ("slow-consumer-stops-producer", "channel-takes-one-more", channel.AHEAD),
    ("close-with-items-inside", "end-before-items", channel_close.ITEMS_LOST),
    ("send-after-close", "sender-never-closes", channel_close.SEND_SUCCEEDS),
    ("close-wakes-all-receivers", "close-sends-an-item", channel_close.WOKEN_OTHERWISE),
    ("close-twice", "close-counted-twice", channel_close.COUNTED_TWICE),
    ("close-while-a-send-waits", "closed-send-succeeds", channel_close.DROPPED),
    (
        "close-while-a-send-waits",
        "failed-send-delivers",
        channel_close.SENT_ALL_THE_SAME,
    ),
]
HANGING_SABOTEURS = [
    ("unbounded-grows", "unbounded-has-a-limit"),
    ("slow-consumer-stops-producer", "item-lost"),
    ("producers-take-turns", "item-lost"),
    ("item-is-for-who-waits", "item-lost"),
    ("waiting-sender-keeps-its-place", "item-lost"),
    ("close-with-items-inside", "sender-never-closes"),
    ("close-wakes-all-receivers", "sender-never-closes"),
    ("close-while-a-send-waits", "sender-never-closes"),
]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_roles, backend, name):
    """The known difference appears on the runtimes where it lives and on no other; none breaks a contract."""
    known = {answer for answer, runtimes in EXPECTED[name].items() if backend in runtimes}
    wrap = {"main": Impatient} if known == {NEVER_ENDS} else None
    report = run_roles(SCENARIOS[name], {"repetitions": REPETITIONS.get(name, 5)}, backend=backend, wrap=wrap)
    assert (report.errors, report.violations) == ({}, set())
    assert set(report.values["answer"]) == known or (backend == "threads" and not known)


class PlainQueues(Wrapped):
    """Its channels are plain queues of asyncio, as with `asyncio:channel=queue`."""

    def open_channel(self, capacity):
        """Return both ends of a queue."""
        return open_queue(capacity)


@pytest.mark.parametrize("name", PLAIN_QUEUE)
def test_plain_queue_answers_as_known(run_roles, name):
    """A queue of asyncio has no rendezvous, and before Python 3.13 no end."""
    hangs = PLAIN_QUEUE[name] == NEVER_ENDS
    wrap = impatient(PlainQueues) if hangs else {"main": PlainQueues}
    report = run_roles(SCENARIOS[name], {"repetitions": 2}, wrap=wrap)
    assert set(report.values["answer"]) == {PLAIN_QUEUE[name]}


@pytest.mark.parametrize(("name", "fault", "answer"), SABOTEURS)
def test_broken_contract_is_seen(run_roles, name, fault, answer):
    """A healthy runtime that breaks one thing gives the forbidden answer."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, wrap={"main": FAULTS[fault].runtime})
    assert (report.values["answer"], report.violations) == ([answer], {"answer"})


@pytest.mark.parametrize(("name", "fault"), HANGING_SABOTEURS)
def test_broken_contract_that_hangs_is_seen(run_roles, name, fault):
    """A healthy runtime that loses an item or a close makes a trial that never ends."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, wrap=impatient(FAULTS[fault].runtime))
    assert (report["answer"], report.violations) == (NEVER_ENDS, {"answer"})


def test_unbounded_channel_holds_what_it_was_given(run_roles, backend):
    """The memory that is reported is that of the items, and it is given back."""
    report = run_roles(SCENARIOS["unbounded-grows"], {}, backend=backend)
    assert 1000 < report["memory for each item of 1000 B"] < 1500
    assert report["memory kept when it is empty again"] < 1_000_000


def test_starved_producer_is_measured(run_roles):
    """On asyncio the whole share of one producer comes before the first item of the other."""
    report = run_roles(SCENARIOS["producers-take-turns"], {})
    assert set(report.values["items of one producer before the first of the other"]) == {100}
