"""The programs written by hand do the work of the scenarios, in the same amount, and know nothing of the harness."""

import ast
import gc
import importlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from benchmarks import transparency
from benchmarks.native import work
from harness.plugins import Plugins
from harness.testing.trial import try_scenario
from harness_scenarios.load import bridge, channel, children, switch, timeout_select
from harness_scenarios.parts import tagged_payload
from harness_scenarios.parts.stream_pattern import READ_BYTES, StreamPattern

ROOT = Path(__file__).parents[3]
TINY = {
    "channel": {"items": 40, "capacity": 7},
    "switch": {"tasks": 3, "yields": 20},
    "storm": {"connections": 12},
    "sink": {"total_bytes": 1_000_000},
    "timeout-select": {"races": 300},
    "children": {"at_once": 3, "batches": 2},
    "bridge": {"hand_overs": 40},
}
CHECKED_RACES = 100
"""Races that the scenario holds beside those that it measures."""


@cache
def counts_of_scenario(scenario):
    """Return what a cell does with the same sizes, in the words of the programs."""
    declared = Plugins().catalogue().scenario(scenario)
    parameters = TINY[scenario] | transparency.SCENARIO_ONLY.get(scenario, {})
    trial = try_scenario(declared, "asyncio", parameters)
    assert trial.errors == {}
    match scenario:
        case "channel":
            return {"items received": (trial.progress["main"] - 1) // 2}  # both ways; and the check of the end
        case "switch":
            return {"yields": trial.progress["main"]}
        case "children":
            return {"children": trial.progress["main"]}
        case "timeout-select":
            return {"operation won": trial["operation won"] - CHECKED_RACES}
        case "bridge":
            return {"arrived": trial["arrived"]}
        case "storm":
            return {key: trial[key] for key in ("connections ok", "connections answered")}
        case _:
            return {key: trial[key] for key in ("bytes sent", "bytes received")}


@pytest.fixture(params=transparency.BACKENDS)
def module(request):
    """Import the programs of each runtime that is here."""
    try:
        return importlib.import_module(f"benchmarks.native.on_{request.param}")
    except (ImportError, AttributeError) as exc:  # curio 1.6 on 3.12+ misses names of the standard library
        pytest.skip(f"{request.param}: {exc}")


@pytest.fixture
def run(module):
    """Run a role in this process, and let the collector have its objects again."""
    yield module.run
    gc.unfreeze()


@pytest.mark.parametrize("scenario", ["channel", "switch", "timeout-select", "children", "bridge"])
def test_a_program_does_as_much_as_the_scenario(module, run, scenario):
    """And has three values, of which the figure is the median."""
    result = run(module.PROGRAMS[scenario].client, work.SIZES[scenario] | TINY[scenario])
    assert result.counts == counts_of_scenario(scenario)
    assert [value > 0 for value in result.values] == [True] * work.MEASURED


@pytest.mark.parametrize("scenario", ["storm", "sink"])
def test_a_program_with_a_server_does_as_much_as_the_scenario(module, scenario):
    """Both of its processes say so, and all that it prints is one figure."""
    sizes = [f"{name}={value}" for name, value in TINY[scenario].items()]
    command = [sys.executable, "-P", "-m", module.__name__, scenario, *sizes, "--counts"]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (figure,) = done.stdout.splitlines()
    assert float(figure) > 0
    assert json.loads(done.stderr) == counts_of_scenario(scenario)


def test_payloads_are_those_of_the_storm():
    """Requests, replies, and what is none."""
    sizes = {"payload": 64, "seed": 99}
    for index in (0, 1, 77):
        request = work.make_request(index, sizes)
        assert request == tagged_payload.make_request(index, 99, 64)
        assert work.make_reply(request) == tagged_payload.make_reply(request, 64)
    assert work.make_reply(request[:-1] + b"?") == b""


@pytest.mark.parametrize("chunk", [64, 65_536, 1024 * 1024])
def test_the_stream_is_that_of_the_sink(chunk):
    """Chunk by chunk, as often, and read in pieces of the same size."""
    pattern = StreamPattern(chunk, 3_000_000)
    assert work.make_chunks(chunk) == pattern.chunks
    assert work.count_laps({"chunk": chunk, "total_bytes": 3_000_000}) == pattern.laps
    assert work.READ_BYTES == READ_BYTES


def test_a_damaged_stream_is_seen():
    """The program ends with the offset."""
    check = work.Check(64)
    check.take(work.make_chunks(64)[0])
    with pytest.raises(SystemExit, match="byte 67 "):
        check.take(work.make_chunks(64)[1][:3] + b"\xff" * 61)


def test_batches_are_those_of_the_scenario():
    """Between two of them the runtime may tidy up its timers, which are as far away."""
    assert (work.BATCH, work.FAR) == (timeout_select._BATCH, timeout_select._FAR)
    assert [len(batch) for batch in work.batches(600)] == [256, 256, 88]


def test_as_many_values_are_measured_as_in_the_scenarios():
    """After one that warms up."""
    measured = {channel._MEASURED_PASSES, switch._MEASURED_VALUES, timeout_select._MEASURED_VALUES}
    measured |= {children._MEASURED_VALUES, bridge._MEASURED_VALUES}
    assert measured == {work.MEASURED}


def test_the_cell_of_a_program_has_its_sizes():
    """What a program is told, or does without being told, is what the cell is told."""
    catalogue = Plugins().catalogue()
    for scenario, sizes in work.SIZES.items():
        declared = catalogue.scenario(scenario)
        cell = transparency.make_cell(catalogue, scenario, "trio", sizes, seed=1)
        full = {parameter.name: parameter.default for parameter in declared.parameters} | dict(cell.parameters)
        assert {name: full[name] for name in sizes if name in full} == {
            name: value for name, value in sizes.items() if name in full
        }
    storm = {parameter.name: parameter.default for parameter in catalogue.scenario("storm").parameters}
    assert storm["request_bytes"] == storm["reply_bytes"] == work.SIZES["storm"]["payload"]
    assert storm["timeout"] == work.TIMEOUT


def test_no_program_imports_the_harness():
    """Nor a plugin of it."""
    for path in (ROOT / "benchmarks" / "native").glob("*.py"):
        tree = ast.parse(path.read_text())
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
        names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not [name for name in names if name.startswith("harness")], path.name
