"""What a worker has left to say what became of its scenario."""

import subprocess
import sys


def test_the_soft_limit_becomes_the_hard_one():
    """Also when every fd below it is in use."""
    code = """
import os, resource
from harness.worker.headroom import open_headroom
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 48))
fds = []
try:
    while True:
        fds.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    open_headroom()
print(resource.getrlimit(resource.RLIMIT_NOFILE), os.open(os.devnull, os.O_RDONLY))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(48, 48) 32"
