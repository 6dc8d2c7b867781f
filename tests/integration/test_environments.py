"""One run over two environments. The second one is made here and borrows what this one has, so nothing is fetched."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from harness.host.interpreters import ask_environment
from harness.journal import read_run
from harness.model import FindingKind, Outcome

SCENARIO = "channel.end-is-seen"


def harness(*arguments, cwd):
    """Run the command line in a folder."""
    command = [sys.executable, "-P", "-m", "harness.cli", *arguments]
    environment = os.environ | {"NO_COLOR": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=200, check=False)


def only_run(folder):
    """Return the run that was made there."""
    (path,) = sorted((folder / ".harness" / "runs").iterdir())
    return read_run(path)


def results(run):
    """Return what became of the cells, by column."""
    return {record.cell.label: record.result for record in run.records}


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """A second virtual environment that finds what is installed here."""
    folder = tmp_path_factory.mktemp("envs") / "second"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder], check=True, timeout=60)
    packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (packages / "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return folder


def find_313():
    """Return a Python 3.13 on which harness is installed, or nothing."""
    named = os.environ.get("HARNESS_TEST_PYTHON313")
    for path in filter(None, (named, shutil.which("python3.13"))):
        if Path(path).exists():
            asked = ask_environment("py313", path)
            if asked.python.startswith("3.13") and not asked.error:
                return path
    return None


def test_two_environments_are_two_columns_of_one_run(second, tmp_path):
    """Each ran where it was asked to; facts of the second are in the run."""
    done = harness("matrix", "-b", "trio", "-b", "trio@two", "--env", f"two={second}", "-s", SCENARIO, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "2 backends in 1 row, 2 cells" in done.stdout
    run = only_run(tmp_path)
    assert {label: result.outcome for label, result in results(run).items()} == {
        "trio": Outcome.COMPLETED,
        "trio@two": Outcome.COMPLETED,
    }
    assert run.started.request.environments == (("two", str(second)),)
    facts = run.started.environment["environments"]["two"]
    assert facts["python"] == sys.version.split()[0]
    assert facts["versions"]["trio"] == results(run)["trio@two"].roles[0].attestation.versions["trio"]


def test_the_worker_is_of_that_interpreter(second, tmp_path):
    """A loop that only the second environment has runs there, and not here."""
    (packages,) = second.glob("lib/*/site-packages")
    (packages / "only_there.py").write_text("import asyncio\n\n\nclass Loop(asyncio.SelectorEventLoop):\n    pass\n")
    spec = ":loop=only_there:Loop"
    backends = ("-b", f"asyncio{spec}", "-b", f"asyncio@two{spec}")
    harness("matrix", *backends, "--env", f"two={second}/bin/python", "-s", SCENARIO, cwd=tmp_path)
    found = results(only_run(tmp_path))
    assert found[f"asyncio{spec}"].outcome is Outcome.UNAVAILABLE
    assert found[f"asyncio@two{spec}"].outcome is Outcome.COMPLETED
    assert found[f"asyncio@two{spec}"].roles[0].attestation.scheduler == "only_there.Loop"


def test_a_worker_of_another_wire_version(second, tmp_path):
    """It is refused before its scenario starts, and it is said what to do."""
    (packages,) = second.glob("lib/*/site-packages")
    module = packages / "sitecustomize.py"
    module.write_text("import harness.model.outcome\nharness.model.outcome.FORMAT = 0\n")
    try:
        done = harness("matrix", "-b", "trio@two", "--env", f"two={second}", "-s", SCENARIO, cwd=tmp_path)
    finally:
        module.unlink()
    result = results(only_run(tmp_path))["trio@two"]
    assert result.outcome is Outcome.INVALID_ENV
    assert result.reason == "the runner speaks version 1, the worker 0: run harness env create again"
    assert done.returncode == 5
    assert str(FindingKind.INVALID_ENV).upper() in done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A virtual environment that has nothing at all."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    return folder


def state_of(folder):
    """Return each file of a folder with its size and time."""
    return {path: (path.lstat().st_size, path.lstat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def test_an_interpreter_without_harness(bare, tmp_path):
    """It is given the worker by path, and neither harness nor its dependencies are installed: nothing in it changes."""
    before = state_of(bare)
    scenarios = ("-s", SCENARIO, "-s", "stream.close-twice")  # the latter imports msgspec
    backends = ("-b", "asyncio", "-b", "asyncio@bare", "--env", f"bare={bare}")
    done = harness("matrix", *backends, *scenarios, "--preset", "quick", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [record.result for record in only_run(tmp_path).records]
    assert [cell.outcome for cell in cells] == [Outcome.COMPLETED] * 4
    assert state_of(bare) == before


def test_an_interpreter_without_the_runtime(bare, tmp_path):
    """One line before the run, which does not start."""
    done = harness("matrix", "-b", "trio", "-b", "trio@bare", "--env", f"bare={bare}", "-s", SCENARIO, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "has no trio, which trio@bare needs; install it there" in done.stderr


@pytest.mark.slow
def test_an_old_uvloop_in_a_foreign_environment(tmp_path):
    """Needs the package index. The version is below what harness itself depends on; preparing takes seconds."""
    folder = tmp_path / "old"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=100)
    install = (sys.executable, "-m", "pip", f"--python={folder}/bin/python", "install", "-q", "uvloop==0.19.0")
    subprocess.run(install, check=True, timeout=300)
    before = state_of(folder)
    backends = ("-b", "uvloop", "-b", "uvloop@old", "--env", f"old={folder}")
    done = harness("matrix", *backends, "-s", SCENARIO, "--preset", "quick", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    roles = [role for record in only_run(tmp_path).records for role in record.result.roles]
    assert "0.19.0" in {role.attestation.versions["uvloop"] for role in roles}
    assert state_of(folder) == before


def test_what_lacks_is_said_with_the_command_that_makes_it(tmp_path):
    """A version that no environment has is no run."""
    done = harness("matrix", "-b", "trio==0.1", "-s", SCENARIO, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "harness env create trio-0.1 --with trio==0.1, or give --create-envs" in done.stderr


def test_python_311_and_313_differ_as_known(tmp_path):
    """A difference of meaning between two versions of Python is named and referenced, on the older one only."""
    newer = find_313()
    if newer is None or sys.version_info >= (3, 13):
        pytest.skip("needs a Python before 3.13 here, and a 3.13 with harness (HARNESS_TEST_PYTHON313=/path/to/python)")
    question = "group.nested-failures"
    backends = ("-b", "asyncio", "-b", "asyncio@py313")
    done = harness("matrix", *backends, "--env", f"py313={newer}", "-s", question, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"{question} on asyncio: the outer body runs on" in done.stdout
    assert "gh-116720" in done.stdout
    assert f"{question} on asyncio@py313" not in done.stdout
    found = results(only_run(tmp_path))
    pythons = {label: result.roles[0].attestation.python[:4] for label, result in found.items()}
    assert pythons == {"asyncio": f"3.{sys.version_info[1]}", "asyncio@py313": "3.13"}
