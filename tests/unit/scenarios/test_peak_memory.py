"""The largest size of a process is its own."""

import subprocess
import sys

import pytest

from harness_scenarios.parts.posix import read_peak_memory_bytes

SAY = "from harness_scenarios.parts.posix import read_peak_memory_bytes as read; print(read())"
GROW_AND_SAY = f"""
import subprocess, sys
big = bytearray(200 << 20)
print(subprocess.check_output([sys.executable, "-c", {SAY!r}]).decode())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_not_that_of_the_process_that_started_it():
    """200 MiB of a parent are no memory of its child."""
    said = subprocess.run([sys.executable, "-c", GROW_AND_SAY], capture_output=True, text=True, check=True).stdout
    assert 0 < int(said) < 100 << 20


def test_it_grows_with_what_is_touched():
    """And is known wherever the scenarios are measured."""
    before = read_peak_memory_bytes()
    touched = bytearray(before)
    assert read_peak_memory_bytes() > before, len(touched)
