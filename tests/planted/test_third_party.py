"""Faults in the implementation of a backend outside asyncio, four of each kind of question: the questions find them."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "third_party"
# The distribution is on the path of the workers only: other tests of this process shall not find it.
FAULTS = runpy.run_path(str(HERE / "harness_third_party" / "plugin.py"))["FAULTS"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def spec(fault):
    return f"third-party:fault={fault}"


@pytest.fixture(scope="module", params=FAULTS)
def found(request, tmp_path_factory):
    """The kind, and by backend the unexpected findings of all its questions; threads and the healthy one run beside."""
    kind, folder = request.param, tmp_path_factory.mktemp("third-party")
    specs = ["threads", "third-party", *map(spec, FAULTS[kind])]
    selection = [word for one in specs for word in ("-b", one)]
    command = [sys.executable, "-m", "harness.cli", "matrix", *selection, "-s", f"{kind}.*", "-q"]
    done = subprocess.run(
        [*command, "--json", "report.json", "--out", "runs"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    findings = [one for one in json.loads((folder / "report.json").read_text())["findings"] if one["unexpected"]]
    return kind, {one: {f["row_id"] for f in findings if one in f["backends"]} for one in specs}


def test_each_fault_is_found(found, capsys):
    """4 of 4 of the kind; the healthy backend shows nothing."""
    kind, rows = found
    caught = [fault for fault in FAULTS[kind] if rows[spec(fault)]]
    with capsys.disabled():
        print(f"\n{kind}: {len(caught)} of {len(FAULTS[kind])} faults found")
        for fault in FAULTS[kind]:
            print(f"  {fault}: {', '.join(sorted(rows[spec(fault)])) or 'not found'}")
    assert caught == list(FAULTS[kind])
    assert (rows["threads"], rows["third-party"]) == (set(), set())
