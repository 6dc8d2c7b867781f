"""Facts about the host: stored with each run, and shown by `harness doctor`."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from harness.api import Backend
from harness.host.homes import shorten_home
from harness.host.noise import NOISY, probe_noise

_QUEUE = "/proc/sys/net/core/somaxconn"
_OWN = "runtime-harness"


class HostFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of the host; `advice` is a remedy if it can disturb a run, and is empty if it is fine."""

    name: str
    value: str
    advice: str = ""


def describe_environment(distributions: Iterable[str] = ()) -> dict[str, Any]:
    """Return what identifies the place of a run. No host or user name: runs are shown to others.

    Args:
        distributions: the packages whose versions are part of it, beside that of harness.
    """
    import psutil

    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count() or 0,
        "usable_cores": _usable_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "load": round(os.getloadavg()[0], 2),
        "file_limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        **_describe_kernel(),
        "versions": {name: _installed(name) for name in (*distributions, _OWN)},
    }


def _describe_kernel() -> dict[str, Any]:
    """Return the kernel settings that load on loopback and figures depend on; nothing elsewhere."""
    bounds = _port_range()
    queue = _read(_QUEUE).strip()
    pressure = _cpu_pressure()
    return {
        **({"ports": f"{bounds[0]}-{bounds[1]}"} if bounds else {}),
        **({"somaxconn": int(queue)} if queue.isdigit() else {}),
        **({"cpu_pressure": pressure} if pressure is not None else {}),
    }


def check_host(
    tick: Callable[[float], None] = lambda _share: None, backends: Iterable[Backend] = ()
) -> tuple[HostFact, ...]:
    """Return the facts that a run depends on, each with advice if it is not fine.

    Args:
        tick: is called now and then with the progress of the noise check, which takes seconds.
        backends: that a run may use: which versions of their runtimes there are, and whether this Python suits them.
    """
    backends = tuple(backends)
    distributions = dict.fromkeys(name for backend in backends for name in backend.distributions)
    return (
        HostFact(
            name="python",
            value=f"{platform.python_version()} ({shorten_home(sys.executable)})",
            advice=_python_advice(backends),
        ),
        *(HostFact(name=name, value=_installed(name)) for name in (*distributions, _OWN)),
        _warm_parents(backends),
        HostFact(name="cpu", value=_cpu_model()),
        _cores(),
        _load(),
        _noise(tick),
        *_linux_facts(),
        _file_limit(),
    )


def _python_advice(backends: Iterable[Backend]) -> str:
    from packaging.specifiers import SpecifierSet

    unfit = [
        f"{backend.name} needs Python {backend.requires_python}"
        for backend in backends
        if backend.requires_python
        and not SpecifierSet(backend.requires_python).contains(platform.python_version(), prereleases=True)
    ]
    return f"{', '.join(unfit)}: cells of it are unavailable here; use another environment" if unfit else ""


def _warm_parents(backends: Iterable[Backend]) -> HostFact:
    """Return whose untimed cells are forked from a warm parent, and why others are not."""
    if sys.platform != "linux":
        return HostFact(
            name="warm parents", value="none: a forked cell needs a system whose orphans fall to the runner"
        )
    refused = [
        f"{backend.name} starts fresh: {backend.why_not_forkable}" for backend in backends if not backend.forkable
    ]
    return HostFact(name="warm parents", value="; ".join(("for untimed cells", *refused)))


def _cores() -> HostFact:
    import psutil

    usable, cores = _usable_cores(), psutil.cpu_count() or 0
    advice = "" if usable > 1 else "client and server of a load scenario share one core: figures are of both together"
    return HostFact(name="cores", value=f"{usable} usable of {cores}", advice=advice)


def describe_load() -> str:
    """Return the load of the last minute beside the CPUs that there are for it."""
    return f"load {os.getloadavg()[0]:.1f} on {_usable_cores()} CPUs"


def _load() -> HostFact:
    load, cores = os.getloadavg()[0], _usable_cores()
    busy = load > 0.5 * cores
    return HostFact(
        name="load",
        value=f"{load:.2f} over the last minute",
        advice="other work disturbs figures; wait or stop it" if busy else "",
    )


def _file_limit() -> HostFact:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft != resource.RLIM_INFINITY and soft < 4096
    reach = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    advice = f"many connections need more; raise it with: ulimit -n {reach}" if few else ""
    return HostFact(name="open files", value=f"{_limit(soft)} (hard limit {_limit(hard)})", advice=advice)


def _limit(number: int) -> str:
    return "unlimited" if number == resource.RLIM_INFINITY else str(number)


def _linux_facts() -> tuple[HostFact, ...]:
    if sys.platform != "linux":
        return (
            HostFact(
                name="kernel facts",
                value="not available",
                advice="there is no /proc on this system: steal, pressure, port range and listen queue are unknown",
            ),
        )
    return (_steal(), _pressure(), _ports(), _queue(), _governor())


def _noise(tick: Callable[[float], None]) -> HostFact:
    noise = probe_noise(tick=tick)
    advice = "intervals will be wide; wait, or stop other work" if noise.grade == NOISY else ""
    return HostFact(name="noise", value=noise.text, advice=advice)


def _steal() -> HostFact:
    import psutil

    steal = psutil.cpu_times_percent(interval=0.3).steal
    advice = "the hypervisor takes CPU away: expect wide intervals" if steal > 5 else ""
    return HostFact(name="steal", value=f"{steal:.1f} %", advice=advice)


def _pressure() -> HostFact:
    average = _cpu_pressure()
    advice = "tasks wait for the CPU; wait or stop other work" if average is not None and average > 20 else ""
    return HostFact(
        name="cpu pressure", value="unknown" if average is None else f"{average:.2f} % (10 s)", advice=advice
    )


def _cpu_pressure() -> float | None:
    """Return in how many per cent of the last 10 s something waited for a CPU, if the kernel counts that."""
    words = _read("/proc/pressure/cpu").split()
    return next((float(word.removeprefix("avg10=")) for word in words if word.startswith("avg10=")), None)


def _ports() -> HostFact:
    bounds = _port_range()
    if bounds is None:
        return HostFact(name="ports", value="unknown")
    count = bounds[1] - bounds[0] + 1
    advice = "few ports for one address; spread connections over several addresses" if count < 10_000 else ""
    return HostFact(name="ports", value=f"{count} ephemeral ports per address pair", advice=advice)


def _port_range() -> tuple[int, int] | None:
    bounds = _read("/proc/sys/net/ipv4/ip_local_port_range").split()
    return (int(bounds[0]), int(bounds[1])) if len(bounds) == 2 else None


def _queue() -> HostFact:
    length = _read(_QUEUE).strip()
    small = length.isdigit() and int(length) < 1024
    return HostFact(
        name="listen queue",
        value=f"somaxconn {length or 'unknown'}",
        advice="bursts overflow it; raise it with: sysctl net.core.somaxconn=4096" if small else "",
    )


def _governor() -> HostFact:
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    advice = "the clock changes with load; use the performance governor for figures" if governor == "powersave" else ""
    return HostFact(name="cpu governor", value=governor or "not visible", advice=advice)


def _usable_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
