"""The program, called in an empty folder."""

import pytest

from harness.cli import main as program


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
