"""The client of a storm: makes connections due in one of three modes and records what became of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from harness.api import NO_FIGURE, Probe, Runtime
from harness_scenarios.parts.open_loop import burst_offsets, make_offsets

from .connection_ledger import DUE, PARTS_OF_DUE, UNENDED, ConnectionLedger
from .exchange import Exchange
from .saturation import SaturationSearch
from .schedule import ErrorSamples, Pace, ScheduleRun, Target

OVERLOAD = "overload "
OVERLOAD_DUE = "due in overload"
"""Before the counts of steps that were too fast on purpose: what fails there breaks no contract."""
_LATE_EVIDENCE = ("lateness",)
_MICROSECOND_NS = 1000
_MILLISECOND_NS = 1_000_000


async def client(runtime: Runtime, probe: Probe) -> None:
    """Open the connections that the mode makes due, and record what became of each."""
    host, port = await probe.receive("address")
    storm = _Storm(runtime, probe, Target(host, port, Exchange(probe.parameters, probe.seed)))
    await _MODES[probe.parameters["mode"]](storm)


class _Storm:
    """The schedules of one storm, one after another."""

    def __init__(self, runtime: Runtime, probe: Probe, target: Target) -> None:
        self.probe = probe
        self.parameters = probe.parameters
        self._runtime = runtime
        self._target = target
        self._errors = ErrorSamples()
        self._connections = 0
        self.largest_burst = 0
        self.cpu_seconds = 0.0

    async def run(self, offsets: array[int], length: float) -> ScheduleRun:
        """Run a schedule to its end."""
        run = ScheduleRun(
            self._runtime,
            self.probe,
            self._target,
            offsets,
            length=length,
            errors=self._errors,
            first_index=self._connections,
        )
        await run.run()
        self._connections += len(offsets)
        self.largest_burst = max(self.largest_burst, run.largest_burst)
        self.cpu_seconds += run.cpu_seconds
        return run

    def observe_all(self, figures: dict[str, Any]) -> None:
        """Record figures by key."""
        for key, figure in figures.items():
            self.probe.observe(key, figure)

    def report_counts(self, counts: dict[str, int]) -> None:
        """Record the counts, which come first: they are there whatever happens after."""
        self.observe_all(counts)
        for text in self._errors.texts():
            self.probe.observe("client error", text)
        self.probe.observe("largest burst", self.largest_burst)

    async def explain(self, run: ScheduleRun) -> None:
        """Record where the connections are that were not answered, if there are any."""
        if run.unanswered():
            from .sockets import explain_unanswered

            await explain_unanswered(self._runtime, self.probe, self._target.port)
            self.probe.observe(UNENDED, run.unended())

    def report_pace(self, pace: Pace) -> None:
        """Record both rates and whether the client kept the pace."""
        self.observe_all({"offered rate": pace.offered, "achieved rate": pace.achieved, "generator": pace.verdict})
        if pace.verdict != "ok":
            self.probe.observe(NO_FIGURE, f"{_PACES[pace.verdict].format(pace)}; lower the rate, or free the machine")


_PACES = {
    "limited": "the client started {0.achieved:,.0f} connections/s where {0.offered:,.0f} were due",
    "late": "the client started {0.achieved:,.0f} of {0.offered:,.0f} connections/s, long after they were due",
}
"""Why a storm gives no latency."""


# --- modes ---


async def _run_rate(storm: _Storm) -> None:
    parameters = storm.parameters
    offsets = make_offsets(parameters["arrival"], parameters["rate"], parameters["length"], storm.probe.seed)
    run = await storm.run(offsets, parameters["length"])
    storm.report_counts(_counts_of(run.ledger))
    await storm.explain(run)
    pace = run.pace()
    storm.report_pace(pace)
    if pace.verdict == "ok":
        _report_latencies(storm, run.ledger)
        _report_distribution(storm, run.ledger)
        storm.probe.observe("client CPU", storm.cpu_seconds)
    elif pace.verdict == "late":
        _report_latencies(storm, run.ledger, only=_LATE_EVIDENCE)


async def _run_burst(storm: _Storm) -> None:
    run = await storm.run(burst_offsets(storm.parameters["connections"]), 0)
    storm.report_counts(_counts_of(run.ledger))
    await storm.explain(run)
    per_second = run.answered_per_second()
    if per_second is not None:
        storm.probe.observe("connections per second", per_second)
    _report_latencies(storm, run.ledger)
    _report_distribution(storm, run.ledger)
    storm.probe.observe("client CPU", storm.cpu_seconds)


async def _run_search(storm: _Storm) -> None:
    parameters = storm.parameters
    search = SaturationSearch(
        base_rate=parameters["base_rate"],
        growth=parameters["growth"],
        slowdown=parameters["slowdown"],
        objective=parameters["objective"] * _MILLISECOND_NS / _MICROSECOND_NS,
        most=_largest_rate(parameters),
    )
    contract, overload, replies = Counter[str](), Counter[str](), Counter[str]()
    steps: list[dict[str, Any]] = []
    while (rate := search.next_rate) is not None:
        length = parameters["step_length"]
        offsets = make_offsets(parameters["arrival"], rate, length, storm.probe.seed + len(steps))
        run = await storm.run(offsets, length)
        step = _describe_step(rate, run)
        kept_pace = run.pace().verdict == "ok"
        sustained = search.record(step["response p90"], failed=run.failed(), kept_pace=kept_pace)
        if not steps:  # the first step is judged like any storm; load beyond the capacity may fail
            await storm.explain(run)
        steps.append({**step, "sustained": sustained})
        (contract if sustained or len(steps) == 1 else overload).update(run.ledger.counts())
        replies.update(run.ledger.reply_counts())
    totals = {key: contract[key] for key in (DUE, *PARTS_OF_DUE)}
    storm.report_counts({**totals, **replies})
    if overload:
        storm.probe.observe(OVERLOAD_DUE, overload[DUE])
        storm.observe_all({f"{OVERLOAD}{part}": overload[part] for part in PARTS_OF_DUE})
    _report_search(storm, search, steps)


_MODES: dict[str, Callable[[_Storm], Awaitable[None]]] = {
    "rate": _run_rate,
    "saturate": _run_search,
    "burst": _run_burst,
}
MODES = tuple(_MODES)


def _largest_rate(parameters: Mapping[str, Any]) -> float:
    from .limits import largest_rate
    from .posix import read_host_limits

    return largest_rate(parameters, read_host_limits())


# --- reports ---


def _counts_of(ledger: ConnectionLedger) -> dict[str, int]:
    return {**ledger.counts(), **ledger.reply_counts()}


def _report_latencies(storm: _Storm, ledger: ConnectionLedger, only: tuple[str, ...] = ()) -> None:
    for latency, figures in ledger.latencies_ns().items():
        for name, figure in figures.items():
            if not only or latency in only:
                storm.probe.observe(f"{latency} {name}", figure if name == "samples" else figure / _MICROSECOND_NS)


def _report_distribution(storm: _Storm, ledger: ConnectionLedger) -> None:
    storm.probe.observe("response distribution", ledger.response_distribution())


def _describe_step(rate: float, run: ScheduleRun) -> dict[str, Any]:
    """Return a line of the latency-against-rate table: times in µs, and every part of due that is not 0."""
    pace, latencies = run.pace(), run.ledger.latencies_ns()
    wanted = ("response p50", "response p90", "response p99", "service p90", "lateness p99")
    found = {key: _microseconds(latencies, *key.split(" ")) for key in wanted}
    counts = run.ledger.counts()
    parts = {key.removeprefix("connections "): counts[key] for key in PARTS_OF_DUE if counts[key]}
    rates = {"rate": rate, "offered": pace.offered, "achieved": pace.achieved}
    return {**rates, **found, "due": counts[DUE], **parts}


def _microseconds(latencies: dict[str, dict[str, int]], latency: str, name: str) -> float | None:
    figure = latencies[latency].get(name)
    return None if figure is None else figure / _MICROSECOND_NS


def _report_search(storm: _Storm, search: SaturationSearch, steps: list[dict[str, Any]]) -> None:
    assert search.end is not None
    found = {
        "highest sustainable rate": search.highest_sustainable,
        "bracket low": search.low,
        "bracket high": search.high,
        "slow from": search.limit,
    }
    storm.observe_all({"steps": steps, "search ended": str(search.end)})
    storm.observe_all({key: figure for key, figure in found.items() if figure is not None})
    storm.probe.observe("client CPU", storm.cpu_seconds)
