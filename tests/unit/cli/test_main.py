"""The command line: exit codes, one clear line for bad input, help with examples."""

import os
import signal
import subprocess
import sys

import click
import pytest

from harness.cli import main as program
from harness.cli.exits import MEANINGS, Exit

program.load_plugins()


def commands(group=program.harness, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(harness, path):
    """`--help` says what it does and shows how it is called."""
    code, out, _ = harness(*path, "--help")
    assert code == Exit.OK
    assert "Usage: harness " + " ".join(path) in out
    assert "Examples:\n    harness " in out


@pytest.mark.parametrize("path", [(), ("list",), ("plugin",), ("env",)], ids=" ".join)
def test_summaries_of_commands_are_whole(harness, path):
    """At 80 columns none is cut."""
    _, help_text, _ = harness(*path, "--help")
    assert "Commands:" in help_text or "Ask stored runs:" in help_text
    assert [line for line in help_text.splitlines() if line.endswith("...") and "COMMAND" not in line] == []


def test_scenarios_are_listed_by_family_in_two_columns(harness, monkeypatch):
    """Names, then questions, which wrap below themselves."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = harness("list", "scenarios")[1].splitlines()
    family = lines[lines.index("cancel:") + 1 :]
    members = family[: next(number for number, line in enumerate(family) if not line.startswith("  "))]
    names = [line.split()[0] for line in members if line[2] != " "]
    assert [name for name in names if not name.startswith("cancel.")] == []
    column = 2 + max(map(len, names)) + 2
    assert {line[column - 2 : column] for line in members} == {"  "}
    assert [line for line in members if len(line) > 80 or line[column] == " "] == []


def test_exit_codes_are_in_the_help(harness):
    """All of them, a line for each with its meaning."""
    lines = [" ".join(line.split()) for line in harness("--help")[1].splitlines()]
    for code, meaning in MEANINGS.items():
        assert f"{code.value} {meaning}" in lines
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("run",), 2, "no scenario is named"),
        (("run", "-s", "chanel"), 2, "unknown scenario 'chanel'; did you mean 'channel'?"),
        (("matrix", "-b", "trioo"), 2, "unknown backend 'trioo'; did you mean 'trio'?"),
        (("matrix", "-b", "asyncio:lop=x"), 2, "backend 'asyncio' has no option 'lop'; did you mean 'loop'?"),
        (("matrix", "-s", "zzz*"), 3, "no scenario matches zzz*"),
        (("matrix", "-b", "zzz*"), 3, "no backend matches zzz*"),
        (("run", "-s", "storm", "-p", "rate"), 2, "cannot read parameter 'rate': it is not name=value"),
        (("run", "-s", "storm", "-p", "rte=5"), 2, "has a parameter 'rte'; did you mean 'rate'?"),
        (("run", "-s", "storm", "-p", "rate=fast"), 2, "parameter 'rate' cannot be 'fast'"),
        (("matrix", "--preset", "huge"), 2, "'huge' is not one of"),
        (("matrix", "--rounds", "0"), 2, "0 is not in the range"),
        (("matrix", "--nonsense"), 2, "no such option"),
        (("metrix",), 2, "no such command 'metrix'"),
        (("show", "nothing"), 2, "cannot find the run 'nothing'"),
        (("show", "/dev/null"), 2, "cannot read the journal /dev/null: it is not a regular file"),
        (("report", "nothing", "--format", "html"), 2, "cannot find the run 'nothing'"),
        (("matrix", "-s", "channel", "--out", "/proc/nowhere"), 2, "cannot write to /proc/nowhere"),
        (("run", "-s", "channel", "--server", "trio"), 2, "scenario 'channel' has one role"),
        (("run", "-s", "storm", "--server", "trio", "--client", "trio", "-b", "curio"), 2, "leave no role"),
        (("matrix", "-b", "asyncio:debug=true,debug=false"), 2, "option 'debug' is given twice"),
        (("matrix", "-b", "asyncio:loop=\udcff"), 2, "characters that cannot be printed"),
        (("matrix", "--executor", "nicer"), 2, "unknown executor 'nicer'; did you mean 'nice'?"),
        (("plan", "--executor", "\udcff"), 2, "unknown executor"),
        (("matrix", "--timeout", "inf"), 2, "invalid value for '--timeout': inf is not a finite number"),
        (("matrix", "--timeout", "nan"), 2, "invalid value for '--timeout': nan is not a finite number"),
        (("run", "-s", "storm", "-p", "length=nan"), 2, "parameter 'length' cannot be 'nan'; it is a number"),
        (("matrix", "--json", "/nowhere/report.json"), 2, "cannot write /nowhere/report.json"),
        (("matrix", "--json", "/tmp"), 2, "cannot write /tmp: it is a folder"),
        (("show", "x" * 300), 2, "cannot look for the run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_is_one_clear_line(harness, arguments, code, line):
    """What cannot be done, and what to do; never a traceback."""
    got, out, err = harness(*arguments)
    assert got == code
    assert out == ""
    assert err.startswith("harness: ")
    assert err.count("\n") == 1
    assert line in err


def test_our_own_fault_is_said_and_kept(harness, monkeypatch, tmp_path):
    """Exit code 4, one line, and the traceback in a file."""
    monkeypatch.setattr(program.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("harness.plugins.Plugins.catalogue", lambda _self: 1 / 0)
    code, out, err = harness("list", "backends")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "internal error: ZeroDivisionError" in err
    (kept,) = tmp_path.glob("harness-fault-*.txt")
    assert "Traceback" in kept.read_text()


@pytest.mark.parametrize("arguments", [(), ("list",)], ids=["harness", "list"])
def test_a_group_alone_shows_its_help(harness, arguments):
    """It is an incomplete request, with every version of click."""
    code, out, err = harness(*arguments)
    assert (code, out.startswith("Usage: harness"), err) == (Exit.USAGE, True, "")


def test_errors_need_no_newer_click(harness, monkeypatch):
    """The oldest click that we accept has no error of its own for a group without a command."""
    monkeypatch.delattr(click.exceptions, "NoArgsIsHelpError", raising=False)
    assert harness("plan", "-b", "trioo")[0] == Exit.USAGE


def test_a_fault_is_said_where_no_file_can_be_written(harness, monkeypatch, tmp_path):
    """A full disk or a folder that is gone takes the traceback, not the line."""
    monkeypatch.setattr(program.tempfile, "tempdir", str(tmp_path / "gone"))
    monkeypatch.setattr("harness.plugins.Plugins.catalogue", lambda _self: 1 / 0)
    code, _, err = harness("list", "backends")
    assert (code, err.count("\n")) == (Exit.HARNESS_FAULT, 1)
    assert "traceback in no file, No such file" in err


def test_signals(harness):
    """SIGTERM ends a run as Ctrl-C does; a hang-up that nohup ignores stays ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        harness("--version")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_terminal_that_lacks_characters_gets_the_report_too():
    """What it cannot show is replaced."""
    environment = os.environ | {"PYTHONIOENCODING": "iso-8859-5"}
    code = (
        "import click; from harness.cli import main as program; "
        "tick = click.Command('tick', callback=lambda: click.echo('as it is \u2713')); "
        "program.harness.add_command(tick); program.main(['tick'])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout == b"as it is ?\n"


def test_building_the_command_line_is_quick():
    """What only some commands need is imported by them; plugins are loaded when the program is called."""
    late = {"rich", "psutil", "pluggy", "asyncio", "harness.execute", "harness.compare", "harness.plan", "tomlkit"}
    code = f"import sys, harness.cli.main; print(sorted({late} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_call_imports_only_its_own_command(harness):
    """And what plugins declare: no runtime, no stage, no other command."""
    late = {"rich", "psutil", "trio", "asyncio", "tomlkit", "harness.execute", "harness.compare", "harness.cli.expect"}
    code = f"""if True:
        import sys
        from contextlib import suppress
        from harness.cli.main import main
        with suppress(SystemExit):
            main(["plugins"])
        print(sorted({late} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(harness, shell):
    """Each shell has its script."""
    code, out, _ = harness("completion", shell)
    assert (code, "_HARNESS_COMPLETE" in out) == (0, True)


def complete(command, incomplete):
    from click.shell_completion import ShellComplete

    shell = ShellComplete(program.harness, {}, "harness", "_HARNESS_COMPLETE")
    return [item.value for item in shell.get_completions(command, incomplete)]


def test_completion_knows_names():
    """Backends, scenarios and the parameters of the scenarios named so far."""
    assert complete(["matrix", "--backend"], "t") == ["threads", "trio"]
    assert complete(["matrix", "--scenario"], "sto") == ["storm"]
    assert "rate=" in complete(["run", "--scenario", "storm", "--param"], "ra")
    assert complete(["matrix", "--executor"], "n") == ["nice"]


def test_the_list_shows_question_and_contract(harness):
    """`harness list scenarios -v` is what one reads before a run."""
    code, out, _ = harness("list", "scenarios", "-v")
    assert code == 0
    assert "must hold: Every connection is answered" in out
    code, out, _ = harness("list", "backends", "-v")
    assert "option loop=" in out
    code, out, _ = harness("list", "executors")
    assert (code, out.split()[0]) == (0, "local")
    _, out, _ = harness("plugins")
    assert "    executors: local, nice\n" in out


def test_plan_runs_nothing(harness, tmp_path):
    """It shows rows and cells, and leaves no folder."""
    code, out, _ = harness("plan", "-s", "storm", "-b", "trio", "-p", "mode=burst")
    assert code == 0
    assert "on 1 backend; expected" in out
    _, out, _ = harness("plan", "-s", "storm", "-b", "trio", "-p", "mode=burst", "--executor", "nice")
    assert "\nexecutor nice: lets other programs have precedence" in out
    assert "guessing 2 s" in out
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_name_costs_no_look_at_the_machine(harness, looks):
    """The request is planned first."""
    assert harness("matrix", "-b", "trioo")[0] == 2
    assert looks == []


def test_doctor_ends_well(harness):
    """Whatever the host is like, it says so and exits with 0."""
    code, out, _ = harness("doctor")
    assert code == 0
    assert "python" in out
    assert "open files" in out
