"""Files of a run folder from anywhere are read and written without following, waiting or ending memory."""

import os
import subprocess
import sys

import pytest

from harness.cli.expectation_files import read_all
from harness.cli.rendering import write_report
from harness.host.files import make_plain_folder, open_fresh, read_first_line, read_named, read_regular, replace_text
from harness.journal import JOURNAL_NAME, JournalWriter, read_answers, read_run, read_self_test
from harness.model import JournalError, UsageError


def make_link(path):
    path.symlink_to("/etc/hostname")


def make_pipe(path):
    os.mkfifo(path)


def make_device_link(path):
    path.symlink_to("/dev/zero")


HOSTILE = [make_link, make_pipe, make_device_link]


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_a_journal_that_is_no_regular_file(make, tmp_path):
    """It is named in one line, at once; a writer goes on with none of them either."""
    make(tmp_path / JOURNAL_NAME)
    with pytest.raises(JournalError, match=r"regular file|symbolic link"):
        read_run(tmp_path)
    with pytest.raises(UsageError, match=r"regular file|symbolic link"):
        JournalWriter(tmp_path / JOURNAL_NAME, is_resumed=True)


@pytest.mark.parametrize("target", ["/dev/full", "/dev/zero", "pipe"])
def test_a_file_that_the_user_named(tmp_path, target):
    """A device or a pipe is refused at once, also behind a link; a link to a file is followed."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(UsageError, match=r"cannot read expectations .*link"):
        read_all((tmp_path / "link",))
    (tmp_path / "file").write_text("text")
    (tmp_path / "other").symlink_to("file")
    assert read_named(tmp_path / "other") == "text"


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_records_beside_the_runs_that_are_no_regular_files(make, tmp_path):
    """A run starts without them, at once."""
    for name in ("answers.json", "selftest.json"):
        make(tmp_path / name)
    assert read_answers(tmp_path) == ()
    assert read_self_test(tmp_path, {}) == ""


def test_a_file_that_is_too_large(tmp_path):
    """Its size is looked at before it is read."""
    file = tmp_path / "large"
    file.touch()
    os.truncate(file, 1000)
    assert len(read_regular(file, 1000)) == 1000
    with pytest.raises(OSError, match="1,000 bytes, more than the 999"):
        read_regular(file, 999)


@pytest.mark.parametrize("linked", ["evidence", "evidence/cell"])
def test_a_folder_that_is_a_link(tmp_path, linked):
    """The link is refused, because its target can be any folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / linked).parent.mkdir(exist_ok=True)
    (tmp_path / linked).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=f"{linked} is a symbolic link"):
        make_plain_folder(tmp_path / "evidence" / "cell")


def test_a_fresh_file_takes_the_place_of_a_link(tmp_path):
    """It also replaces a file that a killed attempt left."""
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "main.stdout").symlink_to(target)
    for _ in range(2):
        with open_fresh(tmp_path / "main.stdout") as file:
            file.write(b"new")
    assert (target.read_text(), (tmp_path / "main.stdout").read_text()) == ("kept", "new")


def test_a_file_takes_memory_for_its_size_only(tmp_path):
    """Not for the largest one that is read, which a host with a limit (`ulimit -v`) does not give."""
    file = tmp_path / "small"
    file.write_text("small")
    script = (
        "import resource, pathlib; from harness.host.files import read_regular; "
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); "
        f"print(read_regular(pathlib.Path({str(file)!r})).decode())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("small\n", "")


def test_the_first_line_of_a_large_file(tmp_path):
    """The list of runs needs the header of each journal: a hole of 8 GB behind it is not read."""
    file = tmp_path / "journal"
    file.write_bytes(b"header\nrest")
    os.truncate(file, 8 << 30)
    assert read_first_line(file) == b"header"


def test_a_report_replaces_a_link(tmp_path):
    """`resume` writes the page into the folder of somebody else's run: not through a link that lies there."""
    target = tmp_path / "target"
    target.write_text("kept")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "report.html").symlink_to(target)
    write_report(folder / "report.html", "page", folder)
    assert target.read_text() == "kept"
    assert ((folder / "report.html").is_symlink(), (folder / "report.html").read_text()) == (False, "page")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    """No draft stays where the name cannot be taken."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_text(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
