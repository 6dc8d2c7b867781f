"""The text of `harness issue` has a script that shows the bug where harness is not installed."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.api import Grade
from harness.cli import main as program
from harness.plugins import Plugins
from harness.session.header import make_scenario_card

from ..unit.cli.stored_runs import write
from ..unit.compare.run_builder import a_run, cell

CELLS = (
    ("bridge.direct-item", "trio"),
    ("cancel.shielded-call", "asyncio:loop=faults:shields_nothing"),
    ("channel.slow-consumer-stops-producer", "asyncio:loop=faults:queue_is_never_full"),
    ("deadline.read-keeps-bytes", "asyncio:io=sock"),
    ("end.interrupts-needed", "trio"),
    ("group.no-task-outlives-it", "asyncio:loop=faults:group_lets_go"),
    ("lock.held-after-cancelled-wait", "asyncio:loop=faults:condition_does_not_take_the_lock_again"),
    ("process.wait-ends-with-the-process", "asyncio"),
    ("server.restart-on-same-address", "threads"),
    ("shutdown.main-raises", "asyncio:loop=faults:swallows_exits"),
    ("stream.bytes-before-reset", "asyncio"),
    ("timer.short-sleep", "uvloop"),
)
"""A cell of each family: on a loop that is broken, or on a released runtime with a difference that is known."""
OURS = re.compile(r"_*(editable_)*(harness|runtime_harness)|.*\.pth$", re.IGNORECASE)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Return a function that runs a program with all that is installed here but harness."""
    folder = tmp_path_factory.mktemp("packages")
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for package in Path(place).iterdir():
            if not OURS.match(package.name):
                (folder / package.name).symlink_to(package)
    path = os.pathsep.join((str(Path(__file__).parent), str(folder)))

    def run(text):
        command = [sys.executable, "-S", "-P", "-c", text]
        environment = os.environ | {"PYTHONPATH": path}
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )

    assert "No module named 'harness'" in run("import harness").stderr
    return run


@pytest.fixture(scope="module")
def plugins():
    return Plugins()


def describe(scenario, backend, plugins, capsys):
    """Return the text of the issue about a cell that gave the first answer that its question forbids."""
    card = make_scenario_card(plugins.catalogue(), scenario)
    grades = card.judges[card.headline].grades
    answer = next((value for value, graded in grades.items() if graded.grade is Grade.FORBIDDEN))
    run = a_run(cell(backend, scenario=scenario, observed={card.headline: answer}))
    write(Path("runs/one"), replace(run, started=replace(run.started, scenarios=(card,))))
    with pytest.raises(SystemExit) as ended:
        program.main(["issue", "one", f"{scenario}@{backend}", "--out", "runs"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_cells_are_of_ten_families_and_every_runtime_that_runs_here():
    """More than asked for; curio runs on Python 3.11 only, and its scripts are run by `test_scripts`."""
    assert len({name.partition(".")[0] for name, _ in CELLS}) >= 10
    assert {backend.partition(":")[0] for _, backend in CELLS} == {"asyncio", "uvloop", "trio", "threads"}


@pytest.mark.parametrize(("scenario", "backend"), CELLS, ids=[name for name, _ in CELLS])
def test_the_script_of_an_issue_fails_without_harness(scenario, backend, bare, plugins, capsys, monkeypatch, tmp_path):
    """It is in the text, and exits with 1 where there is nothing of harness."""
    monkeypatch.chdir(tmp_path)
    text = describe(scenario, backend, plugins, capsys)
    (script,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    done = bare(script)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "expected: " in done.stdout, done.stdout + done.stderr
