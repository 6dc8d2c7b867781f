"""`harness drop-in` through the command line: a loop under another name, one without TCP, one that differs."""

import json
import os
import resource
import subprocess
import sys

import pytest

LOOPS = """
import asyncio

class Same(asyncio.SelectorEventLoop):
    pass

class Deaf(asyncio.SelectorEventLoop):
    async def create_server(self, *args, **options):
        raise NotImplementedError("no TCP here")

class Early(asyncio.SelectorEventLoop):
    def call_at(self, when, callback, *args, context=None):
        return super().call_at(when - 0.002, callback, *args, context=context)
"""


@pytest.fixture
def drop_in(tmp_path):
    """Call the command in a folder that has the loops."""
    (tmp_path / "drop_in_loops.py").write_text(LOOPS)

    def call(candidate, *words):
        command = [sys.executable, "-P", "-m", "harness.cli", "drop-in", candidate, "--quiet", *words]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return call


def test_the_same_loop_under_another_name_is_a_drop_in(drop_in):
    """Nothing differs; exit code 0."""
    done = drop_in("drop_in_loops:Same", "-s", "timer.*", "-s", "stream.reset-*", "-s", "shutdown.exit*")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("DROP-IN: asyncio:loop=drop_in_loops:Same behaves like asyncio in")
    assert "13 of 13 capabilities" in done.stdout


def test_a_loop_without_tcp_gives_one_line(drop_in):
    """And stops early: 10 s of a quiet machine, of which a busy one gives only CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = drop_in("drop_in_loops:Deaf")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("not a drop-in: asyncio:loop=drop_in_loops:Deaf has no TCP server (NotImplementedError")


def test_a_loop_that_differs_has_its_root_cause_and_script(drop_in, tmp_path):
    """Confirmed in several rounds; a table and a badge are written."""
    done = drop_in("drop_in_loops:Early", "-s", "timer.early-*", "--markdown", "t.md", "--badge", "b.svg")
    assert done.returncode == 1, done.stdout + done.stderr
    shown = " ".join(done.stdout.split())
    assert shown.startswith("NOT A DROP-IN: 2 behaviours differ from asyncio, 1 root cause; 1 capability is missing")
    assert "1. TIME: a timer fires early (2 rows)" in done.stdout
    assert "script: harness script timer.early-by" in done.stdout
    assert "| a timer fires early | time |" in (tmp_path / "t.md").read_text()
    assert "2 differ" in (tmp_path / "b.svg").read_text()


def test_what_cannot_be_imported_is_no_verdict(drop_in):
    """The exit code is that of a run in which nothing ran."""
    done = drop_in("not_there")
    assert done.returncode == 3
    assert "ModuleNotFoundError: No module named 'not_there'" in done.stderr


@pytest.mark.rloop
@pytest.mark.timeout(3600)  # every question, and what differs five times
def test_every_root_cause_of_rloop_is_confirmed_by_its_script(drop_in, tmp_path):
    """A maintainer reads at most ten causes; each has a script that fails on rloop and passes on asyncio."""
    done = drop_in("rloop", "--json", "d.json")
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads((tmp_path / "d.json").read_text())
    assert report["incomplete"] == ""
    verdict = report["drop_in"]
    assert 1 <= len(verdict["causes"]) <= 10
    for cause in verdict["causes"]:
        differences = [verdict["differences"][place] for place in cause["findings"]]
        shown = next(difference for difference in differences if difference["has_script"])
        name, backend = shown["row"]["scenario"], shown["backend"]
        assert run_script(name, backend) == 1, (cause["title"], name)
        assert run_script(name, shown["baseline"]) == 0, (cause["title"], name)


def run_script(scenario, backend):
    """Return the exit code of a standalone script, in isolated mode."""
    command = [sys.executable, "-P", "-m", "harness.cli", "script", scenario, "--backend", backend]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, timeout=60, check=False).returncode
