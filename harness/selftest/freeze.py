"""d: a client that stands still for a moment in an open loop.

That is in the response, which counts from when a connection was due; a clock that starts with the connection does not
see it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

import msgspec

from harness.model import CellRecord, Observed, Request
from harness.selftest.injections import FREEZE_SECONDS

from .bench import Bench
from .part import Effort, PartResult, promise, skip

NAME = "d"
SCENARIO = "storm"
CORRECTED, UNCORRECTED = "response p99", "service p99"
"""From when a connection was due, and from when it was started."""
_RATE, _LENGTH = 200, 5
"""Forty of a thousand connections become due during the freeze: more than one in a hundred."""
_FREEZE_MS = FREEZE_SECONDS * 1000
LEAST_CORRECTED_MS = _FREEZE_MS / 2
MOST_UNCORRECTED_MS = _FREEZE_MS / 4
"""What became due meanwhile is started at once, so each of them takes a little longer than alone."""
_ATTEMPTS = 3
"""A client that a busy machine keeps from its schedule gives no latencies, with a freeze or without."""
_US_PER_MS = 1000


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Median over the storms that gave latencies, in ms; nothing if none did."""

    corrected: float = 0.0
    uncorrected: float = 0.0
    given: int = 0
    """Storms that gave some."""
    storms: int = 0


def run_freeze(bench: Bench, effort: Effort) -> PartResult:
    """Run storms with a healthy client and with one that freezes, until both gave latencies."""
    title = f"{NAME}  {SCENARIO}: the client stands still for {_FREEZE_MS:.0f} ms of {_LENGTH} s at {_RATE}/s"
    if bench.has_threads(SCENARIO):
        return skip(NAME, title, "one thread that stands still does not stop the others")
    healthy, frozen = str(bench.reference(SCENARIO)), bench.spec(SCENARIO, "frozen")
    request = Request(
        scenarios=(SCENARIO,),
        preset="",
        parameters=(("mode", "rate"), ("rate", str(_RATE)), ("length", str(_LENGTH))),
        backends=(healthy, frozen),
        server=healthy,
        rounds=effort.storms,
    )
    records: list[CellRecord] = []
    for attempt in range(1, _ATTEMPTS + 1):
        said = f"{NAME}: a client that stands still for {_FREEZE_MS:.0f} ms, attempt {attempt} of {_ATTEMPTS} at most"
        records += bench.run_injected(said, msgspec.structs.replace(request, seed=attempt)).run.records
        control = read_latencies([record for record in records if record.cell.label == healthy])
        injected = read_latencies([record for record in records if record.cell.label != healthy])
        if control.given and injected.given:
            break
    return judge_freeze(title, control, injected)


def read_latencies(records: Sequence[CellRecord]) -> Latencies:
    """Return the latencies of storms, of those that have both."""
    seen = [{fact.key: fact.value for fact in record.observations if isinstance(fact, Observed)} for record in records]
    both = [facts for facts in seen if CORRECTED in facts and UNCORRECTED in facts]
    if not both:
        return Latencies(storms=len(seen))
    return Latencies(
        given=len(both),
        storms=len(seen),
        corrected=statistics.median(facts[CORRECTED] for facts in both) / _US_PER_MS,
        uncorrected=statistics.median(facts[UNCORRECTED] for facts in both) / _US_PER_MS,
    )


def judge_freeze(title: str, control: Latencies, frozen: Latencies) -> PartResult:
    """Return whether both latencies are there, and the freeze is in the one and not in the other."""
    late = control.storms - control.given
    if not control.given or (late and not frozen.given):
        why = f"without a freeze the client could not keep its schedule in {late} of {control.storms} storms"
        return skip(NAME, title, f"{why}; free the machine")
    if not frozen.given:
        lines = (title, "  a client that freezes never gave latencies, and one that does not always did")
        return PartResult(name=NAME, lines=lines, said="a freeze leaves no latencies", passed=False)
    return PartResult(
        name=NAME,
        lines=(title, *_lines(control, frozen)),
        said=f"a freeze of {_FREEZE_MS:.0f} ms is {frozen.corrected:.0f} ms in response p99 "
        f"and {frozen.uncorrected:.0f} ms in service p99",
        passed=frozen.corrected >= LEAST_CORRECTED_MS and frozen.uncorrected <= MOST_UNCORRECTED_MS,
        figures={"frozen ms": msgspec.structs.asdict(frozen), "without ms": msgspec.structs.asdict(control)},
    )


def _lines(control: Latencies, frozen: Latencies) -> Iterator[str]:
    for name, found, without, promised in (
        (f"corrected: {CORRECTED}", frozen.corrected, control.corrected, f"at least {LEAST_CORRECTED_MS:.0f} ms"),
        (
            f"uncorrected: {UNCORRECTED}",
            frozen.uncorrected,
            control.uncorrected,
            f"at most {MOST_UNCORRECTED_MS:.0f} ms",
        ),
    ):
        yield promise(name, f"{found:.1f} ms", f"{promised}; {without:.1f} ms without the freeze")
