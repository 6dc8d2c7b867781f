"""What a role took, as far as the system tells."""

import os
import subprocess
import sys
import threading

import pytest

from harness.worker import resources
from harness.worker.resources import ResourceMeter, find_peak, read_run_delay

STATUS = "Name:\tpython\nVmPeak:\t 9999 kB\nVmHWM:\t   21664 kB\nvoluntary_ctxt_switches:\t7\n"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_only_what_comes_after_the_meter_was_made_counts():
    """Work before it is nobody's; work after it is CPU time within the wall time, of all threads."""
    sum(range(3_000_000))
    used_before = sum(os.times()[:2])
    meter = ResourceMeter()
    assert (nothing := meter.read()).user + nothing.system < used_before / 2 + 0.05
    worker = threading.Thread(target=sum, args=(range(3_000_000),))
    worker.start()
    worker.join()
    taken = meter.read()
    assert taken.user + taken.system > nothing.user + nothing.system
    assert taken.wall > nothing.wall


@on_linux
def test_who_waits_gives_way():
    """A wait is a voluntary switch, and no run delay longer than the time itself."""
    meter = ResourceMeter()
    for _ in range(20):
        subprocess.run([sys.executable, "-c", ""], check=True)
    taken = meter.read()
    assert taken.voluntary_switches is not None
    assert taken.voluntary_switches > 0
    assert taken.run_delay is None or 0 <= taken.run_delay <= taken.wall


@pytest.mark.parametrize("text", [None, "", "0 0 0\n", "1 2\n", "a b c\n"])
def test_a_kernel_that_does_not_count_run_delay(text, tmp_path):
    """No file, another one, or nothing counted: it is not known, which is not zero."""
    path = tmp_path / "schedstat"
    if text is not None:
        path.write_text(text)
    assert read_run_delay(str(path)) is None


@pytest.mark.parametrize(("text", "seconds"), [("5000000 2500000 3\n", 0.0025), ("0 0 1\n", 0.0)])
def test_run_delay_is_the_second_number(text, seconds, tmp_path):
    """In nanoseconds; a thread that has had its first slice has waited for none, and that is known."""
    path = tmp_path / "schedstat"
    path.write_text(text)
    assert read_run_delay(str(path)) == seconds


def test_the_peak_is_that_of_the_process():
    """In bytes; nothing where the system has no such line."""
    assert find_peak(STATUS) == 21664 * 1024
    assert find_peak("Name:\tpython\n") is None


@on_linux
def test_the_peak_is_not_that_of_the_process_that_started_it():
    """Which is what getrusage tells on Linux: a small process that a large one starts would be large."""
    ballast = b"x" * (200 << 20)
    code = "from harness.worker.resources import ResourceMeter; print(ResourceMeter().read().peak_rss_bytes)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, preexec_fn=lambda: None
    )
    assert 0 < int(done.stdout) < len(ballast) // 2


def test_what_a_system_lacks_is_absent(monkeypatch):
    """No /proc: times are known, the rest is not zero but unknown."""
    monkeypatch.setattr(resources, "read_run_delay", lambda: None)
    monkeypatch.setattr(resources, "_read_status", str)
    monkeypatch.setattr(resources.sys, "platform", "freebsd14")
    taken = ResourceMeter().read()
    assert (taken.run_delay, taken.delay_share, taken.peak_rss_bytes) == (None, None, None)
    assert taken.voluntary_switches is not None


def test_switches_that_nobody_counts_are_absent(monkeypatch):
    """A /proc without their line is that of a kernel that does not count them."""
    monkeypatch.setattr(resources, "_read_status", lambda: "Name:\tpython\nVmHWM:\t 1 kB\n")
    taken = ResourceMeter().read()
    assert (taken.voluntary_switches, taken.involuntary_switches, taken.peak_rss_bytes) == (None, None, 1024)
