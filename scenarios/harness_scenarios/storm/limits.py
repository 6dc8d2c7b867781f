"""The largest storm that a host allows, and which of its limits binds.

Who closes first decides where ports run out: the client half-closes before it reads the reply, so its FIN is the
first one and TIME_WAIT is on its side. Each connection keeps an ephemeral port of the client's address: for a minute,
or for a second where the system reuses ports in TIME_WAIT (Linux does over loopback). A port that a client asked for
with its address (`sources` above 1) is not reused before the minute is over, and Linux hands out half of them quickly
and searches long for the rest.

An open loop does not wait for a server that stalls. A legal rate leaves room for the connections that become due
while the server stalls for `STALL_SECONDS`: fds to hold them and a place in the listen queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_scenarios.parts.percentiles import samples_needed

from .posix import HostLimits, read_host_limits

STALL_SECONDS = 0.2
FDS_PER_CONNECTION = 2
"""Raw threads wait with an eventfd beside the socket; the other runtimes need one."""
FDS_OF_THE_PROCESS = 64
"""Standard streams, the pipes to the runner, descriptors of the runtime itself, and some to spare."""
_BOUND_PORT_SECONDS = 60.0
_P90 = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The most that one limit allows: connections at once, or connections per second."""

    limit: str
    """The limit and its value, as a reader would look for it."""
    most: float
    advice: str
    """How to raise it."""


def preflight(parameters: Mapping[str, Any]) -> str:
    """Return why a storm with these parameters cannot be run here, or an empty string."""
    return find_obstacle(parameters, read_host_limits())


def describe_limits(defaults: Mapping[str, Any]) -> str:
    """Return the largest storms that this host allows, and the limit that binds each."""
    host = read_host_limits()
    widest = {**defaults, "backlog": host.listen_queue}  # a parameter can be raised, the host's limit stays
    burst, rate = tightest(bounds_of_burst(widest, host)), tightest(bounds_of_rate(widest, host))
    return f"{_describe(burst, 'connections at once')}; {_describe(rate, 'connections/s')}"


def find_obstacle(parameters: Mapping[str, Any], host: HostLimits) -> str:
    """Return why a host cannot run a storm with these parameters, or an empty string."""
    if parameters["sources"] > 1 and not host.has_loopback_network:
        return "this system has no 127.0.0.2 and so on: sources is at most 1"
    return _find_bad_file(parameters) or _OBSTACLES[parameters["mode"]](parameters, host)


def largest_rate(parameters: Mapping[str, Any], host: HostLimits) -> float:
    """Return the most connections per second that a host allows in a search for saturation."""
    bound = tightest(bounds_of_rate(parameters, host))
    return bound.most if bound else float("inf")


def bounds_of_burst(parameters: Mapping[str, Any], host: HostLimits) -> list[Bound]:
    """Return what each limit allows of connections that are all open at once."""
    return [*_fd_bounds(parameters, host, 1.0), *_port_bounds(parameters, host, 1.0), *_queue_bounds(parameters, host)]


def bounds_of_rate(parameters: Mapping[str, Any], host: HostLimits) -> list[Bound]:
    """Return what each limit allows of connections per second."""
    # The steps of a search follow each other, so that ports see it as one long storm.
    length = parameters["length"] if parameters["mode"] == "rate" else float("inf")
    stall = min(STALL_SECONDS, length, parameters["timeout"] or STALL_SECONDS)
    # A search looks for the rate at which the queue grows, so the length of the queue must not limit the search.
    queue = _queue_bounds(parameters, host) if parameters["mode"] == "rate" else []
    hold = min(length, _BOUND_PORT_SECONDS if parameters["sources"] > 1 else host.port_seconds)
    return [
        *_fd_bounds(parameters, host, stall),
        *_port_bounds(parameters, host, hold),
        *(_per_second(bound, stall) for bound in queue),
    ]


def tightest(bounds: list[Bound]) -> Bound | None:
    """Return the bound that binds; none if nothing is known to."""
    return min(bounds, key=lambda bound: bound.most, default=None)


