"""Capabilities are checked in a process of their own: a check that hangs or crashes is a gap, and the next one runs."""

import pytest

from harness.api import Backend
from harness.execute import capability_check
from harness.execute.capability_check import LOADING, check_capabilities

CHECKS = """
import os, signal, time
from harness.api import CapabilityCheck
def fails(): raise OSError(95, "not here")
def hangs(): time.sleep(60)
def crashes(): os.kill(os.getpid(), signal.SIGSEGV)
def exits(): os._exit(3)
def times_out(): raise TimeoutError
ALL = {"fine": lambda: "", "odd": lambda: "answers 1", "fails": fails, "hangs": hangs}
ALL |= {"crashes": crashes, "exits": exits, "slow": times_out}
def list_checks(options):
    essential = options.get("essential")
    names = options["names"].split()
    return [CapabilityCheck(name=n, run=ALL[n], is_essential=essential == n, gates=("io=sock",)) for n in names]
"""


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Return what the named checks say."""
    module = f"checks_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{module}.py").write_text(CHECKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(capability_check, "_PATIENCE", 1.0)

    def run(names, function="list_checks", **options):
        backend = Backend(name="x", summary="", runner="", capability_checks=f"{module}:{function}")
        return {result.name: result for result in check_capabilities(backend, {"names": names, **options})}

    return run


def test_every_check_has_a_result(check):
    """What it returns is missing, and so is what it raises."""
    results = check("fine odd fails slow")
    assert {name: result.gap for name, result in results.items()} == {
        "fine": "",
        "odd": "answers 1",
        "fails": "OSError: [Errno 95] not here",
        "slow": "does not end",
    }
    assert results["odd"].gates == ("io=sock",)


def test_the_checks_behind_one_that_hangs_or_crashes_are_tried(check):
    """In a new process; the last one may crash as well."""
    results = check("hangs odd crashes fine exits")
    assert {name: result.gap for name, result in results.items()} == {
        "hangs": "does not end within 1 s",
        "odd": "answers 1",
        "crashes": "ends the process: SIGSEGV",
        "fine": "",
        "exits": "ends the process: exit code 3",
    }


def test_nothing_is_tried_behind_an_essential_gap(check):
    """A loop without TCP is not asked for anything else."""
    assert list(check("fine fails odd", essential="fails")) == ["fine", "fails"]


def test_a_runtime_that_cannot_be_imported_has_that_gap(check):
    """It is essential."""
    (result,) = check("fine", function="nothing").values()
    assert (result.name, result.is_essential) == (LOADING, True)
    assert "has no attribute 'nothing'" in result.gap
