"""Facts of the host, whatever the host is."""

import pytest

from harness.api import Backend
from harness.host import machine as environment
from harness.host.machine import check_host, describe_environment
from harness.host.noise import judge_pieces
from harness.wire import decode_line, encode_line


def fact(name):
    (found,) = [found for found in check_host() if found.name == name]
    return found


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """A host that is fine, measured in no time."""
    import psutil

    files = {
        "/proc/pressure/cpu": "some avg10=1.50 avg60=0.00 avg300=0.00 total=0\n",
        "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
        "/proc/sys/net/core/somaxconn": "4096\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    }
    monkeypatch.setattr(environment.sys, "platform", "linux")
    monkeypatch.setattr(environment, "_read", lambda path: files.get(path, ""))
    monkeypatch.setattr(environment, "_usable_cores", lambda: 4)
    monkeypatch.setattr(environment.os, "getloadavg", lambda: (0.1, 0.1, 0.1))
    monkeypatch.setattr(environment.resource, "getrlimit", lambda _which: (20_000, 20_000))
    monkeypatch.setattr(psutil, "cpu_times_percent", lambda interval: type("Times", (), {"steal": 0.0}))
    monkeypatch.setattr(environment, "probe_noise", lambda tick: judge_pieces([1.0] * 20))
    return files


def test_a_host_that_is_fine():
    """Nothing to do."""
    assert [found for found in check_host() if found.advice] == []
    assert fact("ports").value == "28232 ephemeral ports per address pair"


@pytest.mark.parametrize(
    ("path", "text", "name", "advice"),
    [
        ("/proc/pressure/cpu", "some avg10=55.00 avg60=0", "cpu pressure", "tasks wait for the CPU"),
        ("/proc/sys/net/ipv4/ip_local_port_range", "60000 60999", "ports", "few ports"),
        ("/proc/sys/net/core/somaxconn", "128", "listen queue", "sysctl net.core.somaxconn=4096"),
        ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave", "cpu governor", "performance governor"),
    ],
)
def test_what_disturbs_a_run_has_advice(host, path, text, name, advice):
    """Each says what to do."""
    host[path] = text
    assert advice in fact(name).advice


def test_a_noisy_machine_has_advice(monkeypatch):
    """Figures can be had all the same; their intervals are wide."""
    assert fact("noise").value.startswith("quiet (")
    monkeypatch.setattr(environment, "probe_noise", lambda tick: judge_pieces([1.0] * 10 + [3.0] * 10))
    assert "intervals will be wide" in fact("noise").advice


def test_a_run_stores_what_load_on_loopback_depends_on(host):
    """Ports and queue; nothing where the kernel hides it."""
    stored = describe_environment()
    assert (stored["ports"], stored["somaxconn"], stored["cpu_pressure"]) == ("32768-60999", 4096, 1.5)
    host.clear()
    assert not {"ports", "somaxconn", "cpu_pressure"} & set(describe_environment())


def test_a_kernel_that_tells_nothing(host):
    """A container may hide everything: then it is unknown, and no reason to worry."""
    host.clear()
    assert {name: fact(name).value for name in ("cpu pressure", "ports", "listen queue", "cpu governor")} == {
        "cpu pressure": "unknown",
        "ports": "unknown",
        "listen queue": "somaxconn unknown",
        "cpu governor": "not visible",
    }


def test_load_and_few_cores(monkeypatch):
    """Other work, and a storm on one core."""
    monkeypatch.setattr(environment, "_usable_cores", lambda: 1)
    monkeypatch.setattr(environment.os, "getloadavg", lambda: (3.0, 3.0, 3.0))
    assert "other work disturbs" in fact("load").advice
    assert "share one core" in fact("cores").advice


@pytest.mark.parametrize(
    ("limits", "value", "advice"),
    [
        ((1024, 4096), "1024 (hard limit 4096)", "many connections need more; raise it with: ulimit -n 4096"),
        ((1024, -1), "1024 (hard limit unlimited)", "many connections need more; raise it with: ulimit -n 65536"),
        ((-1, -1), "unlimited (hard limit unlimited)", ""),
    ],
)
def test_open_files(monkeypatch, limits, value, advice):
    """Without a limit is not below one."""
    monkeypatch.setattr(environment.resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(environment.resource, "getrlimit", lambda _which: limits)
    assert (fact("open files").value, fact("open files").advice) == (value, advice)


def test_another_system_says_what_it_cannot_get(monkeypatch):
    """There is no /proc on macOS."""
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    assert "steal, pressure, port range and listen queue are unknown" in fact("kernel facts").advice


def test_the_environment_is_stored_without_names():
    """It survives the journal, and holds no host or user name."""
    found = describe_environment()
    assert decode_line(encode_line(found), dict) == found
    assert not {"host", "hostname", "node", "user"} & set(found)


@pytest.mark.parametrize(
    ("needs", "advice"), [("<3", "old needs Python <3: cells of it are unavailable here"), (">=3.11", ""), ("", "")]
)
def test_a_runtime_that_this_python_cannot_import(needs, advice):
    """Its backend declares the versions that it needs."""
    packages = ("pytest", "nowhere")
    old = Backend(name="old", summary="", runner="old:Runner", distributions=packages, requires_python=needs)
    facts = {found.name: found for found in check_host(backends=[old])}
    assert facts["python"].advice.startswith(advice)
    assert bool(facts["python"].advice) == bool(advice)
    assert (facts["pytest"].value, facts["nowhere"].value) == (pytest.__version__, "not installed")


def test_a_run_stores_the_versions_of_its_runtimes():
    """Those that the backends declare, and that of harness."""
    versions = describe_environment(("pytest", "nowhere"))["versions"]
    assert versions["pytest"] == pytest.__version__
    assert list(versions) == ["pytest", "nowhere", "runtime-harness"]
