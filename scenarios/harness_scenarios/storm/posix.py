"""The limits of this host that bound a storm, as far as the system says."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

_TIME_WAIT_SECONDS = 60.0
_REUSE_AFTER_SECONDS = 1.0
_REUSES_ON_LOOPBACK = ("1", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """Limits of the host; `None` where the limit is unknown or absent."""

    open_files: int | None = None
    """RLIMIT_NOFILE of this process, which its children inherit."""
    ports: int | None = None
    """Ephemeral ports of one local address."""
    port_seconds: float = _TIME_WAIT_SECONDS
    """How long a port stays taken after a connection to the same address was closed on its side."""
    listen_queue: int | None = None
    """Longest queue of connections that were not accepted yet (somaxconn)."""
    has_loopback_network: bool = True
    """Whether all of 127.0.0.0/8 is local, not only 127.0.0.1."""


def read_host_limits() -> HostLimits:
    """Return the limits of this host and process."""
    bounds = _read("/proc/sys/net/ipv4/ip_local_port_range").split()
    queue = _read("/proc/sys/net/core/somaxconn").strip()
    # Linux hands a port in TIME_WAIT to a new connection over loopback after a second (ip-sysctl, tcp_tw_reuse).
    reuses = _read("/proc/sys/net/ipv4/tcp_tw_reuse").strip() in _REUSES_ON_LOOPBACK
    return HostLimits(
        open_files=_read_file_limit(),
        ports=int(bounds[1]) - int(bounds[0]) + 1 if len(bounds) == 2 else None,
        port_seconds=_REUSE_AFTER_SECONDS if reuses else _TIME_WAIT_SECONDS,
        listen_queue=int(queue) if queue.isdigit() else None,
        has_loopback_network=sys.platform == "linux",
    )


def _read_file_limit() -> int | None:
    try:
        from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
    except ImportError:
        return None
    soft = getrlimit(RLIMIT_NOFILE)[0]
    return None if soft == RLIM_INFINITY else soft


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def read_run_delay() -> float:
    """Return for how many seconds the main thread has been ready without a CPU so far; 0 where nothing says."""
    try:
        return int(Path("/proc/self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