def _fd_bounds(parameters: Mapping[str, Any], host: HostLimits, seconds: float) -> list[Bound]:
    if host.open_files is None:
        return []
    own = {"client": FDS_OF_THE_PROCESS, "server": FDS_OF_THE_PROCESS + parameters["acceptors"]}
    return [
        Bound(
            limit=f"file limit of the {role} ({host.open_files})",
            most=max(0, (host.open_files - fds) // FDS_PER_CONNECTION) / seconds,
            advice="raise it with ulimit -n",
        )
        for role, fds in own.items()
    ]


def _port_bounds(parameters: Mapping[str, Any], host: HostLimits, seconds: float) -> list[Bound]:
    if host.ports is None:
        return []
    sources = parameters["sources"]
    ports = host.ports // 2 * sources if sources > 1 else host.ports
    return [
        Bound(
            limit=f"port range ({host.ports} ports for each of {sources} addresses)",
            most=ports / seconds,
            advice="take more sources, or widen net.ipv4.ip_local_port_range",
        )
    ]


def _queue_bounds(parameters: Mapping[str, Any], host: HostLimits) -> list[Bound]:
    backlog, queue = parameters["backlog"], host.listen_queue
    if backlog is None:  # the runtime's own default: then the storm measures that default
        return []
    acceptors = parameters["acceptors"]
    if queue is not None and queue <= backlog:
        advice = "raise it with sysctl net.core.somaxconn, and the parameter backlog too"
        return [Bound(limit=f"somaxconn ({queue})", most=queue * acceptors, advice=advice)]
    return [Bound(limit=f"backlog ({backlog})", most=backlog * acceptors, advice="raise the parameter backlog")]


def _per_second(bound: Bound, seconds: float) -> Bound:
    return Bound(limit=bound.limit, most=bound.most / seconds, advice=bound.advice)


def _find_burst_obstacle(parameters: Mapping[str, Any], host: HostLimits) -> str:
    wanted = parameters["connections"]
    return _refuse(tightest(bounds_of_burst(parameters, host)), wanted, "connections at once")


def _find_rate_obstacle(parameters: Mapping[str, Any], host: HostLimits) -> str:
    return _refuse(tightest(bounds_of_rate(parameters, host)), parameters["rate"], "connections/s")


def _find_search_obstacle(parameters: Mapping[str, Any], host: HostLimits) -> str:
    needed, due = samples_needed(_P90), parameters["base_rate"] * parameters["step_length"]
    if due < needed:
        return (
            f"base_rate × step_length is {due:g} connections and a p90 needs {needed}: "
            f"take a step_length of {needed / parameters['base_rate']:g} or more"
        )
    return _refuse(tightest(bounds_of_rate(parameters, host)), parameters["base_rate"], "connections/s")


_OBSTACLES: dict[str, Callable[[Mapping[str, Any], HostLimits], str]] = {
    "rate": _find_rate_obstacle,
    "saturate": _find_search_obstacle,
    "burst": _find_burst_obstacle,
}


def _refuse(bound: Bound | None, wanted: float, unit: str) -> str:
    if bound is None or wanted <= bound.most:
        return ""
    return f"a storm of {wanted:,.0f} {unit} is too large: {_describe(bound, unit)}; {bound.advice}"


def _describe(bound: Bound | None, unit: str) -> str:
    if bound is None:
        return f"any number of {unit}"
    return f"{bound.limit} allows {int(bound.most):,} {unit}"


def _find_bad_file(parameters: Mapping[str, Any]) -> str:
    for name in ("request_file", "reply_file"):
        path = parameters[name]
        if not path:
            continue
        try:
            if not Path(path).stat().st_size:
                return f"{name}={path} is empty: an end of stream would be taken for it"
            Path(path).open("rb").close()
        except OSError as exc:
            return f"{name}={path} cannot be read: {exc.strerror}"
    return ""
