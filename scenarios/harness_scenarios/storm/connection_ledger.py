"""What became of each connection of a storm: times and ending per index, and counts that add up."""

from __future__ import annotations

from array import array
from enum import IntEnum

from harness.api import ErrorKind
from harness_scenarios.parts.percentiles import compute_percentiles, distribute
from harness_scenarios.parts.tagged_payload import ReplyGrade

DUE = "connections due"


class Ending(IntEnum):
    """How a connection ended."""

    NONE = 0
    OK = 1
    REFUSED = 2
    RESET = 3
    TIMED_OUT = 4
    OUT_OF_FDS = 5
    OTHER = 6


ENDING_KEYS = {
    Ending.OK: "connections ok",
    Ending.REFUSED: "connections refused",
    Ending.RESET: "connections reset",
    Ending.TIMED_OUT: "connections timed out",
    Ending.OUT_OF_FDS: "connections out of fds",
    Ending.OTHER: "connections other",
}
DROPPED = "connections dropped"
IN_FLIGHT = "connections in flight"
PARTS_OF_DUE = (*ENDING_KEYS.values(), DROPPED, IN_FLIGHT)
"""The keys that add up to `DUE`, also when the server died or the time was up."""

REPLY_KEYS = {
    ReplyGrade.LOST: "replies lost",
    ReplyGrade.SHORT: "replies short",
    ReplyGrade.FOREIGN: "replies with foreign bytes",
}
DUPLICATED = "replies duplicated"

SERVER_STATE = "server after the storm"
IN_QUEUE = "unanswered in the listen queue"
UNREAD = "unanswered accepted and never read"
READ = "unanswered read and never closed"
UNSENT = "unanswered with bytes unsent"
UNENDED = "whole replies without an end"
PLACES = (IN_QUEUE, UNREAD, READ, UNSENT)
"""Where a connection that was not answered can be on the server's side."""

_NO_TAG = -1

LATENCIES = ("response", "service", "lateness")

_ENDING_OF_KIND = {
    ErrorKind.REFUSED: Ending.REFUSED,
    ErrorKind.BROKEN: Ending.RESET,
    ErrorKind.TIMED_OUT: Ending.TIMED_OUT,
    ErrorKind.DEADLINE: Ending.TIMED_OUT,
    ErrorKind.OUT_OF_FDS: Ending.OUT_OF_FDS,
}


def ending_of(kind: ErrorKind) -> Ending:
    """Return the ending that an error of this kind gives a connection."""
    return _ENDING_OF_KIND.get(kind, Ending.OTHER)


class ConnectionLedger:
    """Due, started and done time, ending and reply of each connection, by index.

    Each connection writes only its own slots, so that tasks need no lock, also where they are threads. A time of 0
    says that it has not come.
    """

    __slots__ = ("_done_ns", "_due_ns", "_endings", "_grades", "_started_ns", "_tags")

    def __init__(self, offsets: array[int], start_ns: int) -> None:
        count = len(offsets)
        self._due_ns = array("q", (start_ns + offset for offset in offsets))
        self._started_ns = array("q", bytes(8 * count))
        self._done_ns = array("q", bytes(8 * count))
        self._tags = array("q", [_NO_TAG]) * count
        self._endings = bytearray(count)
        self._grades = bytearray(count)

    def start(self, index: int, now_ns: int) -> None:
        """Record that the task of a connection runs."""
        self._started_ns[index] = now_ns

    def receive_reply(self, index: int, grade: ReplyGrade, tag: int, now_ns: int) -> None:
        """Record a reply that was read to its end; `tag` is the index that it says it is for."""
        self._done_ns[index] = now_ns
        self._tags[index] = tag if 0 <= tag < len(self._tags) else _NO_TAG
        self._grades[index] = grade

    def end(self, index: int, ending: Ending) -> None:
        """Record how a connection ended."""
        self._endings[index] = ending

    def counts(self) -> dict[str, int]:
        """Return `DUE` and each of `PARTS_OF_DUE`."""
        found = {key: self._endings.count(ending) for ending, key in ENDING_KEYS.items()}
        unfinished = [index for index, ending in enumerate(self._endings) if ending == Ending.NONE]
        found[DROPPED] = sum(not self._started_ns[index] for index in unfinished)
        found[IN_FLIGHT] = len(unfinished) - found[DROPPED]
        return {DUE: len(self._due_ns), **found}

    def reply_counts(self) -> dict[str, int]:
        """Return how many replies were lost, short, foreign, and delivered more than once."""
        found = {key: self._grades.count(grade) for grade, key in REPLY_KEYS.items()}
        repeated = self._grades.count(ReplyGrade.REPEATED)
        whole = (ReplyGrade.RIGHT, ReplyGrade.REPEATED, ReplyGrade.FOREIGN)
        delivered = [
            tag for tag, grade in zip(self._tags, self._grades, strict=True) if grade in whole and tag != _NO_TAG
        ]
        found[DUPLICATED] = repeated + len(delivered) - len(set(delivered))
        return found

    def latencies_ns(self) -> dict[str, dict[str, int]]:
        """Return the percentiles of each of `LATENCIES`, with their sample size as `"samples"`.

        Response counts from the time a connection was due, and one without its reply as endless; service counts
        from its start; lateness is the time between.
        """
        count = len(self._due_ns)
        answered = [index for index in range(count) if self._endings[index] == Ending.OK]
        started = [index for index in range(count) if self._started_ns[index]]
        due_ns, started_ns, done_ns = self._due_ns, self._started_ns, self._done_ns
        return {
            "response": _summarise([done_ns[i] - due_ns[i] for i in answered], count - len(answered)),
            "service": _summarise([done_ns[i] - started_ns[i] for i in answered], len(started) - len(answered)),
            "lateness": _summarise([started_ns[i] - due_ns[i] for i in started], count - len(started)),
        }

    def response_distribution(self) -> list[dict[str, float]]:
        """Return how the response times spread, from the time a connection was due."""
        answered = [index for index in range(len(self._due_ns)) if self._endings[index] == Ending.OK]
        samples = (self._done_ns[index] - self._due_ns[index] for index in answered)
        return distribute(samples, unanswered=len(self._due_ns) - len(answered))

    def started(self) -> int:
        """Return how many connections were started."""
        return len(self._started_ns) - self._started_ns.count(0)

    def last_started_ns(self) -> int:
        """Return when the last connection was started."""
        return max(self._started_ns, default=0)

    def last_done_ns(self) -> int:
        """Return when the last reply was read to its end."""
        return max(self._done_ns, default=0)


def _summarise(samples: list[int], unanswered: int) -> dict[str, int]:
    return {"samples": len(samples) + unanswered, **compute_percentiles(samples, unanswered=unanswered)}
