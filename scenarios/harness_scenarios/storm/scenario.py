"""storm: a storm of short TCP connections, each with a request and a reply of its own.

Question: how long does a connection take from the time it was due, and does each one get its own reply?

Contract: every connection is answered; none is refused, reset, times out or is lost; each gets its own reply, whole
and once. The connections due are the sum of what became of them, also when the server dies.

The client is an open loop: it opens connections when they are due, whether or not earlier ones have ended, and counts
latency from there. The server reads each request to its end (the client half-closes), replies and closes.

With `mode=saturate` the client looks for the highest rate that the server sustains (see `saturation`). What fails in
a step that is too fast on purpose is counted apart ("overload ...") and breaks no contract.

This module is the declaration; the roles are in `storm_client` and `storm_server`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.api import (
    NO_FIGURE,
    Capability,
    Chart,
    Judge,
    Parameter,
    Scenario,
    Value,
    allowed,
    bounded,
    info,
    interesting,
    metric,
    outcomes,
)
from harness_scenarios.parts.encryption import TLS, prepare_tls
from harness_scenarios.parts.open_loop import ARRIVALS
from harness_scenarios.parts.percentiles import PERCENTILES, distribution_chart
from harness_scenarios.parts.tagged_payload import LEAST_BYTES

from .client import MODES, OVERLOAD, OVERLOAD_DUE, client
from .connection_ledger import DUE, LATENCIES, PARTS_OF_DUE, PLACES, SERVER_STATE, UNENDED
from .saturation import SearchEnd
from .server import ACCEPTED, ANSWERED, CAPACITY_LEFT, CAPACITY_USED_UP, MACHINE_BUSY, PARTS_OF_ACCEPTED, server

__all__ = ["client", "server", "storm"]

_EXPLANATION = (SERVER_STATE, *PLACES, UNENDED)
_BELOW_CAPACITY = "the client kept its pace, and the server had CPU time left: every connection has to be answered"
_HALF_CLOSE = "RFC 9293, section 3.6: data still arrives after the other direction was closed"


_AS_ASKED = {"generator": "ok", "capacity": CAPACITY_LEFT}
"""Late and missing answers are judged only where the client kept the requested load and that load is below the capacity
of the server, measured in the same cell."""


def _none_allowed(reason: str, reference: str = "", explained_by: tuple[str, ...] = ()) -> Judge:
    return bounded(at_most=0, reason=reason, reference=reference, explained_by=explained_by)


def _none_in_time(reason: str, explained_by: tuple[str, ...] = ()) -> Judge:
    return bounded(at_most=0, reason=reason, explained_by=explained_by, only_where=_AS_ASKED)


def _latency_judges() -> dict[str, Judge]:
    judges: dict[str, Judge] = {}
    for latency in LATENCIES:
        judges |= {f"{latency} {name}": metric("µs") for name in PERCENTILES}
        judges |= {f"{latency} max": info("µs"), f"{latency} samples": info()}
    return judges


_JUDGES: dict[str, Judge] = {
    DUE: info(),
    "connections ok": info(),
    "connections refused": _none_allowed("the server listens from before the first connection to after the last"),
    "connections reset": _none_allowed("the server reads each request to its end before it closes"),
    "connections timed out": _none_in_time(_BELOW_CAPACITY, explained_by=_EXPLANATION),
    "connections out of fds": _none_allowed("each connection is closed when it ends, so fds do not run out"),
    "connections other": _none_allowed("no other error is due, and every reply has to be the right one"),
    "connections dropped": _none_in_time("a connection that is due has to be started before the cooldown is over"),
    "connections in flight": _none_in_time(
        "the cooldown is longer than the timeout, so every connection ends", explained_by=_EXPLANATION
    ),
    **{key: info() for key in _EXPLANATION},
    "replies lost": _none_allowed("a request that was sent and half-closed gets its reply", _HALF_CLOSE),
    "replies short": _none_allowed("closing after a reply must not cut it off"),
    "replies with foreign bytes": _none_allowed("each connection gets the reply to its own request, unchanged"),
    "replies duplicated": _none_allowed("each reply goes to one connection, once"),
    "requests damaged": _none_allowed("each request arrives as it was sent, on a connection of its own"),
    "requests short": info(),
    ACCEPTED: info(),
    ANSWERED: info(),
    "handler errors": info(),
    "handlers unfinished": info(),
    "accept errors": _none_allowed("below the limit of fds, accepting a connection does not fail"),
    "acceptors used": info(),
    "client error": info(),
    "server error": info(),
    "generator": outcomes(
        {
            "ok": allowed("connections were started at the rate that was offered"),
            "limited": interesting(
                "the client started less than 98 % of the due connections: it set the pace, so no latency is given; "
                "lower the rate, or free the machine"
            ),
            "late": interesting(
                "the client started connections long after they were due (p90 of the lateness above 2 ms and above a "
                "tenth of that of the response), so that the response would be the client's: not given; "
                "lower the rate, or free the machine"
            ),
        }
    ),
    "capacity": outcomes(
        {
            CAPACITY_LEFT: allowed("the server had CPU time left, and got it when it wanted it"),
            CAPACITY_USED_UP: interesting("the server used a whole CPU, so a late answer is no breach; lower the rate"),
            MACHINE_BUSY: interesting(
                "the server waited for a CPU for more than a fifth of the time: others had it; free the machine"
            ),
        }
    ),
    NO_FIGURE: info(),
    "offered rate": info("1/s"),
    "achieved rate": info("1/s"),
    "largest burst": info("connections"),
    "connections per second": metric("1/s", better="higher"),
    "highest sustainable rate": metric("1/s", better="higher"),
    "bracket low": info("1/s"),
    "bracket high": info("1/s"),
    "slow from": info("µs"),
    "steps": info(),
    "response distribution": info(),
    "search ended": outcomes(
        {
            SearchEnd.FOUND: allowed("the rate between the ends of the bracket is where the server stops keeping up"),
            SearchEnd.GENERATOR_LIMITED: interesting(
                "the client could not keep the pace, so the server's limit lies above; give the client a faster runtime"
            ),
            SearchEnd.NO_BASE: interesting("the base step failed or was too short for a p90: lower base_rate"),
            SearchEnd.LEGAL_LIMIT: interesting("the server sustains every rate that the limits of this host allow"),
            SearchEnd.GAVE_UP: interesting("results went up and down, or the growth is too small: free the machine"),
        }
    ),
    OVERLOAD_DUE: info(),
    **{f"{OVERLOAD}{part}": info() for part in PARTS_OF_DUE},
    "client CPU": metric("s"),
    "server CPU": metric("s"),
    **_latency_judges(),
}

_FILE = "; every connection gets the same bytes, so bytes of another connection cannot be told"

_PARAMETERS = (
    Parameter(
        name="mode",
        default="rate",
        summary="rate: an open loop; saturate: search for the highest rate; burst: all at once",
        choices=MODES,
    ),
    Parameter(name="rate", default=200, summary="connections due per second", unit="1/s", at_least=1),
    Parameter(name="length", default=1.0, summary="how long connections become due", unit="s", at_least=0.01),
    Parameter(name="connections", default=200, summary="size of the burst", at_least=1),
    Parameter(name="arrival", default="fixed", summary="equal gaps, or random ones (seeded)", choices=ARRIVALS),
    Parameter(name="base_rate", default=200, summary="rate of the first step of a search", unit="1/s", at_least=1),
    Parameter(name="growth", default=1.5, summary="factor from step to step of a search", at_least=1.05, at_most=10),
    Parameter(name="slowdown", default=3.0, summary="slow is a p90 above this times the first step's", at_least=1),
    Parameter(name="objective", default=10.0, summary="and above this", unit="ms", at_least=0),
    Parameter(name="step_length", default=1.0, summary="length of a step of a search", unit="s", at_least=0.01),
    Parameter(name="request_bytes", default=64, summary="size of a request", unit="B", at_least=LEAST_BYTES),
    Parameter(name="reply_bytes", default=64, summary="size of a reply", unit="B", at_least=LEAST_BYTES),
    Parameter(name="request_file", default="", summary=f"file sent as the request{_FILE}", nullable=True),
    Parameter(name="reply_file", default="", summary=f"file sent as the reply{_FILE}", nullable=True),
    Parameter(
        name="acceptors", default=1, summary="listeners on the port (above 1: SO_REUSEPORT)", at_least=1, at_most=64
    ),
    Parameter(
        name="sources",
        default=1,
        summary="local addresses to connect from, in turn: 127.0.0.1, 127.0.0.2, ...",
        at_least=1,
        at_most=10_000,
    ),
    Parameter(name="timeout", default=5.0, summary="limit of one connection, from its start", unit="s", at_least=0),
    Parameter(
        name="backlog",
        default=1024,  # what waits beyond the backlog is dropped by the system and tried again after a second
        summary="connections that may wait to be accepted; none: the runtime's own default",
        at_least=1,
        nullable=True,
    ),
    TLS,
    Parameter(name="cooldown", default=6.0, summary="how long the last ones may take", unit="s", at_least=0),
)


def _preflight(parameters: Mapping[str, Any]) -> str:
    from .limits import preflight

    if parameters["tls"] and max(parameters["sources"], parameters["acceptors"]) > 1:
        return "tls=true has one source and one acceptor: leave sources and acceptors at 1"
    return preflight(parameters) or prepare_tls(parameters)


def _limits() -> str:
    from .limits import describe_limits

    return describe_limits({parameter.name: parameter.default for parameter in _PARAMETERS})


_DEFAULT_ROWS: tuple[dict[str, Value], ...] = (
    {"mode": "rate", "rate": 200, "length": 2.0},
    {"mode": "rate", "rate": 1000, "length": 2.0},
    {"mode": "rate", "rate": 500, "length": 2.0, "arrival": "poisson"},
    {"mode": "burst"},
    {"mode": "rate", "rate": 200, "tls": True},
)

_SEARCH = Chart(
    key="steps",
    x="rate",
    y="response p90",
    title="response p90 at each step of the search",
    x_label="offered rate",
    x_unit="1/s",
)

storm = Scenario(
    name="storm",
    order=10,
    question="How long does a connection take from when it was due, and does each one get its own reply?",
    contract=(
        "Every connection is answered: none is refused, reset, times out or is lost.",
        "Each reply is whole, arrives once and belongs to the request of its connection (a file says not whose it is).",
        "Connections due = ok + refused + reset + timed out + out of fds + other + dropped + in flight.",
    ),
    ref="harness_scenarios.storm.scenario:storm",
    roles={"server": server, "client": client},
    parameters=_PARAMETERS,
    judges=_JUDGES,
    headline="response p90",
    rows={
        "quick": ({"mode": "rate", "rate": 200}, {"mode": "burst"}),
        "default": _DEFAULT_ROWS,
        "thorough": (*_DEFAULT_ROWS, {"mode": "saturate"}),
    },
    conserved={
        DUE: PARTS_OF_DUE,
        OVERLOAD_DUE: tuple(f"{OVERLOAD}{part}" for part in PARTS_OF_DUE),
        ACCEPTED: PARTS_OF_ACCEPTED,
    },
    requires=(Capability.DEADLINE, Capability.GROUP_CANCEL),
    preflight=_preflight,
    limits=_limits,
    timeout=60.0,
    hang_after=10.0,
    charts=(_SEARCH, distribution_chart("response")),
    summary="open many short TCP connections, send a request, half-close, read the reply to its end, close",
    catches=("accept-stops", "byte-flipped", "replies-swapped", "fd-leaked"),
)
