"""A whole run with cells that nobody starts: what is stored, shown and returned."""

import json
import signal

import click
import msgspec
import pytest
from catalogue import catalogue

from harness.cli import main as program
from harness.cli import progress
from harness.cli.command_group import CommandGroup
from harness.cli.exits import Exit
from harness.host.stopwatch import Stopwatch
from harness.journal import JournalWriter, RunStore, read_run
from harness.model import (
    Attestation,
    CellFinished,
    CellObserved,
    CellProgressed,
    CellResult,
    CellRetried,
    CellStarted,
    HelperContinued,
    JournalError,
    Observed,
    Outcome,
    Renderer,
    RoleResult,
    RunExtended,
    RunFinished,
    RunStarted,
    UsageError,
)
from harness.plugins import Plugins
from harness.session import conduct as session


def finished(cell, outcome, reason=""):
    return CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, reason=reason, seconds=0.5))


def execute_well(plan, _catalogue, _folder, **_lanes):
    """Every cell completes."""
    for skipped in plan.skipped:
        yield finished(skipped.cell, Outcome.UNSUPPORTED, skipped.reason)
    for cell in plan.cells:
        yield CellStarted(cell_id=cell.id, pids={"main": 1})
        yield CellProgressed(cell_id=cell.id, seconds=1.0, progress=1_000)
        yield CellObserved(cell_id=cell.id, observation=Observed(role="main", key="lost", value=0, at=0.1))
        yield finished(cell, Outcome.COMPLETED)


def execute_until_interrupted(plan, _catalogue, _folder, **_lanes):
    """As the real one: the running cell is ended and reported, then the others, then it is raised again."""
    interrupt = None
    for cell in plan.cells:
        if interrupt is not None:
            yield finished(cell, Outcome.NOT_RUN, "the run was interrupted before this cell")
            continue
        try:
            yield CellStarted(cell_id=cell.id, pids={"main": 1})
            raise KeyboardInterrupt
        except KeyboardInterrupt as exc:
            interrupt = exc
        yield finished(cell, Outcome.INTERRUPTED, "interrupted")
    if interrupt is not None:
        raise interrupt


def execute_and_wait(plan, _catalogue, _folder, **_lanes):
    """Waits to be interrupted from outside, at its first event."""
    first, *others = plan.cells
    interrupt = None
    try:
        yield CellStarted(cell_id=first.id, pids={"main": 1})
    except KeyboardInterrupt as exc:
        interrupt = exc
    yield finished(first, Outcome.INTERRUPTED, "interrupted")
    for cell in others:
        yield finished(cell, Outcome.NOT_RUN, "the run was interrupted before this cell")
    if interrupt is not None:
        raise interrupt


def with_outcome(outcome):
    def execute(plan, _catalogue, _folder, **_lanes):
        for cell in plan.cells:
            yield finished(cell, outcome, "planted")

    return execute


@pytest.fixture
def built():
    """The small catalogue, with renderers that count records."""
    renderers = {
        name: Renderer(
            name=name,
            summary="",
            suffix="",
            render=lambda run, comparison, options, name=name: json.dumps([name, len(run.records), options.verbosity]),
        )
        for name in ("terminal", "details", "json")
    }
    return msgspec.structs.replace(catalogue(), renderers=renderers)


