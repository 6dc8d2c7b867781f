"""`harness selftest`, with processes that nobody starts."""

import json
import math
import random

import msgspec
import pytest
from catalogue import catalogue

from harness import session
from harness.cli import main as program
from harness.cli.exits import Exit
from harness.compare import replay as procedure
from harness.journal import RunStore, read_run, read_self_test, write_self_test
from harness.model import Attestation, CellFinished, CellObserved, CellResult, Observed, Outcome, Renderer, RoleResult
from harness.plugins import Plugins

ATTESTED = Attestation(scheduler="x.Loop", expected="x.*", python="3.11.7", implementation="cpython", gil=True)


def measure(plan, _catalogue, _folder, **_lanes):
    """Every cell takes about as long."""
    for cell in plan.cells:
        speed = 1e3 * math.exp(random.Random(cell.round).gauss(0, 0.01))
        for key, value in (("lost", 0), ("speed", speed)):
            yield CellObserved(cell_id=cell.id, observation=Observed(role="main", key=key, value=value, at=0.1))
        role = RoleResult(role="main", backend=cell.label, outcome=Outcome.COMPLETED, attestation=ATTESTED)
        yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.COMPLETED, roles=(role,)))


def hang(plan, _catalogue, _folder, **_lanes):
    """No cell has a figure."""
    for cell in plan.cells:
        yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.HUNG, reason="idle"))


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    terminal = Renderer(name="terminal", summary="", suffix="", render=lambda run, _comparison, _options: "shown")
    built = msgspec.structs.replace(catalogue(), renderers={"terminal": terminal})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Plugins, "catalogue", lambda _self: built)

    def call(*arguments, execute=measure):
        monkeypatch.setattr(session, "execute", execute)
        with pytest.raises(SystemExit) as ended:
            program.main(list(arguments))
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


def test_it_passes_and_is_remembered(harness, tmp_path):
    """180 processes of the first backend; later runs carry what was found."""
    code, out, _ = harness("selftest", "-s", "pipe", "-q")
    assert code == Exit.OK
    assert out.startswith("pipe[capacity=1] on alpha: 180 processes, 400 replays")
    assert out.splitlines()[-1] == "passed"
    runs = tmp_path / ".harness" / "runs"
    assert {record.cell.label for record in read_run(RunStore(runs).find("latest")).records} == {"alpha"}
    assert json.loads((runs / "selftest.json").read_text())["result"]["replays"] == 400
    harness("matrix", "-s", "shout", "-q")
    assert "of 400, 5 % slower is found in" in read_run(RunStore(runs).find("latest")).started.environment["self_test"]


def test_it_fails_where_we_err(harness, monkeypatch):
    """The exit code says so, and the last line."""
    honest = procedure.estimate_median
    monkeypatch.setattr(procedure, "estimate_median", lambda sample, _: honest(sample, 0.5))
    code, out, _ = harness("selftest", "-s", "pipe", "-q")
    assert code == Exit.FINDINGS
    assert out.splitlines()[-1].startswith("failed: ")


def test_without_figures_nothing_is_tested(harness):
    """One line says why there are none."""
    code, out, err = harness("selftest", "-s", "pipe", "-q", execute=hang)
    assert (code, out) == (Exit.USAGE, "")
    assert "pipe[capacity=1] on alpha has no figure to test with: 180 of 180 rounds: hung: idle" in err


def test_a_result_counts_on_its_own_machine(tmp_path):
    """Another processor errs in its own way; a damaged file is none."""
    here = {"cpu": "EPYC", "cores": 2, "python": "3.11"}
    assert read_self_test(tmp_path, here) == ""
    path = write_self_test(tmp_path / "runs", "fine", here, {"replays": 400})
    assert read_self_test(tmp_path / "runs", here | {"python": "3.12"}) == "fine"
    assert read_self_test(tmp_path / "runs", here | {"cpu": "Xeon"}) == ""
    path.write_text("{}")
    assert read_self_test(tmp_path / "runs", here) == ""
