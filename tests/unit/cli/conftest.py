"""The program, called in an empty folder."""

import pytest

from harness.cli import main as program
from harness.cli import running
from harness.host import machine
from harness.host.noise import judge_pieces


@pytest.fixture(autouse=True)
def looks(monkeypatch):
    """Replace the look at the machine, which takes seconds; return the list of its calls."""
    calls = []

    def look(*arguments, **options):
        calls.append((arguments, options))
        return judge_pieces([1.0] * 20)

    for module in (running, machine):
        monkeypatch.setattr(module, "probe_noise", look)
    return calls


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    """Call the program in an empty folder; return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            program.main(list(arguments))
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call
