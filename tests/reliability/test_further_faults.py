"""Faults of the place, the environment, the options and the stored runs: each ends in a result or in one line."""

import gzip
import os
import resource
import shutil
import signal
import subprocess

import pytest

from harness.cli import main as program
from harness.journal import JOURNAL_NAME

from .hostile_journals import write_base
from .program import folder_of, linux, outcomes_of, run

RUN = ("matrix", "-q", "-s", "faulty.steps", "-b", "trio", "-b", "threads")
CALM = "nothing unexpected"
pytestmark = pytest.mark.skipif(not linux, reason="the hosts of these faults are Linux")


def in_order(code, out, err, codes, text):
    """Assert that a program ended with one of the codes, said this, and not that something is wrong with it."""
    said = out + err
    assert code in codes, (code, said)
    assert text in said, said
    assert "Traceback" not in said
    assert "internal error" not in said


# --- the place and the environment of a run ---


def remove_cwd(cwd):
    (cwd / "gone").mkdir()
    return {"prefix": ("sh", "-c", f'cd {cwd}/gone && rmdir {cwd}/gone && exec "$@"', "sh")}


def shadow(name):
    def setting(cwd):
        (cwd / name).write_text("raise RuntimeError('planted')\n")
        return {}

    return setting


def limited(kind, value):
    return lambda _cwd: {"preexec_fn": lambda: resource.setrlimit(kind, (value, value))}


def environment(**variables):
    return lambda _cwd: {"env": variables}


def prefixed(*words):
    return lambda _cwd: {"prefix": words}


def in_mounts(setting):
    """Run below a folder of its own, which such a mount does not hide."""

    def place(cwd):
        own = f'cd {cwd} && {setting} && exec "$@"'
        return {"prefix": ("unshare", "-rm", "sh", "-c", own, "sh")}

    return place


def block_every_signal():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def ignore_every_signal():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


