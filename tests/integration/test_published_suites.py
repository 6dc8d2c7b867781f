"""Suites of published packages, unchanged, from their source distributions, with each loop in force.

They are downloaded, and installed into one environment beside harness.
"""

import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.compare import summarise_suite
from harness.compare.suites import CauseKind, ending_of
from harness.journal import read_run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
LOOPS = ("asyncio", "uvloop", "asyncio:loop=rloop")


class Package(NamedTuple):
    """A version of a package, its suite's requirements, and the columns."""

    name: str
    version: str
    needs: tuple[str, ...]
    columns: tuple[str, ...] = LOOPS

    @property
    def folder(self) -> str:
        """The folder in its source distribution."""
        return f"{self.name.replace('-', '_')}-{self.version}"


PACKAGES = (
    Package("aiofiles", "25.1.0", ("pytest-asyncio",)),
    Package("aiostream", "0.8.1", ("pytest-asyncio", "pytest-cov")),
    Package("anyio", "4.9.0", ("blockbuster", "hypothesis", "trustme", "truststore"), (*LOOPS, "trio")),
    Package("async-timeout", "5.0.1", ("pytest-asyncio", "pytest-cov")),
    Package("janus", "2.0.0", ("pytest-asyncio", "pytest-cov")),
    Package("trio-websocket", "0.12.2", ("pytest-trio", "trustme"), ("trio",)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the unpacked packages, and `venv` with harness, the packages and what their tests need."""
    made = tmp_path_factory.mktemp("published")
    subprocess.run((sys.executable, "-m", "venv", str(made / "venv")), check=True, timeout=200)
    wanted = [f"{package.name}=={package.version}" for package in PACKAGES]
    needs = {need for package in PACKAGES for need in package.needs}
    pip(made, "install", "--editable", f"{ROOT}[test]", "rloop", *wanted, *needs)
    for package in wanted:
        pip(made, "download", "--no-deps", "--no-binary", ":all:", "--dest", str(made), package)
    for archive in made.glob("*.tar.gz"):
        with tarfile.open(archive) as opened:
            opened.extractall(made, filter="data")
    return made


def pip(folder, *words):
    """Call the pip of the environment; without an index there is nothing to ask."""
    command = (str(folder / "venv" / "bin" / "pip"), "--quiet", "--disable-pip-version-check", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        pytest.skip(f"no packages from an index: {done.stderr[-300:]}")


def call(folder, package, *words):
    """Run a program of the environment in the folder of a package."""
    command = (str(folder / "venv" / "bin" / "python"), "-P", "-m", *words)
    where = folder / package.folder
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False, timeout=1500)


def count_plain(folder, package):
    """Return how many tests end in which way when their own runner is started by hand."""
    report = folder / f"{package.name}.xml"
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:rerunfailures", f"--junitxml={report}")
    done = call(folder, package, "pytest", "tests", *options)
    assert report.exists(), done.stdout + done.stderr
    found = Counter()
    for case in ET.parse(report).iter("testcase"):
        found[next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")] += 1
    return found


ENDINGS = {"failed": "failure", "error in set-up": "error", "error in teardown": "error", "xfailed": "skipped"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_suite(folder, package):
    """The reference ends as a plain run does; what differs on a column has at most ten causes, confirmed alone."""
    columns = [word for column in package.columns for word in ("-b", column)]
    done = call(folder, package, "harness.cli", "suite", "tests", *columns, "--out", str(folder / "runs"), "-q")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    run = read_run(max((folder / "runs").iterdir(), key=os.path.getmtime))
    summary = summarise_suite(run)
    assert summary.not_run == 0
    by_column = Counter(cause.label for cause in summary.causes)
    assert all(count <= 10 for count in by_column.values()), done.stdout
    unconfirmed = [
        cause
        for cause in summary.causes
        if cause.kind is not CauseKind.VICTIM and None in {found.is_repeated for found in cause.differences}
    ]
    assert unconfirmed == [], done.stdout
    reference = Counter(
        ENDINGS.get(ending_of(record), ending_of(record))
        for record in run.records
        if record.cell.label == package.columns[0] and not record.result.reason.startswith("not asked")
    )
    assert reference == count_plain(folder, package)
