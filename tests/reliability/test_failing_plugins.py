"""A plugin that raises, or exits, in any hook: it is named, the others work, and the run is whole."""

import inspect
import time

import pytest

from harness.journal import read_run
from harness.plugins import hookspecs

from .program import TERMINATE, Program, folder_of, linux, outcomes_of, run, wait_for

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("harness_"))
SELECTION = ("matrix", "-s", "cancel.cleanup-waits", "-b", "trio")


@pytest.mark.parametrize("kind", ["error", pytest.param("exit", marks=pytest.mark.slow)])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises(tmp_path, hook, kind):
    """The plugin is said to be left out, without its control characters, and the cell of the others is run."""
    assert inspect.isfunction(getattr(hookspecs, hook))
    code, out, err = run(*SELECTION, cwd=tmp_path, env={"FAULTY_HOOK": f"{hook}:{kind}"})
    assert code == 0, out + err
    assert "plugin 'faulty' is left out" in err
    assert hook in err
    assert "\x1b" not in err
    assert "Traceback" not in err
    assert read_run(folder_of(tmp_path)).complete
    assert set(outcomes_of(folder_of(tmp_path)).values()) == {"completed"}


def test_a_renderer_that_raises(tmp_path):
    """One line that names the format and the run; the other reports of the run are made, and so is the run."""
    target = tmp_path / "report.json"
    code, out, err = run(*SELECTION, "--json", str(target), "-q", cwd=tmp_path, env={"FAULTY_PAGE": "1"})
    folder = folder_of(tmp_path)
    assert (code, err.count("\n")) == (4, 1), err
    assert "cannot make the report 'html': ZeroDivisionError" in err
    assert f"run: .harness/runs/{folder.name}" in out
    assert read_run(folder).complete
    assert target.exists()
    for kind in ("error", "exit"):
        code, out, err = run("report", "--format", "faulty", cwd=tmp_path, env={"FAULTY_RENDERER": kind})
        assert (code, out, err.count("\n")) == (4, "", 1)
        assert f"the run itself is in .harness/runs/{folder.name}" in err
        assert "\x1b" not in err


@pytest.mark.skipif(not linux, reason="reads /proc")
def test_what_a_plugin_says_of_itself_moves_no_cursor(tmp_path):
    """`plugins` and the lists print what plugins wrote, and nothing that a terminal would obey."""
    names = {"FAULTY_NAMES": "1", "FAULTY_HOOK": "harness_expected_divergences:error"}
    lists = (("list", "scenarios", "-v"), ("list", "backends", "-v"))
    documents = (("list", "scenarios", "--json"), ("list", "backends", "--json"))
    for arguments in (("plugins",), *lists, *documents, ("plan", "-b", "trio")):
        _, out, err = run(*arguments, cwd=tmp_path, env=names)
        assert [c for c in out + err if not c.isprintable() and c != "\n"] == [], arguments


HANGING = [
    "harness_on_event:hang",
    "harness_backends:stubborn",
    *(pytest.param(hook, marks=pytest.mark.slow) for hook in ("harness_on_event:stubborn", "harness_backends:hang")),
]


@pytest.mark.parametrize("hook", HANGING)
def test_a_hook_that_hangs(tmp_path, hook):
    """One SIGTERM ends the program and names the hook: in order where the hook lets go, else by force."""
    program = Program(*SELECTION, cwd=tmp_path, env={"FAULTY_HOOK": hook})
    wait_for(lambda: b"the hook is called" in program.said())
    time.sleep(1.1)  # a hook that has just begun may still return
    program.signal(TERMINATE)
    code, _, err = program.end(20)
    assert code == 128 + TERMINATE, err
    assert f"{hook.partition(':')[0]} of plugin 'faulty' did not return" in err
    assert "Traceback" not in err
    assert program.survivors() == []
    if hook == "harness_on_event:hang":  # the run has its footer
        assert read_run(folder_of(tmp_path)).note == "the run was interrupted"


def test_a_thread_of_a_plugin_that_does_not_end(tmp_path):
    """It delays the end of the program for some seconds only, and is named."""
    began = time.monotonic()
    code, out, err = run("plugins", cwd=tmp_path, env={"FAULTY_THREAD": "1"})
    assert code == 0, out + err
    assert "without waiting for thread 'planted' of harness_faulty.plugin" in err
    assert time.monotonic() - began < 30
