"""The claim that this project began with, shown on the released loop: `pytest -m rloop`."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.rloop
SPEC = "asyncio:loop=rloop"
CAUSES = (
    "bridge.call-after-end",
    "bridge.context-visible",
    "fairness.socket-in-a-crowd",
    "leak.connections",
    "listener.close-with-live-connection",
    "listener.out-of-fds",
    "server.cancel-serve-forever",
    "shutdown.exit-in-a-task",
    "stream.reset-while-reading",
    "timer.sleep-forever",
)
"""A script for each root cause that `harness drop-in rloop` finds."""
HEALTHY = ["asyncio", "uvloop", "trio", "threads", *(["curio"] if sys.version_info < (3, 12) else [])]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment in which rloop 0.5.0 can be imported; it is installed into a folder of its own if need be."""
    if importlib.util.find_spec("rloop"):
        return dict(os.environ)
    folder = str(tmp_path_factory.mktemp("rloop"))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "rloop==0.5.0"], check=True)
    return os.environ | {"PYTHONPATH": folder}


@pytest.fixture(scope="module")
def report(environment, tmp_path_factory):
    """Every server against every client, with a time-out that does not make lost connections expensive."""
    backends = [word for spec in (*HEALTHY, SPEC) for word in ("-b", spec)]
    load = [word for text in ("rate=1000", "length=2", "timeout=1", "cooldown=2") for word in ("--param", text)]
    command = [
        sys.executable,
        "-P",
        "-m",
        "harness.cli",
        "run",
        "-s",
        "storm",
        "--pairs",
        *backends,
        *load,
        "--json",
        "-",
    ]
    cwd = tmp_path_factory.mktemp("pairs")
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def test_as_a_server_it_leaves_connections_unanswered_with_every_client(report):
    """And it is named as the culprit, as a server."""
    (finding,) = [f for f in report["findings"] if f["kind"] == "violation" and "timed out" in f["title"]]
    assert set(finding["backends"]) == {f"server={SPEC}+client={client}" for client in HEALTHY} | {SPEC}
    assert finding["culprit"][0].startswith(f"{SPEC} as server")


def test_where_they_stay_is_told_from_facts(report):
    """The server is idle, and the kernel has each of them in one of its places there."""
    found = 0
    for record in report["records"]:
        seen = {fact["key"]: fact["value"] for fact in record["observations"] if "key" in fact}
        if record["cell"]["roles"][0]["backend"]["options"] != [["loop", "rloop"]]:
            continue
        found += 1
        assert seen["server after the storm"].startswith("idle: ")
        places = [value for key, value in seen.items() if key.startswith("unanswered ")]
        assert sum(places) == seen["connections timed out"] > 0
    assert found == len(HEALTHY) + 1
    (finding,) = [f for f in report["findings"] if f["kind"] == "violation" and "timed out" in f["title"]]
    assert any("server after the storm: idle" in line for line in finding["details"])


def test_as_a_client_it_does_not(report):
    """With each healthy server all its connections are answered."""
    (row,) = report["rows"]
    others = [cell for cell in row["cells"] if cell["roles"][1] == SPEC and cell["roles"][0] != SPEC]
    assert {cell["roles"][0] for cell in others} == set(HEALTHY)
    assert [cell["label"] for cell in others if cell["values"]["connections timed out"]] == []


@pytest.mark.parametrize("scenario", CAUSES)
def test_a_script_shows_each_root_cause(environment, scenario):
    """It fails on rloop and passes on asyncio."""
    codes = []
    for spec in (SPEC, "asyncio"):
        command = [sys.executable, "-P", "-m", "harness.cli", "script", scenario, "--backend", spec]
        text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        done = subprocess.run([sys.executable, "-P", "-c", text], env=environment, timeout=60, check=False)
        codes.append(done.returncode)
    assert codes == [1, 0]
