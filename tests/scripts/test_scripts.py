"""Each standalone script exits with 0 on healthy runtimes and with 1 on a loop that has its bug."""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness_asyncio.reproducers import import_loop

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("scenarios/*/scripts/*/*.py"))
EVERY = sys.version_info >= (3, 11)
KNOWN = {
    ("bridge.call-as-it-ends/asyncio.py", "asyncio uvloop"): EVERY,
    ("bridge.direct-item/trio.py", "trio"): EVERY,
    ("server.close-ends-serve-forever/asyncio.py", "uvloop"): EVERY,
    ("server.close-with-live-connections/curio.py", "curio"): EVERY,
    ("server.restart-on-same-address/threads.py", "threads"): EVERY,
    ("server.wait-closed/asyncio.py", "asyncio"): (3, 12) <= sys.version_info < (3, 13),
    ("cancel.not-lost-in-a-timed-call/asyncio.timeout=wait_for.py", "asyncio uvloop"): sys.version_info < (3, 12),
    ("deadline.accept-keeps-connection/asyncio.io=sock.py", "asyncio uvloop"): EVERY,
    ("deadline.read-keeps-bytes/asyncio.io=sock.py", "asyncio uvloop"): EVERY,
    ("end.bytes-are-unsent/asyncio.py", "asyncio uvloop"): EVERY,
    ("end.interrupt-while-a-job-runs/asyncio.py", "asyncio uvloop"): EVERY,
    ("end.interrupt-while-a-job-runs/trio.py", "trio"): EVERY,
    ("end.interrupts-needed/trio.py", "trio"): EVERY,
    ("group.cancel-after-failure/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 13),
    ("group.nested-failures/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 13),
    ("listener.cancelled-accept-keeps-connection/asyncio.io=sock.py", "asyncio uvloop"): EVERY,
    ("listener.close-wakes-accept/asyncio.py", "uvloop"): EVERY,
    ("listener.out-of-fds/asyncio.py", "uvloop"): EVERY,
    ("lock.notified-and-cancelled/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 13),
    ("offload.stop-iteration/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 12, 2),
    ("process.communicate-unread/asyncio.py", "uvloop"): EVERY,
    ("process.inherits-descriptors/asyncio.py", "uvloop"): EVERY,
    ("process.streams-by-name/asyncio.py", "uvloop"): EVERY,
    ("process.wait-ends-with-the-process/asyncio.py", "asyncio"): sys.version_info < (3, 15),
    ("stream.bytes-before-reset/asyncio.py", "asyncio uvloop"): EVERY,
    ("stream.send-after-reset/asyncio.py", "uvloop"): EVERY,
    ("timer.close-deadlines/asyncio.py", "uvloop"): EVERY,
    ("timer.early-by-own-clock/asyncio.py", "uvloop"): EVERY,
    ("timer.early-by-system-clock/asyncio.py", "uvloop"): EVERY,
    ("timer.nan-sleep/asyncio.py", "asyncio"): sys.version_info < (3, 13),
    ("timer.short-sleep/asyncio.py", "uvloop"): EVERY,
}
"""(script, runtimes) → whether the released runtimes have the bug on this Python. The script must fail there."""
PLANTED = {
    "lock.handover-survives-cancel": "lock_forgets_the_next_waiter",
    "stream.reset-while-reading": "resets_wake_nobody",
    "timer.sleep-forever": "sleeps_forever_end_at_once",
}
"""By scenario, the broken loop of `faults` on which its script for asyncio must fail."""


def runtime_of(file: Path) -> str:
    return file.name.partition(".")[0]


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def has_bug(file: Path, runtime: str) -> bool:
    """Return whether a released runtime is known to have the bug that a script is about."""
    return any(
        name == name_of(file) and runtime in runtimes.split() and here for (name, runtimes), here in KNOWN.items()
    )


ASYNCIO = [file for file in FILES if runtime_of(file) == "asyncio"]


def run(text: str, *folders: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a maintainer does, in isolated mode: no folder of this project can be imported from it."""
    head = "".join(f"import sys; sys.path.insert(0, {folder!r})\n" for folder in folders)
    command = [sys.executable, "-I", "-c", head + text]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_it_is_what_a_maintainer_can_read(file):
    """At most 30 lines of code, nothing of harness, a sentence and the API in its docstring."""
    text = file.read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    assert "harness" not in text
    docstring = ast.get_docstring(ast.parse(text))
    assert re.match(r"\S.*\.\n\n(API: .*\.)", docstring, re.DOTALL)
    if runtime_of(file) == "asyncio":
        assert text.count("from asyncio import new_event_loop  # the event loop under test\n") == 1


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("file", ASYNCIO, ids=name_of)
def test_it_passes_on_healthy_loops(file, loop):
    """Except where the released runtime is known to have the bug; there it fails."""
    done = run(import_loop(file.read_text(), loop))
    expected = int(has_bug(file, loop))
    assert (done.returncode, "expected: " in done.stdout) == (expected, True), done.stdout + done.stderr


@pytest.mark.parametrize("file", [file for file in FILES if file not in ASYNCIO], ids=name_of)
def test_it_passes_on_its_runtime(file):
    """Except where the released runtime is known to have the bug; there it fails."""
    runtime = runtime_of(file)
    if runtime == "curio" and sys.version_info >= (3, 12):
        pytest.skip("curio 1.6 does not import on Python 3.12")
    assert runtime == "threads" or find_spec(runtime)
    done = run(file.read_text())
    expected = int(has_bug(file, runtime))
    assert (done.returncode, "expected: " in done.stdout) == (expected, True), done.stdout + done.stderr


@pytest.mark.parametrize("scenario", PLANTED)
def test_it_fails_where_the_bug_is_planted(scenario):
    """On a loop that is broken in the way that the script is about."""
    file, fault = next(file for file in ASYNCIO if file.parent.name == scenario), PLANTED[scenario]
    done = run(import_loop(file.read_text(), "faults", fault), str(Path(__file__).parent))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "seen:" in done.stdout or "Timeout (" in done.stderr, done.stderr
