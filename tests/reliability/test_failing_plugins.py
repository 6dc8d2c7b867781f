"""A plugin that raises, or exits, in any hook: it is named, the others work, and the run is whole."""

import inspect

import pytest

from harness.journal import read_run
from harness.plugins import hookspecs

from .program import folder_of, linux, outcomes_of, run

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