@pytest.fixture
def harness(built, capsys, monkeypatch, tmp_path):
    """Call the program with the small catalogue and a stage that starts no process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Plugins, "catalogue", lambda _self: built)

    def call(*arguments, execute=execute_well):
        monkeypatch.setattr(session, "execute", execute)
        with pytest.raises(SystemExit) as ended:
            program.main(list(arguments))
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


def stored(tmp_path):
    return read_run(RunStore(tmp_path / ".harness" / "runs").find("latest"))


def test_a_matrix_is_run_stored_and_shown(harness, tmp_path):
    """The report, then the folder in the last line; every planned cell is in the journal."""
    code, out, err = harness("matrix", "--preset", "quick")
    run = stored(tmp_path)
    assert (code, err) == (Exit.OK, "")
    assert out.splitlines()[0] == '["terminal", 8, 0]'
    assert out.splitlines()[-1] == f"run: .harness/runs/{run.started.run_id}"
    assert (run.complete, run.note, len(run.records)) == (True, "", 8)
    assert [card.label for card in run.started.backends] == ["alpha", "beta"]
    assert [card.name for card in run.started.scenarios] == ["guard", "pipe", "shout"]


def test_a_run_shows_details(harness, tmp_path):
    """`run` looks closely; `--quiet` and `--verbose` reach the report."""
    assert harness("run", "-s", "shout", "-b", "alpha", "-v")[1].splitlines()[0] == '["details", 1, 1]'
    assert harness("run", "-s", "shout", "-b", "alpha", "-q")[1].splitlines()[0] == '["details", 1, -1]'


def test_json_goes_where_it_is_told(harness, tmp_path):
    """To stdout alone, or to a file beside the report."""
    assert harness("matrix", "-s", "shout", "--json", "-")[1:] == ('["json", 2, 0]\n', "")
    _, out, _ = harness("matrix", "-s", "shout", "--json", "report.json")
    assert out.startswith('["terminal"')
    assert json.loads((tmp_path / "report.json").read_text())[0] == "json"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.COMPLETED, Exit.OK),
        (Outcome.UNSUPPORTED, Exit.OK),
        (Outcome.UNAVAILABLE, Exit.NOTHING_SELECTED),
        (Outcome.HUNG, Exit.FINDINGS),
        (Outcome.CRASHED, Exit.FINDINGS),
        (Outcome.HARNESS_FAULT, Exit.HARNESS_FAULT),
    ],
)
def test_exit_codes_of_outcomes(harness, outcome, code):
    """What became of the cells decides."""
    assert harness("matrix", "-s", "shout", execute=with_outcome(outcome))[0] == code


def with_missing(name):
    """Return a stage on which a backend is not installed."""

    def execute(plan, _catalogue, _folder, **_lanes):
        for cell in plan.cells:
            is_missing = name in {role.backend.name for role in cell.roles}
            yield finished(cell, Outcome.UNAVAILABLE if is_missing else Outcome.COMPLETED, "no module" * is_missing)

    return execute


@pytest.mark.parametrize("command", ["run", "matrix"])
def test_a_backend_that_is_not_installed_is_no_success(harness, built, command):
    """Nothing ran: the report is made all the same, and it is said what to install."""
    built.backends["alpha"] = msgspec.structs.replace(built.backends["alpha"], install_hint="pip install alpha")
    code, out, err = harness(command, "-s", "shout", "-b", "alpha", execute=with_missing("alpha"))
    assert (code, err) == (Exit.NOTHING_SELECTED, "harness: nothing ran: alpha: no module (pip install alpha)\n")
    assert "run: .harness/runs/" in out


def test_a_backend_that_is_not_installed_beside_one_that_is(harness):
    """What can be run is run, and decides."""
    code, _, err = harness("matrix", "-s", "shout", "-b", "alpha", "-b", "beta", execute=with_missing("alpha"))
    assert (code, err) == (Exit.OK, "")


def test_nothing_is_searched_on_a_backend_that_is_not_installed(harness):
    """No step of it would go wrong, and none would run."""
    code, out, err = harness(
        "bisect", "-s", "pipe", "-b", "alpha", "--vary", "items=1..8", execute=with_missing("alpha")
    )
    assert (code, out) == (Exit.NOTHING_SELECTED, "")
    assert err.startswith("harness: nothing ran: alpha: no module")


def test_an_interrupted_run_is_reported_and_stored(harness, tmp_path):
    """Every cell has its outcome, and the footer says that it was interrupted."""
    code, out, _ = harness("matrix", "-s", "shout", execute=execute_until_interrupted)
    run = stored(tmp_path)
    assert code == Exit.INTERRUPTED
    assert [record.result.outcome for record in run.records] == [Outcome.INTERRUPTED, Outcome.NOT_RUN]
    assert run.note == "the run was interrupted"
    assert "run: .harness/runs/" in out


def test_an_interrupt_between_two_events_reaches_the_stage(harness, tmp_path, monkeypatch):
    """Ctrl-C while an event is shown ends the running cell as one in the middle of it does."""
    seen = []

    def interrupt_once(_self, event):
        seen.append(event)
        if isinstance(event, CellStarted):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Plugins, "notify", interrupt_once)
    code, _, _ = harness("matrix", "-s", "shout", execute=execute_and_wait)
    run = stored(tmp_path)
    assert code == Exit.INTERRUPTED
    assert [record.result.outcome for record in run.records] == [Outcome.INTERRUPTED, Outcome.NOT_RUN]
    assert run.note == "the run was interrupted"
    assert [type(event) for event in seen] == [RunStarted, CellStarted, CellFinished, CellFinished, RunFinished]


def test_a_journal_that_cannot_be_written_ends_the_stage(harness, monkeypatch):
    """One line; the stage is closed, so that no process stays."""
    closed = []

    def execute(plan, _catalogue, _folder, **_lanes):
        try:
            yield from (finished(cell, Outcome.COMPLETED) for cell in plan.cells)
        finally:
            closed.append(True)

    real = JournalWriter.write

    def fail(self, event):
        if isinstance(event, CellFinished):
            raise UsageError("cannot write the journal: no space left on device")
        real(self, event)

    monkeypatch.setattr(JournalWriter, "write", fail)
    code, out, err = harness("matrix", "-s", "shout", execute=execute)
    assert (code, out, err) == (Exit.USAGE, "", "harness: cannot write the journal: no space left on device\n")
    assert closed == [True]


def test_events_are_stored_before_they_are_seen(harness, tmp_path, monkeypatch):
    """A listener that looks into the journal finds what it is told; heartbeats are not in it."""
    lines = []

    def look(_self, event):
        (journal,) = tmp_path.glob(".harness/runs/*/journal.jsonl")
        last = journal.read_bytes().splitlines()[-1]
        lines.append((type(event), b'"type":"%s"' % event.__struct_config__.tag.encode() in last))

    monkeypatch.setattr(Plugins, "notify", look)
    harness("matrix", "-s", "shout", "-b", "alpha")
    assert dict(lines) == {
        RunStarted: True,
        CellStarted: True,
        CellProgressed: False,
        CellObserved: True,
        CellFinished: True,
        RunFinished: True,
    }


def test_show_and_report_a_stored_run(harness, tmp_path):
    """Again, in any format, whole or one cell."""
    harness("matrix", "--preset", "quick")
    assert harness("show")[1] == '["terminal", 8, 0]\n'
    assert harness("show", "latest", "--format", "json", "-v")[1] == '["json", 8, 1]\n'
    assert harness("show", "latest", "shout@alpha#1")[1] == '["details", 1, 0]\n'
    assert harness("show", "latest", "@beta")[1] == '["details", 4, 0]\n'
    assert "unknown report format 'jsn'; did you mean 'json'?" in harness("show", "latest", "-f", "jsn")[2]
    assert harness("show", "latest", "nothing")[2].startswith("harness: cannot find a cell 'nothing'")
    assert harness("report", "latest", "-f", "json", "-o", "out.json")[:2] == (Exit.OK, "")
    assert (tmp_path / "out.json").read_text() == '["json", 8, 0]'


def test_plan_learns_from_the_last_runs(harness):
    """Rows × backends, what is lacking and why, and how long it takes."""
    first = harness("plan", "--preset", "quick", "--rounds", "2")[1]
    assert first.splitlines() == [
        "                    alpha beta",
        "guard                   2    –",
        "pipe[capacity=1]        2    2",
        "pipe[capacity=none]     2    2",
        "shout                   2    2",
        "– guard on beta: beta has no shield: nobody built it",
        (
            "14 cells: 4 rows on 2 backends; "
            "expected 28 s (guessing 2 s for each cell of guard, pipe, shout), at most 7 min"
        ),
    ]
    harness("matrix", "--preset", "quick")
    assert "expected 7 s (as in the last runs)" in harness("plan", "--preset", "quick", "--rounds", "2")[1]


def test_a_plan_needs_no_history(harness, monkeypatch):
    """A damaged journal does not matter to it."""

    def fail(_self):
        raise JournalError("no")

    monkeypatch.setattr(RunStore, "runs", fail)
    assert harness("plan", "-s", "shout")[0] == Exit.OK


def test_plain_progress_says_problems_and_how_far_it_is(built, capsys, monkeypatch):
    """A line for each problem, one now and then for the rest; nothing if quiet."""
    plan = session.make_plan(session.Request(scenarios=("shout",)), built)
    started = RunStarted(run_id="", started_at="", request=session.Request(), plan=plan, scenarios=(), backends=())
    first, second = plan.cells
    clock = iter((0.0, 1.0, 11.0, 11.0))
    monkeypatch.setattr(progress, "_clock", lambda: next(clock))
    events = (started, finished(first, Outcome.HUNG, "idle\x1b[2J"), finished(second, Outcome.COMPLETED))
    plugins = Plugins([])
    with progress.open_progress(plugins, quiet=True):
        for event in events:
            plugins.notify(event)
    assert capsys.readouterr() == ("", "")
    plugins = Plugins([])
    with progress.open_progress(plugins, quiet=False):
        for event in events:
            plugins.notify(event)
    assert capsys.readouterr().err.splitlines() == [
        f"hung: {first.id}: idle?[2J",
        f"2/2 cells, last {second.id}",
    ]


def test_plain_progress_says_that_a_cell_is_run_again(built, capsys):
    """What the attempt before came to, and which one it is; without a plan there is no number of retries."""
    plan = session.make_plan(session.Request(scenarios=("shout",), retries=2), built)
    first, second = plan.cells
    show = progress._Plain()
    for event in attempts_at(first, second):
        show(event)
    assert capsys.readouterr().err.splitlines() == [
        f"runs again (repeat 1): {first.id}",
        f"hung: {first.id}: idle",
        f"runs again (retry 1): {first.id}",
        f"runs again (retry 1, repeat 1): {first.id}",
        f"raised: {first.id}: no",
        f"runs again (retry 2): {first.id}",
        "the lane of it was stopped (SIGSTOP) and is continued",
    ]


def attempts_at(first, second):
    """Disturbed, hangs, is disturbed again, raises, completes; and the next cell."""
    again = CellStarted(cell_id=first.id, pids={})
    return (
        again,
        again,
        CellProgressed(cell_id=first.id, seconds=1.0, progress=10),
        CellRetried(result=finished(first, Outcome.HUNG, "idle").result, attempt=1),
        again,
        again,
        CellRetried(result=finished(first, Outcome.RAISED, "no").result, attempt=2),
        again,
        HelperContinued(helper="the lane of it"),
        finished(first, Outcome.COMPLETED),
        CellStarted(cell_id=second.id, pids={}),
    )


def test_a_listener_that_fails_is_said_once(built, capsys, monkeypatch, tmp_path):
    """After the run, because that is when it is known."""
    from harness.cli.state import State
    from harness.plugins import PluginReport

    healthy = PluginReport(name="one", module="one")
    broken = msgspec.structs.replace(healthy, error="harness_on_event raised ValueError: no")
    reports = [(healthy,), (broken,), (broken,)]
    monkeypatch.setattr(Plugins, "catalogue", lambda _self: built)
    monkeypatch.setattr(Plugins, "reports", property(lambda _self: reports.pop(0)))
    state = State("auto", Plugins([]))
    for _ in range(3):
        state.warn_about_broken_plugins()
    assert capsys.readouterr().err.count("plugin 'one' is left out: harness_on_event raised") == 1


@pytest.mark.parametrize(
    ("choice", "terminal", "environment", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_colour(monkeypatch, choice, terminal, environment, expected):
    """What the user says, then NO_COLOR, then whether it is a terminal."""
    from harness.cli.state import State

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert State(choice).colour is expected


THEIRS = """
import click
from harness.plugins import hookimpl

