"""The examples are complete distributions: built, installed into an environment of their own, tested and run there."""

import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("backends", "scenarios", "saboteurs", "perturbations", "reports")
EXAMPLES = ROOT / "examples"
NAMES = (
    "harness-anyio",
    "harness-explore-demo",
    "harness-gevent",
    "harness-loops",
    "harness-minipool",
    "harness-scenarios-demo",
)
PACKAGES_OF_TREE = [str(ROOT), *(str(ROOT / source) for source in SOURCES)]


class Environment:
    """A virtual environment with an example's wheel, which sees what else is installed here."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.python = str(home / "venv" / "bin" / "python")
        subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(home / "venv")), check=True, timeout=100)
        (site,) = (home / "venv").glob("lib/python*/site-packages")
        shared = [path for path in sys.path if path.endswith("site-packages")]
        # addsitedir, as an editable install is found by a .pth file of its own.
        lines = [f"import site; site.addsitedir({path!r})" for path in shared]
        (site / "shared.pth").write_text("\n".join(lines) + "\n")

    def install(self, name: str) -> None:
        """Build the wheel and install it."""
        wheels = self.home / "wheels"
        build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels))
        subprocess.run((*build, str(EXAMPLES / name)), check=True, capture_output=True, timeout=200)
        self.pip("--no-deps", "--no-index", *map(str, wheels.iterdir()))

    def pip(self, *arguments: str) -> None:
        """Install something."""
        install = (sys.executable, "-m", "pip", f"--python={self.python}", "install", "--quiet")
        subprocess.run((*install, *arguments), check=True, timeout=200)

    def harness(self, *arguments: str, code: int = 0) -> str:
        """Call the program, and return what it says."""
        return self.call("-P", "-m", "harness.cli", *arguments, cwd=self.home, code=code)

    def call(self, *arguments: str, cwd: Path, code: int = 0) -> str:
        """Call Python."""
        done = subprocess.run(
            (self.python, *arguments),
            cwd=cwd,
            env=os.environ | {"NO_COLOR": "1", "COLUMNS": "120"},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Return a function that installs an example, each once."""
    made: dict[str, Environment] = {}

    def make(name: str) -> Environment:
        if name not in made:
            made[name] = Environment(tmp_path_factory.mktemp(name))
            made[name].install(name)
        return made[name]

    return make


@pytest.fixture(scope="session")
def with_gevent(installed):
    """Return the environment of the gevent example, with gevent."""
    environment = installed("harness-gevent")
    if find_spec("gevent") is None:
        environment.pip("gevent>=25.4.2")
    return environment


def test_every_example_is_tested_here():
    """No folder is forgotten."""
    assert tuple(sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_is_complete(name):
    """Project, package with types, tests and README; the extra and the versions are said."""
    folder = EXAMPLES / name
    package = folder / "src" / name.replace("-", "_")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == name
    assert [entry for entry in project["dependencies"] if entry.startswith("runtime-harness")] != []
    assert (folder / "README.md").read_text().startswith(f"# {name}\n")
    assert (package / "py.typed").exists()
    assert list((folder / "tests").glob("test_*.py")) != []


@pytest.mark.parametrize("name", NAMES)
def test_it_is_outside_of_the_core(name):
    """Nothing of the tree imports it, and its package is in none of the source roots."""
    package = name.replace("-", "_")
    assert [root for root in PACKAGES_OF_TREE if (Path(root) / package).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_is_installed_and_found(installed, name):
    """By `harness plugins`, with its distribution; it needs nothing beside the core to be listed."""
    said = installed(name).harness("plugins")
    assert f"{name.replace('-', '_')}.plugin ({name} 0.1.0)" in said
    assert "broken:" not in said


@pytest.mark.parametrize(
    "name", ["harness-loops", "harness-scenarios-demo", "harness-explore-demo", "harness-minipool"]
)
def test_it_passes_its_own_tests(installed, name):
    """In its environment."""
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert " passed" in installed(name).call(*arguments, cwd=EXAMPLES / name)


def test_the_scenario_finds_a_planted_difference(installed):
    """A lost job is a violation, of the broken backend and of no other."""
    environment = installed("harness-scenarios-demo")
    backends = ("-b", "asyncio", "-b", "saboteur:fault=item-lost")
    said = environment.harness("matrix", *backends, "-s", "pool.drain", "--preset", "quick", code=1)
    assert "VIOLATION  pool.drain[jobs=40] on saboteur:fault=item-lost: jobs lost is more than 0" in said
    assert "on asyncio:" not in said


def test_the_scenario_agrees_on_healthy_runtimes(installed):
    """Nothing is unexpected on the runtimes that there are."""
    backends = ("-b", "asyncio", "-b", "trio", "-b", "threads")
    said = installed("harness-scenarios-demo").harness("matrix", *backends, "-s", "pool.drain", "--preset", "quick")
    assert "nothing unexpected" in said


@pytest.mark.skipif(find_spec("rloop") is None, reason="rloop is not installed")
def test_the_known_difference_of_a_loop_is_expected(installed):
    """It is listed as known and the exit code is 0; without the distribution it is a finding."""
    run = ("matrix", "-b", "asyncio", "-b", "asyncio:loop=rloop", "-s", "timer.sleep-forever", "--preset", "quick")
    said = installed("harness-loops").harness(*run)
    assert "a call_later of an infinite time is called at once" in " ".join(said.split())
    unknown = installed("harness-scenarios-demo").harness(*run, code=1)
    assert "VIOLATION  timer.sleep-forever on asyncio:loop=rloop" in unknown


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", [("ruff", "format", "--check", "."), ("ruff", "check", ".")], ids=" ".join)
def test_it_is_formatted_and_linted(name, command):
    """With the settings of its own pyproject.toml."""
    done = subprocess.run(
        (sys.executable, "-m", *command), cwd=EXAMPLES / name, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_gevent_passes_its_own_tests(with_gevent):
    """Needs the package index, where gevent is not installed."""
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert " passed" in with_gevent.call(*arguments, cwd=EXAMPLES / "harness-gevent")


@pytest.mark.slow
def test_gevent_passes_the_check(with_gevent):
    """Every question that can be asked."""
    assert "100.0%" in with_gevent.harness("plugin", "check", "gevent")


@pytest.fixture(scope="session")
def with_anyio(installed):
    """Return the environment of the anyio example, with anyio."""
    environment = installed("harness-anyio")
    if find_spec("anyio") is None:
        environment.pip("anyio>=4.11")
    return environment


@pytest.mark.slow
def test_anyio_passes_its_own_tests(with_anyio):
    """Needs the package index, where anyio is not installed."""
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert " passed" in with_anyio.call(*arguments, cwd=EXAMPLES / "harness-anyio")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["anyio", "anyio:on=trio"])
def test_anyio_passes_the_check(with_anyio, backend):
    """On asyncio and on trio, apart from known differences."""
    assert f"{backend}: " in (said := with_anyio.harness("plugin", "check", backend))
    assert " 2 known" in said or " 3 known" in said


@pytest.mark.slow
def test_gevent_runs_every_scenario_or_declares_why_not(with_gevent):
    """The whole matrix with the quick preset has known differences only."""
    said = with_gevent.harness("matrix", "-b", "gevent", "--preset", "quick")
    assert "nothing unexpected" in said
    assert "gevent has no shield" in said
    assert "UNAVAILABLE" not in said
