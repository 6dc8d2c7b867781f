"""`harness selftest`, with processes that nobody starts."""

import json
import math
import random
from collections import defaultdict

import msgspec
import pytest
from catalogue import catalogue, scenario

from harness.api import Parameter, metric
from harness.cli import main as program
from harness.cli.exits import Exit
from harness.compare import intervals
from harness.journal import RunStore, read_run, read_self_test, write_self_test
from harness.model import (
    Attestation,
    CellFinished,
    CellObserved,
    CellResult,
    CellStarted,
    Observed,
    Outcome,
    Renderer,
    RoleResult,
)
from harness.plugins import Plugins
from harness.session import conduct as session

ATTESTED = Attestation(scheduler="x.Loop", expected="x.*", python="3.11.7", implementation="cpython", gil=True)
FROZEN = {"response p99": 1.6e5, "service p99": 9e3}
HEALTHY = {"response p99": 8e3, "service p99": 7e3}


class Machine:
    """Runs cells without processes: everything takes what it should, with one per cent of noise."""

    def __init__(self):
        self.cells = []
        self.rounds = defaultdict(list)

    def execute(self, plan, _catalogue, _folder, **_lanes):
        """Take the place of the stage."""
        for cell in plan.cells:
            self.cells.append(cell)
            if self.is_stuck(cell):
                yield CellStarted(cell_id=cell.id, pids={})
                yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.HUNG, reason="idle"))
                continue
            for key, value in self.observe(cell).items():
                yield CellObserved(cell_id=cell.id, observation=Observed(role="main", key=key, value=value, at=0.1))
            roles = tuple(
                RoleResult(role=role.role, backend=cell.label, outcome=Outcome.COMPLETED, attestation=ATTESTED)
                for role in cell.roles
            )
            yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.COMPLETED, roles=roles))

    def is_stuck(self, cell):
        """Return whether a cell hangs."""
        return "stuck" in cell.label

    def observe(self, cell):
        """Return what a cell observes."""
        noise = random.Random(f"{cell.id}/{cell.seed}").gauss(0, 0.01)
        facts = {"lost": 0, "speed": 1e3 * math.exp(noise) * (1 + self.slower_by(cell))}
        return facts | ((FROZEN if "frozen" in cell.label else HEALTHY) if cell.scenario == "storm" else {})

    def slower_by(self, cell):
        """Return how much longer a cell takes, as its options say."""
        options = dict(cell.roles[0].backend.options)
        if "marks" not in options:
            return float(options.get("by", "0"))
        earlier = self.rounds[cell.seed]
        earlier.append(cell.id)
        return float(options["by"]) if earlier == [cell.id] else 0.0


class Blind(Machine):
    """Does not show what takes longer."""

    def slower_by(self, cell):
        return 0.0 if "marks" not in dict(cell.roles[0].backend.options) else super().slower_by(cell)


class Unclocked(Machine):
    """Counts latencies from the start of an operation."""

    def observe(self, cell):
        return super().observe(cell) | ({"response p99": 8e3} if cell.scenario == "storm" else {})


class Contagious(Machine):
    """Whoever comes after a cell that hung hangs."""

    def is_stuck(self, cell):
        return super().is_stuck(cell) or (len(self.cells) > 1 and super().is_stuck(self.cells[-2]))


class Partial(Machine):
    """Lets only the second arm suffer for being the first."""

    def slower_by(self, cell):
        options = dict(cell.roles[0].backend.options)
        return super().slower_by(cell) if options.get("marks") is None or options["by"] == "0.250" else 0.05


def hang(plan, _catalogue, _folder, **_lanes):
    """No cell has a figure."""
    for cell in plan.cells:
        yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.HUNG, reason="idle"))


def small_catalogue(parallel=False):
    """Return a catalogue with scenarios of the names that are run live."""
    built = catalogue()
    storm = scenario("storm", roles=("server", "client"), parameters=STORM_PARAMETERS)
    judges = storm.judges | dict.fromkeys(HEALTHY, metric("µs"))
    more = {"switch": scenario("switch"), "storm": msgspec.structs.replace(storm, judges=judges)}
    terminal = Renderer(name="terminal", summary="", suffix="", render=lambda run, _comparison, _options: "shown")
    alpha = msgspec.structs.replace(built.backends["alpha"], parallel=parallel)
    return msgspec.structs.replace(
        built,
        backends={**built.backends, "alpha": alpha},
        scenarios={**built.scenarios, **more},
        renderers={"terminal": terminal},
    )


