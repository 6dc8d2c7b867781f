"""What `--perturb` does to real cells."""

import json
import os
import subprocess
import sys

import pytest

PROBE = """
import gc, os, resource, socket
from harness.api import Perturbation, Scenario, info
from harness.plugins import hookimpl

async def main(runtime, probe):
    listener = await runtime.listen()
    stream = await runtime.connect(*listener.address)
    sizes = []
    for fd in map(int, os.listdir("/proc/self/fd")):
        if os.path.exists(f"/proc/self/fd/{fd}") and os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
            with socket.socket(fileno=os.dup(fd)) as copy:
                if copy.family == socket.AF_INET:
                    sizes.append(copy.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
    probe.observe("facts", {
        "cpus": len(os.sched_getaffinity(0)),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "gc": [gc.isenabled(), gc.get_threshold()[0]],
        "largest send buffer": max(sizes),
    })
    await stream.aclose()
    await listener.aclose()

facts = Scenario(name="facts", question="?", contract=(), ref="perturb_probe:facts", roles={"main": main},
                 parameters=(), judges={"facts": info()}, headline="facts", rows={})

@hookimpl
def harness_scenarios():
    return [facts]

def set_threshold(runtime, value):
    gc.set_threshold(int(value))
    return runtime

@hookimpl
def harness_perturbations():
    return [Perturbation(name="threshold", value="=N", summary="of the collector", parse=str,
                         in_worker="perturb_probe:set_threshold")]
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """A distribution with a scenario that says what it finds."""
    root = tmp_path_factory.mktemp("plugin")
    (root / "perturb_probe.py").write_text(PROBE)
    info = root / "perturb_probe-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: perturb-probe\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[harness]\nperturb-probe = perturb_probe\n")
    return root


def facts(plugin, tmp_path, *perturb):
    command = [sys.executable, "-P", "-m", "harness.cli", "run", "-s", "facts", "--json", "-", *perturb]
    environment = os.environ | {"PYTHONPATH": str(plugin)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    return {cell["label"]: cell["values"]["facts"] for cell in report["rows"][0]["cells"] if "facts" in cell["values"]}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_every_backend_is_disturbed_in_the_same_way(plugin, tmp_path):
    """Each limit, on each backend; without the option none."""
    disturbed = facts(plugin, tmp_path, "--perturb", "one-cpu,nofile=64,sndbuf=8k", "--perturb", "gc=aggressive")
    # The kernel doubles what is asked for.
    wanted = {"cpus": 1, "files": 64, "gc": [True, 1], "largest send buffer": 16384}
    assert disturbed == dict.fromkeys(disturbed, wanted)
    assert len(disturbed) >= 4
    left_alone = facts(plugin, tmp_path)
    assert all(found["files"] != 64 and found["largest send buffer"] > 16384 for found in left_alone.values())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_plugin_brings_a_perturbation(plugin, tmp_path):
    """Its function is called in the worker with the value of the command line."""
    disturbed = facts(plugin, tmp_path, "--perturb", "threshold=77", "-b", "asyncio", "-b", "threads")
    assert [found["gc"] for found in disturbed.values()] == [[True, 77]] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_hogs_are_gone_after_the_run(plugin, tmp_path):
    """They spin beside the cell and end with it."""
    import psutil

    assert facts(plugin, tmp_path, "--perturb", "cpu-hog=2", "-b", "asyncio")
    assert [p.info for p in psutil.process_iter(["pid", "cwd", "cmdline"]) if p.info["cwd"] == str(tmp_path)] == []