@hookimpl
def harness_cli(group):
    group.add_command(click.Command("theirs", callback=lambda: click.echo("theirs ran")))
    group.add_command(click.Command("doctor", callback=lambda: click.echo("another doctor")))
"""


def test_a_plugin_adds_commands_beside_those_of_the_host(monkeypatch, tmp_path, capsys):
    """By the hook that the host uses itself; one of the same name takes the place of the host's."""
    from importlib.metadata import EntryPoint

    (tmp_path / "plugin_with_commands.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [EntryPoint("theirs", "plugin_with_commands", "harness")]
    monkeypatch.setattr("harness.plugins.load.entry_points", lambda **_: points)
    group = CommandGroup()
    plugins = program.load_plugins(group)
    context = click.Context(group)
    assert {"run", "matrix", "theirs"} < set(group.list_commands(context))
    for name in ("theirs", "doctor"):
        command = group.get_command(context, name)
        assert command is not None
        assert command.callback is not None
        command.callback()
    assert capsys.readouterr().out == "theirs ran\nanother doctor\n"
    assert [(report.name, report.error) for report in plugins.reports] == [
        ("harness.cli.commands", ""),
        ("theirs", ""),
    ]


def test_progress_that_raises_is_reported_and_ends_no_run():
    """As for any listener; a later one is called all the same."""
    plugins = Plugins([])
    event = RunFinished(finished_at="", events=0, cells=0)
    seen = []

    def fail(_event):
        raise ValueError("no")

    with plugins.listening("odd", fail), plugins.listening("fine", seen.append):
        plugins.notify(event)
        plugins.notify(event)
    plugins.notify(event)
    assert seen == [event, event]
    assert [(report.name, report.error) for report in plugins.reports] == [
        ("odd", "harness_on_event raised ValueError: no")
    ]


def execute_and_measure(plan, _catalogue, _folder, **_lanes):
    """Every cell completes; figures scatter the same way in every run."""
    for skipped in plan.skipped:
        yield finished(skipped.cell, Outcome.UNSUPPORTED, skipped.reason)
    for cell in plan.cells:
        speed = 100.0 * (1.2 ** (cell.round % 5) if cell.label == "beta" else 1.0)
        yield CellStarted(cell_id=cell.id, pids={"main": 1})
        yield CellObserved(cell_id=cell.id, observation=Observed(role="main", key="lost", value=0, at=0.1))
        yield CellObserved(cell_id=cell.id, observation=Observed(role="main", key="speed", value=speed, at=0.1))
        role = RoleResult(role="main", backend=cell.label, outcome=Outcome.COMPLETED, attestation=ATTESTED)
        yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.COMPLETED, seconds=0.5, roles=(role,)))