STORM_PARAMETERS = (
    Parameter(name="mode", default="rate", choices=("rate", "burst"), summary="of load"),
    Parameter(name="rate", default=200, summary="of connections"),
    Parameter(name="length", default=1.0, summary="of the storm", unit="s"),
)


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, machine=None, execute=None, parallel=False):
        built = small_catalogue(parallel)
        monkeypatch.setattr(Plugins, "catalogue", lambda _self: built)
        monkeypatch.setattr(session, "execute", execute or (machine or Machine()).execute)
        with pytest.raises(SystemExit) as ended:
            program.main(list(arguments))
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


def test_it_passes_and_is_remembered(harness, tmp_path):
    """Every part in its short form; later runs carry what was found, and the runs of c to f lie apart."""
    code, out, err = harness("selftest", "-s", "pipe", "-q")
    assert (code, err) == (Exit.OK, "")
    assert [line[0] for line in out.splitlines() if line[0] != " "] == ["a", "c", "d", "e", "f", "p"]
    assert out.startswith("a, b  pipe[capacity=1] on alpha: 180 processes, 400 replays")
    assert out.splitlines()[-1] == "passed"
    runs = tmp_path / ".harness" / "runs"
    assert {record.cell.label for record in read_run(RunStore(runs).find("latest")).records} == {"alpha"}
    assert len(RunStore(runs).runs()) == 1
    assert len(RunStore(runs / "selftest").runs()) == 4 + 1 + 1 + 2
    stored = json.loads((runs / "selftest.json").read_text())["result"]
    assert list(stored) == ["a, b", "c", "d", "e", "f"]
    assert stored["a, b"]["replays"] == 400
    harness("matrix", "-s", "shout", "-q")
    said = read_run(RunStore(runs).find("latest")).started.environment["self_test"]
    assert "of 400, 5 % slower is found in" in said
    assert "5% slower is found in 4 of 4 live runs; a freeze of 200 ms is 160 ms in response p99" in said
    assert "costs others 0 rounds; slower first cells make no difference" in said


@pytest.mark.parametrize(("machine", "part"), [(Blind, "c"), (Unclocked, "d"), (Contagious, "e"), (Partial, "f")])
def test_a_part_that_fails_is_named(harness, machine, part):
    """A machine that hides what was injected, or a runner that lets it spread, is caught by the part that looks."""
    assert harness("selftest", "-q", "--part", part, machine=Machine())[0] == Exit.OK
    code, out, _ = harness("selftest", "-q", "--part", part, machine=machine())
    assert code == Exit.FINDINGS
    assert out.splitlines()[-1] == f"failed: the promises of {part} are not kept on this machine"


def test_it_fails_where_we_err(harness, monkeypatch):
    """The exit code says so, and the last line."""
    honest = intervals.estimate_median
    monkeypatch.setattr(intervals, "estimate_median", lambda sample, _: honest(sample, 0.5))
    code, out, _ = harness("selftest", "-s", "pipe", "-q", "--part", "a")
    assert code == Exit.FINDINGS
    assert out.splitlines()[-1] == "failed: the promises of a, b are not kept on this machine"


def test_one_part_alone_is_not_stored(harness, tmp_path):
    """A line in reports speaks for the whole; progress says what runs."""
    machine = Machine()
    code, out, err = harness("selftest", "--part", "e", machine=machine)
    assert (code, out[0]) == (Exit.OK, "e")
    assert err.splitlines()[0] == "e: two arms that never return"
    assert {cell.scenario for cell in machine.cells} == {"switch"}
    assert not (tmp_path / ".harness" / "runs" / "selftest.json").exists()


def test_the_full_form_is_longer(harness):
    """Twenty live runs instead of four."""
    _, out, _ = harness("selftest", "-q", "--part", "c", "--full")
    assert "20 of 20   at least 19" in out


def test_options_of_the_backend_are_kept(harness):
    """What is injected is injected into the backend as it was asked for."""
    machine = Machine()
    assert harness("selftest", "-q", "--part", "e", "-b", "alpha:debug=true", machine=machine)[0] == Exit.OK
    assert all(dict(cell.roles[0].backend.options)["debug"] == "true" for cell in machine.cells)


def test_what_threads_do_not_have_is_not_tried(harness):
    """A checkpoint to slow down, or one scheduler to freeze; no promise is broken by that."""
    machine = Machine()
    code, out, _ = harness(
        "selftest", "-q", "--part", "c", "--part", "d", "--part", "f", parallel=True, machine=machine
    )
    assert (code, machine.cells) == (Exit.OK, [])
    assert out.count("not tried: ") == 3


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
