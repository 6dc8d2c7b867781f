"""`pytest --harness-contract NAME`, also by its name of 0.1, `--harness-backend`, in a process of its own."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

MODULE = "harness.testing.pytest_plugin"
INSTALLED = any(point.value == MODULE for point in entry_points(group="pytest11"))
"""Whether the tree was installed since it brings this plugin."""


@pytest.fixture
def call(tmp_path):
    """Return a function that runs pytest in a folder with one test of its own."""
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    command += [] if INSTALLED else ["-p", MODULE]

    def run(*arguments):
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_it_is_off_by_default(call):
    """Other tests see nothing of it."""
    code, out = call()
    assert code == 0
    assert "1 passed" in out
    assert "harness[" not in out


def test_it_costs_nothing_when_it_is_off():
    """It imports nothing of harness but itself."""
    program = f"import sys, {MODULE}; print(*sorted(m for m in sys.modules if m.startswith(('harness', 'msgspec'))))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["harness", "harness.testing", MODULE]


def test_each_question_is_an_item(call):
    """Selected by `-k`, beside the tests of the folder; only what is selected is asked."""
    code, out = call("--harness-backend", "asyncio", "-k", "(buffered and counts) or test_own")
    assert code == 0, out
    assert "test_own.py::test_own PASSED" in out
    assert "harness[asyncio]::buffered counts the items inside PASSED" in out
    assert "2 passed" in out


def test_several_backends(call):
    """Each has its items; what one declares absent is skipped with the reason."""
    backends = ("--harness-backend", "asyncio", "--harness-backend", "asyncio:channel=queue")
    code, out = call(*backends, "-k", "rendezvous and leaves", "-rs")
    assert code == 0, out
    assert "harness[asyncio]::a cancelled rendezvous send leaves nothing behind PASSED" in out
    assert "harness[asyncio:channel=queue]::a cancelled rendezvous send leaves nothing behind SKIPPED" in out
    assert "asyncio.Queue(0) is unbounded" in out


def test_a_broken_promise_fails(call):
    """With what was seen and what is promised."""
    code, out = call("--harness-backend", "saboteur:fault=item-lost", "-k", "unbounded and takes")
    assert code == 1
    assert "AssertionError: buffered items: expected 5000, got 4999" in out
    assert "Runtime.open_channel: Open a channel: `None` is unbounded, 0 a rendezvous" in out


def test_a_backend_that_nobody_brings(call):
    """A usage error with the nearest name, before anything is run."""
    code, out = call("--harness-contract", "trioo")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--harness-contract: unknown backend 'trioo'; did you mean 'trio'?" in out


def test_a_breach_that_is_known_is_an_expected_failure(call):
    """With the reason and the reference that were declared; nothing fails."""
    code, out = call("--harness-backend", "uvloop", "-k", "fractions", "-rx")
    assert code == 0
    assert " deselected, 1 xfailed" in out
    assert "timers are rounded to whole milliseconds, so 0.3 ms is none and 1.4 ms is one (uvloop #482, #739)" in out