ATTESTED = Attestation(scheduler="x.Loop", expected="x.*", python="3.11.7", implementation="cpython", gil=True)


def rounds_of(run):
    """Return the rounds of each row."""
    return {
        str(row): max(r.cell.round for r in run.records if r.cell.row == row)
        for row in {record.cell.row for record in run.records}
    }


def test_a_budget_is_spent_on_more_rounds(harness, tmp_path, monkeypatch):
    """What has a ratio goes on to a round at which it is looked at, as far as the time goes."""
    monkeypatch.setattr(Stopwatch, "seconds", 0.0)
    monkeypatch.setattr(Stopwatch, "slowness", 1.0)
    code, _, err = harness("matrix", "-s", "pipe", "-s", "guard", "--budget", "20s", execute=execute_and_measure)
    assert (code, err) == (Exit.OK, "")
    run = stored(tmp_path)
    assert run.complete, run.note
    rounds = rounds_of(run)
    assert rounds["guard"] == 1  # one backend: nothing to compare
    # They say that they take half a second and take none: time is over when twenty more rounds would need more of it.
    # A part of it is kept for the reports.
    assert (rounds["pipe[capacity=1]"], rounds["pipe[capacity=none]"]) == (40, 40)
    ids = [record.cell.id for record in run.records]
    assert len(ids) == len(set(ids))


