"""Environments as an axis: what has changed in one since a run, and what makes one."""

import shlex
import stat
import sys
from pathlib import Path

import msgspec
import pytest
from catalogue import catalogue

from harness.cli import main as program
from harness.cli.exits import Exit
from harness.cli.resume import describe_changes
from harness.host import crossings
from harness.host import venvs as install
from harness.host.crossings import describe_here, make_crossings
from harness.host.interpreters import ROOT, Registered, find_registered, register
from harness.host.venvs import create_environment
from harness.model import FORMAT, CellFinished, CellResult, Environment, Outcome, UsageError
from harness.plugins import Plugins
from harness.session import conduct as session


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Be in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_program(path, text):
    """Write a shell script that can be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def make(name, python="3.99.1", **versions):
    """Register an environment whose interpreter says this of itself."""
    facts = Environment(python=python, implementation="cpython", harness="0.1.0", format=FORMAT, versions=versions)
    said = shlex.quote(msgspec.json.encode(facts).decode())
    write_program(ROOT / name / "bin" / "python", f"printf '%s\\n' {said}")
    register(Registered(name=name))


def end_with(outcome):
    """Return a stage in which every cell has this outcome, and that is interrupted unless it is a good one."""

    def execute(plan, _catalogue, _folder, **_options):
        for cell in plan.cells:
            yield CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, reason="", seconds=0.5))
        if outcome is not Outcome.COMPLETED:
            raise KeyboardInterrupt

    return execute


@pytest.fixture
def harness(capsys, monkeypatch):
    """Call the program with the small catalogue and a stage that starts no process."""
    monkeypatch.setattr(Plugins, "catalogue", lambda _self: msgspec.structs.replace(catalogue(), renderers=REAL))

    def call(*arguments, outcome=Outcome.COMPLETED):
        monkeypatch.setattr(session, "execute", end_with(outcome))
        with pytest.raises(SystemExit) as ended:
            program.main(list(arguments))
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


REAL = Plugins().catalogue().renderers


def test_resume_says_what_has_changed_in_another_environment(harness):
    """Its Python and its packages, before anything is run; what is as it was is not mentioned."""
    make("old", alpha="2", beta="1")
    backends = ("-b", "alpha", "-b", "alpha@old")
    code, _, _ = harness("matrix", "-s", "guard", *backends, outcome=Outcome.NOT_RUN)
    assert code == Exit.INTERRUPTED
    make("old", python="3.99.2", alpha="3", beta="1", gamma="7")
    code, shown, err = harness("resume", "-q")
    assert code == Exit.OK, shown + err
    assert code == Exit.OK
    said = "harness: the environment has changed since the run began: "
    assert [line.removeprefix(said) for line in err.splitlines() if line.startswith(said)] == [
        "python in old was 3.99.1, is 3.99.2",
        "alpha in old was 2, is 3",
        "gamma in old was absent, is 7",
    ]


def test_resume_says_nothing_of_an_environment_that_is_as_it_was(harness):
    """No warning where there is nothing to warn of."""
    make("old", alpha="2")
    harness("matrix", "-s", "guard", "-b", "alpha@old", outcome=Outcome.NOT_RUN)
    assert "has changed" not in harness("resume", "-q")[2]


def test_an_environment_that_cannot_be_used_any_more():
    """The error is what has changed, and what it had is gone."""
    before = {"environments": {"old": {"python": "3.12", "versions": {"trio": "0.29"}}}, "load": 3}
    now = {"environments": {"old": {"error": "no harness"}}, "load": 1}
    assert list(describe_changes(before, now)) == [
        "python in old was 3.12, is absent",
        "trio in old was 0.29, is absent",
        "error in old was absent, is no harness",
    ]


def test_compare_names_the_differences_of_environments_first(harness, folder):
    """Of two runs of the same column: what was changed below it, before what it shows."""
    runs = []
    for version in ("2", "3"):
        make("old", alpha=version)
        harness("matrix", "-s", "guard", "-b", "alpha@old", "--out", f"runs{version}")
        runs += map(str, (folder / f"runs{version}").glob("*-*"))
    code, out, _ = harness("compare", *runs)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == Exit.OK
    assert lines[2:5] == ["differences of the conditions", "alpha@old 2 3", ""]


# --- what makes an environment ---


TOOL = """\
printf '%s\\n' "$(basename "$0") $*" >> {log}
case "$1 $2" in 'pip install') exit 0 ;; '-c import'*) echo 3.12.1; exit 0 ;; esac
for last in "$@"; do :; done
mkdir -p "$last/bin"
printf '#!/bin/sh\\nprintf "%%s\\\\n" "python $*" >> {log}\\nexit {code}\\n' > "$last/bin/python"
chmod +x "$last/bin/python"
"""


@pytest.fixture
def tools(folder, monkeypatch):
    """Put programs in front of everything else on the path, and return how they were called."""
    log = folder / "calls.txt"
    places = folder / "programs"
    places.mkdir()
    for needed in ("mkdir", "chmod", "basename", "sh"):
        (places / needed).symlink_to(f"/bin/{needed}" if Path(f"/bin/{needed}").exists() else f"/usr/bin/{needed}")
    monkeypatch.setenv("PATH", str(places))

    def calls(*names, code=0, python=""):
        for name in names:
            write_program(places / name, TOOL.format(log=log, code=code))
        try:
            made = create_environment("new", python, ("trio==0.29",), lambda _step: None)
        except UsageError as exc:
            made = exc
        return made, [line.replace(str(folder), "") for line in log.read_text().splitlines()]

    return calls


@pytest.mark.parametrize(
    ("names", "tool", "made", "installed"),
    [
        (("uv",), "uv", "uv venv --python", "uv pip install --python .harness/envs/new/bin/python"),
        (("uv", "virtualenv"), "uv", "uv venv --python", "uv pip install --python .harness/envs/new/bin/python"),
        (("virtualenv",), "virtualenv", "virtualenv --python", "python -m pip install"),
    ],
)
def test_what_makes_an_environment(tools, names, tool, made, installed):
    """Of uv and virtualenv the first that is there; it is told which Python, then this harness and the rest go in."""
    _, (first, second, *_) = tools(*names)
    assert first == f"{made} {sys.executable} .harness/envs/new"
    assert second.startswith(f"{installed} ")
    assert second.endswith(" trio==0.29")
    assert find_registered("new").made_with == tool


@pytest.mark.parametrize(
    ("is_there", "tool"), [(True, f"{sys.executable} -m virtualenv"), (False, "python3.12 -m venv")]
)
def test_what_makes_an_environment_without_programs(tools, monkeypatch, is_there, tool):
    """The module virtualenv that is installed here, else the venv of the Python that was asked for."""

    def refuse(command, _what):
        raise UsageError(" ".join(command).replace(f"{Path.cwd()}/programs/", ""))

    monkeypatch.setattr(install, "_call", refuse)
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda _name: object() if is_there else None)
    told, _ = tools("python3.12", python="3.12")
    assert str(told) == " ".join([tool, *(["--python", "python3.12"] if is_there else []), ".harness/envs/new"])


def test_an_installer_that_fails_leaves_nothing(tools):
    """The folder is gone, so that the name can be used again."""
    refused, _ = tools("virtualenv", code=1)
    assert isinstance(refused, UsageError)
    assert str(refused) == "cannot install into the environment: exit code 1"
    assert not (ROOT / "new").exists()


@pytest.fixture
def made(monkeypatch):
    """Record what environments are asked for; uvloop 0.19 cannot be built on 3.13."""
    asked = []

    def create(name, python, requirements, _say, *, bare):
        assert bare  # it need not allow a version that harness itself allows
        if "uvloop==0.19" in requirements:
            raise UsageError("cannot install into the environment: it fails")
        asked.append((name, python, *requirements))

    monkeypatch.setattr(crossings, "create_environment", create)
    return asked


def side(python, **versions):
    """Return an environment with these versions."""
    return Environment(interpreter=f"/{python}/python", python=python, versions=versions)


def test_crossings_have_one_half_of_an_upgrade_each(made):
    """What cannot be had is said, and the other one is there."""
    said = []
    names = make_crossings((side("3.11.7", uvloop="0.19"), side("3.13.0", uvloop="0.22")), "uvloop", said.append)
    assert list(names) == ["py3.11.7-uvloop-0.22"]
    assert made == [("py3.11.7-uvloop-0.22", "/3.11.7/python", "uvloop==0.22")]
    assert said == ["uvloop==0.19 on Python 3.13.0 cannot be had: cannot install into the environment: it fails"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (side("3.11.7", trio="0.29"), side("3.11.7", trio="0.35")),
        (side("3.11.7", trio="0.29"), side("3.13.0", trio="0.29")),
        (side("3.11.7"), side("3.13.0")),
    ],
    ids=["runtime only", "Python only", "no distribution"],
)
def test_one_thing_new_needs_no_crossing(made, old, new):
    """The cause of every change is known."""
    assert list(make_crossings((old, new), "trio", pytest.fail)) == []
    assert made == []


def test_a_runtime_without_a_distribution_is_described_here():
    """It has the version of Python."""
    assert describe_here("").versions == {}
    assert describe_here("trio").versions.keys() == {"trio"}


def test_a_crossing_is_made_once(made):
    """Its name has its versions."""
    make("py3.11.7-trio-0.35", python="3.11.7", trio="0.35")
    sides = side("3.11.7", trio="0.29"), side("3.13.0", trio="0.35")
    assert list(make_crossings(sides, "trio", pytest.fail)) == ["py3.11.7-trio-0.35", "py3.13.0-trio-0.29"]
    assert [name for name, *_ in made] == ["py3.13.0-trio-0.29"]


@pytest.mark.parametrize(
    ("backends", "complaint"),
    [
        ((), "an upgrade has two columns, the old and the new one; --backend names 0"),
        (("alpha",), "--backend names 1"),
        (("alpha", "beta"), "alpha and beta are two backends; an upgrade is one backend in two environments"),
    ],
)
def test_an_upgrade_is_one_backend_in_two_environments(harness, backends, complaint):
    """Anything else is a usage error."""
    code, _, err = harness("upgrade", *(word for backend in backends for word in ("-b", backend)))
    assert code == Exit.USAGE
    assert complaint in err