PLACES = {
    "every signal is blocked by the parent": lambda _cwd: {"preexec_fn": block_every_signal},
    "every signal is ignored by the parent": lambda _cwd: {"preexec_fn": ignore_every_signal},
    "HOME is empty": environment(HOME=""),
    "HOME is a missing path": environment(HOME="/no/such/home"),
    "HOME is the root": environment(HOME="/"),
    "LANG=C without UTF-8 mode": environment(LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
    "TERM is unknown": environment(TERM="nothing-like-this"),
    "COLUMNS=1": environment(COLUMNS="1"),
    "COLUMNS=99999": environment(COLUMNS="99999"),
    "COLUMNS is no number": environment(COLUMNS="-3x"),
    "TZ is no zone": environment(TZ="Nowhere/At:all"),
    "PYTHONWARNINGS=error": environment(PYTHONWARNINGS="error"),
    "PYTHONDEVMODE=1": environment(PYTHONDEVMODE="1"),
    "PYTHONSAFEPATH and PYTHONNOUSERSITE": environment(PYTHONSAFEPATH="1", PYTHONNOUSERSITE="1"),
    "PYTHONASYNCIODEBUG=1": environment(PYTHONASYNCIODEBUG="1"),
    "PYTHONMALLOC=debug": environment(PYTHONMALLOC="debug"),
    "PYTHONSTARTUP names a missing file": environment(PYTHONSTARTUP="/no/such/file"),
    "a file random.py in the working directory": shadow("random.py"),
    "a file trio.py in the working directory": shadow("trio.py"),
    "a stack of 512 kB": limited(resource.RLIMIT_STACK, 512 << 10),
    "no core files": limited(resource.RLIMIT_CORE, 0),
    "no locked memory": limited(resource.RLIMIT_MEMLOCK, 0),
    "the lowest priority": prefixed("nice", "-n", "19"),
    "300 MB of address space": limited(resource.RLIMIT_AS, 300 << 20),
    "no queued signals": limited(resource.RLIMIT_SIGPENDING, 0),
    "TMPDIR is a missing path": environment(TMPDIR="/no/such/folder"),
    "PATH is empty": environment(PATH=""),
    "/tmp is read-only": in_mounts("mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp"),
    "one CPU": prefixed("taskset", "-c", "0"),
    "a session of its own": prefixed("setsid", "-w"),
    "a network of its own, without loopback": prefixed("unshare", "-rn"),
    "another PID namespace": prefixed("unshare", "-rpf", "--mount-proc"),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_is_odd(tmp_path, place):
    """Every cell is run there, and the report is made."""
    settings = PLACES[place](tmp_path)
    if prefix := settings.get("prefix"):
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False, cwd=tmp_path)
        if tried.returncode:
            pytest.skip(f"cannot make such a place: {tried.stderr.decode().strip()}")
    code, out, err = run(*RUN, cwd=tmp_path, **settings)
    in_order(code, out, err, {0}, CALM)
    assert set(outcomes_of(folder_of(tmp_path)).values()) == {"completed"}


# --- stored runs ---


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    """Call the program beside a stored run; return its exit code and what it said."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            program.main(list(map(str, arguments)))
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


@pytest.fixture
def stored(tmp_path):
    """The folder of a run, in the place where the program looks for runs."""
    folder = tmp_path / ".harness" / "runs" / "20260101-000000-abcd"
    folder.mkdir(parents=True)
    write_base(folder)
    return folder


def rewrite(change):
    """Return what changes the bytes of the journal."""

    def prepare(folder):
        journal = folder / JOURNAL_NAME
        journal.write_bytes(change(journal.read_bytes()))

    return prepare


def double_lines(content):
    return b"".join(line + b"\n" + line + b"\n" for line in content.splitlines())


def link_run(folder):
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to("elsewhere")


def link_evidence(folder):
    (folder / "evidence").symlink_to("/etc")


def evidence_is_a_file(folder):
    (folder / "evidence").write_text("no folder")


def litter(folder):
    """Put beside the run what is none: a file, a link to nothing, a link to itself, a folder without a journal."""
    (folder.parent / "file").write_text("x")
    (folder.parent / "nothing").symlink_to("gone")
    (folder.parent / "self").symlink_to("self")
    (folder.parent / "empty").mkdir()


def odd_name(folder):
    shutil.copytree(folder, folder.with_name("2\n\x1b[31mred"))


def beside(make):
    """Make a run folder `b` beside the run, whose journal is made by a function of its path."""

    def prepare(folder):
        other = folder.with_name("b")
        other.mkdir()
        make(other / JOURNAL_NAME)

    return prepare


def link_to_zeros(path):
    path.symlink_to("/dev/zero")


def hidden_cwd(folder):
    """Remove the folder that the program works in."""
    gone = folder.parents[2] / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()


def journal_is_a_folder(folder):
    (folder / JOURNAL_NAME).unlink()
    (folder / JOURNAL_NAME).mkdir()


def write_file(name, content):
    return lambda folder: (folder.parents[2] / name).write_bytes(content)


def make_folder(name):
    return lambda folder: (folder.parents[2] / name).mkdir()


NAMED = "20260101-000000-abcd"
STORED = {
    "a journal with the line ends of Windows": (rewrite(lambda b: b.replace(b"\n", b"\r\n")), "show", {1, 5}, ""),
    "a journal that begins with a byte order mark": (rewrite(lambda b: b"\xef\xbb\xbf" + b), "show", {1, 2}, ""),
    "a journal without a byte": (rewrite(lambda _: b""), "show", {2}, "is not the start of a journal"),
    "a journal of one line end": (rewrite(lambda _: b"\n"), "show", {2}, "is not the start of a journal"),
    "zeros behind a journal": (rewrite(lambda b: b + bytes(5000)), "show", {1, 5}, ""),
    "a journal that is compressed": (rewrite(gzip.compress), "show", {2}, "is not the start of a journal"),
    "two journals in one file": (rewrite(lambda b: b + b), "show", {1, 5}, ""),
    "each line of a journal twice": (rewrite(double_lines), "show", {1, 5}, ""),
    "the lines of a journal in reverse": (
        rewrite(lambda b: b"\n".join(b.split(b"\n")[::-1])),
        "show",
        {2},
        "is not the start",
    ),
    "a journal that is a folder": (journal_is_a_folder, "show", {2}, "cannot read the journal"),
    "a run folder that is a link": (link_run, "show", {1}, ""),
    "evidence that is a link to /etc": (link_evidence, f"merge {NAMED} {NAMED}x --force", {2}, "cannot find the run"),
    "evidence that is a file": (evidence_is_a_file, "show", {1}, ""),
    "files and broken links among the runs": (litter, "show latest", {1}, ""),
    "a run whose name has control characters": (odd_name, "show 2", {1, 2}, ""),
    "a run merged with itself": (None, f"merge {NAMED} {NAMED}", {2}, "each once"),
    "a run merged with nothing": (None, f"merge {NAMED}", {2}, "two runs or more"),
    "a run compared with itself": (None, f"compare {NAMED} {NAMED}", {0, 1, 5}, ""),
    "a run compared with one that is not there": (None, f"compare {NAMED} gone", {2}, "cannot find the run"),
    "three runs compared": (None, "compare a b c", {2}, "cannot compare 3 runs"),
    "columns that a run has not": (None, "compare --columns trio nothing", {2}, "nothing"),
    "expectations written to a folder": (make_folder("known.toml"), "expect --update known.toml", {2}, "known.toml"),
    "expectations in a file that is no TOML": (
        write_file("known.toml", b"]["),
        "expect --update known.toml",
        {2},
        "known.toml",
    ),
    "expectations in a file that is not UTF-8": (
        write_file("known.toml", b"\xff"),
        "expect --update known.toml",
        {2},
        "known.toml",
    ),
    "expectations with a table of another kind": (
        write_file("known.toml", b"expected = 3"),
        "expect --update known.toml",
        {2},
        "known.toml",
    ),
    "expectations without their fields": (
        write_file("known.toml", b"[[expected]]\nx = 1"),
        "expect --update known.toml",
        {2},
        "known.toml",
    ),
    "a report to a full device": (None, "report --format json --output /dev/full", {2}, "cannot write /dev/full"),
    "a report to a folder that is not there": (None, "report --format json --output no/such", {2}, "cannot write"),
    "a report to a folder": (make_folder("out"), "report --format json --output out", {2}, "out"),
    "a report in an unknown format": (None, "report --format htm", {2}, "did you mean"),
    "a cell that a run has not": (None, "show latest nothing-like-it", {2}, "cannot find a cell"),
    "a baseline that a run has not": (None, "show --baseline nothing", {2}, "has no column"),
    "a run compared with a link to /dev/zero": (beside(link_to_zeros), f"compare {NAMED} b", {2}, "symbolic link"),
    "a run merged with a link to /dev/zero": (beside(link_to_zeros), f"merge {NAMED} b", {2}, "symbolic link"),
    "a run compared with a pipe": (beside(os.mkfifo), f"compare {NAMED} b", {2}, "not a regular file"),
    "a run merged with a pipe": (beside(os.mkfifo), f"merge {NAMED} b", {2}, "not a regular file"),
    "expectations of a pipe": (beside(os.mkfifo), "expect b", {2}, "not a regular file"),
    "a pipe among the runs": (beside(os.mkfifo), "runs", {0}, "unreadable"),
    "expectations written to a device": (None, "expect --update /dev/full", {2}, "not a regular file"),
    "expectations read from a device": (None, "matrix --expectations /dev/zero", {2}, "not a regular file"),
    "runs in a device": (None, "matrix -s switch -b trio --out /dev/null", {2}, "cannot write to /dev/null"),
    "a folder that was removed": (hidden_cwd, "show latest", {2}, "cannot find the run"),
    "a run resumed whose scenarios are not installed": (None, f"resume {NAMED}", {2}, ""),
    "runs in a folder that is a file": (write_file("flat", b"x"), "show --out flat latest", {2}, "flat"),
    "a name of a run with a zero byte": (None, "show a\0b", {2}, ""),
    "a name of a run of 5,000 characters": (None, "show " + "x" * 5000, {2}, "cannot look for the run"),
    "0 jobs": (None, "matrix --jobs 0", {2}, "jobs"),
    "0 rounds": (None, "matrix --rounds 0", {2}, "rounds"),
    "a time-out of nan": (None, "matrix --timeout nan", {2}, "timeout"),
    "an endless budget": (None, "matrix --budget inf", {2}, "budget"),
    "a seed of 40 digits": (None, "plan --seed " + "9" * 40, {0, 2}, ""),
    "a partition of nothing": (None, "matrix --partition 0/0", {2}, ""),
}


@pytest.mark.parametrize("fault", STORED)
def test_a_stored_run_or_a_request_that_is_odd(harness, stored, fault):
    """It is shown, or refused in one line."""
    prepare, words, codes, text = STORED[fault]
    if prepare is not None:
        prepare(stored)
    code, out, err = harness(*words.split(" "))
    in_order(code, out, err, codes, text)
    assert code != 2 or err.count("\n") <= 2, err
    assert not [character for character in out + err if not character.isprintable() and character != "\n"]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["8", "1000"])
def test_more_lanes_than_cells(tmp_path, jobs):
    """Each cell is run once, and no lane stays."""
    code, out, err = run(*RUN, "--jobs", jobs, cwd=tmp_path)
    in_order(code, out, err, {0}, CALM)
    assert set(outcomes_of(folder_of(tmp_path)).values()) == {"completed"}