def test_an_interrupt_between_two_parts_of_a_budget(harness, tmp_path, monkeypatch):
    """The run is stored and reported as one that was interrupted."""
    from harness.session.budget import Budget

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Budget, "choose_rounds", interrupt)
    code, out, _ = harness("matrix", "-s", "pipe", "--budget", "1m", execute=execute_and_measure)
    assert code == Exit.INTERRUPTED
    assert stored(tmp_path).note == "the run was interrupted"
    assert "run: .harness/runs/" in out


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("0", None), ("5 d", None), ("", None)]
)
def test_times_as_people_write_them(harness, text, seconds):
    """Or one line that says how."""
    from harness.cli.selection import parse_seconds

    if seconds is None:
        code, _, err = harness("matrix", "--budget", text)
        assert code == Exit.USAGE
        assert f"invalid duration {text!r}: use 90s, 5m or 1h" in err
    else:
        assert parse_seconds(text) == seconds


def test_a_plan_with_a_budget_says_what_comes_after(harness):
    """The first rounds are planned, the rest is decided by what they show."""
    lines = harness("plan", "-s", "shout", "--budget", "5m")[1].splitlines()
    assert (
        lines[-1] == "the rest of the budget of 5 min, which ends the run, buys extra rounds, for confidence intervals"
    )


@pytest.mark.parametrize(
    ("said", "has_budget"),
    [((), True), (("-s", "shout"), False), (("--preset", "quick"), False), (("--rounds", "2"), False)],
)
def test_everything_has_a_budget(harness, said, has_budget):
    """So that a plain matrix has intervals; who says what to run says how long."""
    assert ("of the budget of 6 min" in harness("plan", *said)[1]) is has_budget


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_progress_of_a_run_that_is_extended(built, capsys, monkeypatch):
    """What is planned later is counted."""
    plan = session.make_plan(session.Request(scenarios=("shout",)), built)
    started = RunStarted(run_id="", started_at="", request=session.Request(), plan=plan, scenarios=(), backends=())
    more = RunExtended(cells=plan.cells, skipped=plan.skipped)
    events = (started, more, finished(plan.cells[0], Outcome.COMPLETED))
    clock = iter((0.0, 11.0, 11.0))
    monkeypatch.setattr(progress, "_clock", lambda: next(clock))
    plugins = Plugins([])
    with progress.open_progress(plugins, quiet=False):
        for event in events:
            plugins.notify(event)
    assert capsys.readouterr().err.splitlines() == [f"1/4 cells, last {plan.cells[0].id}"]
