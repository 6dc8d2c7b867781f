"""A journal that is cut, changed, full or written by two: what can be read is read, and what is wrong is said."""

import os
import resource
import shutil
import subprocess

import pytest

from harness.journal import JOURNAL_NAME, JournalWriter, read_run
from harness.model import JournalError, RunFinished, UsageError

from .program import Program, facts_of, finished_lines, folder_of, outcomes_of, run

SELECTION = ("-s", "faulty.steps", "-s", "faulty.killed", "-b", "trio", "-b", "threads")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run of four cells."""
    cwd = tmp_path_factory.mktemp("whole")
    assert run("matrix", *SELECTION, cwd=cwd)[0] == 1
    folder = folder_of(cwd)
    assert read_run(folder).complete
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it, in the place where the program looks for runs."""
    return shutil.copytree(whole, tmp_path / ".harness" / "runs" / whole.name)


def with_content(folder, content):
    (folder / JOURNAL_NAME).write_bytes(content)
    return folder


def test_cut_at_every_byte_of_its_last_2_kb(whole, tmp_path):
    """No whole line is lost, nothing is invented, and that it is cut is said."""
    content = (whole / JOURNAL_NAME).read_bytes()
    facts = facts_of(whole)
    header = content.index(b"\n") + 1
    for size in range(max(header, len(content) - 2048), len(content)):
        folder = with_content(tmp_path, content[:size])
        found = read_run(folder)
        assert not found.complete
        assert found.note
        stored = facts_of(found)
        lines = finished_lines(folder / JOURNAL_NAME)
        assert {name: stored[name] for name in lines} == {name: facts[name] for name in lines}
        assert {stored[name][0] for name in stored.keys() - set(lines)} <= {"not run"}
        assert sum(len(r.observations) for r in found.records) == content[:size].count(b'"cell-observed"') - (
            content[:size].rpartition(b"\n")[2].count(b'"cell-observed"')
        )


def test_cut_within_its_first_line(whole, tmp_path):
    """There is no run without a plan: that is said in a line."""
    content = (whole / JOURNAL_NAME).read_bytes()
    header = content.index(b"\n")
    for size in range(0, header, 97):
        with pytest.raises(JournalError, match="line 1"):
            read_run(with_content(tmp_path, content[:size]))


@pytest.mark.parametrize("bit", [0x01, 0x20, 0x80])
def test_a_flipped_byte(whole, tmp_path, bit):
    """At any place behind the plan: that the journal is damaged is said, and no other line than the damaged is lost."""
    content = bytearray((whole / JOURNAL_NAME).read_bytes())
    facts = facts_of(whole)
    header = content.index(b"\n") + 1
    footer = content.rindex(b'{"type":"run-finished"')
    for place in range(header, footer, 61):
        content[place] ^= bit
        found = read_run(with_content(tmp_path, bytes(content)))
        content[place] ^= bit
        assert not found.complete, place
        assert found.note, place
        stored = facts_of(found)
        assert sum(stored[name] != facts[name] for name in facts) <= 2, place  # a newline parts the lines of two cells


def test_a_flipped_byte_of_the_plan_and_of_the_footer(whole, tmp_path):
    """A plan that cannot be read is an error in a line; a footer that cannot be read costs no fact."""
    content = bytearray((whole / JOURNAL_NAME).read_bytes())
    facts, said = facts_of(whole), set()
    header, footer = content.index(b"\n"), content.rindex(b'{"type":"run-finished"')
    for place in (*range(0, header, 97), *range(footer, len(content), 3)):
        content[place] ^= 0x80
        folder = with_content(tmp_path, bytes(content))
        content[place] ^= 0x80
        try:
            found = read_run(folder)
        except JournalError as exc:
            said.add((place <= header, "line 1" in str(exc)))
            continue
        assert facts_of(found) == facts
        assert found.complete or found.note
    assert said == {(True, True)}


def test_a_damaged_run_is_shown_and_resumed(copy):
    """The cell whose end cannot be read is run again; the others are not."""
    lines = (copy / JOURNAL_NAME).read_bytes().split(b"\n")
    damaged = next(number for number, line in enumerate(lines) if b'"cell-finished"' in line)
    lines[damaged] = lines[damaged].replace(b":", b"\xff", 1)
    with_content(copy, b"\n".join(lines))
    cwd = copy.parents[2]
    before = outcomes_of(copy)
    assert sorted(before.values()).count("not run") == 1
    code, out, _ = run("show", cwd=cwd)
    assert code == 1
    assert f"line {damaged + 1} cannot be read" in " ".join(out.split())
    run("resume", cwd=cwd)
    assert sorted(outcomes_of(copy).values()) == ["completed", "completed", "crashed", "crashed"]
    assert f"line {damaged + 1} cannot be read" in read_run(copy).note


def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, resource.RLIM_INFINITY))


def cannot_go_on(program, folder_is):
    code, _, err = program.end()
    assert code == 2, err
    assert "cannot write the journal" in err
    assert "to continue: harness resume" in err
    assert "Traceback" not in err
    assert program.survivors() == []
    assert not read_run(folder_is()).complete


def test_a_limit_of_file_size(tmp_path):
    """The run ends with a line that says why and how to go on; what it had is there, and it is resumed."""
    program = Program("matrix", *SELECTION, cwd=tmp_path, preexec_fn=limit_file_size)
    cannot_go_on(program, lambda: folder_of(tmp_path))
    run("resume", cwd=tmp_path)
    found = read_run(folder_of(tmp_path))
    assert found.complete, found.note
    assert sorted(outcomes_of(folder_of(tmp_path)).values()) == ["completed", "completed", "crashed", "crashed"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 pages."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk(small_disk, tmp_path):
    """As above, on a disk that is full; when there is room again the run is resumed, and nothing that was is lost."""
    (small_disk / "ballast").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 8192))
    program = Program("matrix", *SELECTION, "--out", str(small_disk / "runs"), cwd=tmp_path)
    cannot_go_on(program, lambda: next((small_disk / "runs").iterdir()))
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    (folder,) = (small_disk / "runs").iterdir()
    before = {name: facts for name, facts in facts_of(folder).items() if facts[0] != "not run"}
    run("resume", "--out", str(small_disk / "runs"), cwd=tmp_path)
    assert read_run(folder).complete
    after = facts_of(folder)
    assert {name: after[name] for name in before} == before
    assert "not run" not in {facts[0] for facts in after.values()}


def test_a_disk_that_is_full_of_what_a_cell_prints(small_disk, tmp_path):
    """The journal ends the run, in a line, and no process stays."""
    environment = {"PYTHONPATH": os.path.join(os.path.dirname(__file__), "..", "planted", "distribution")}
    program = Program(
        *("matrix", "-s", "planted.flood", "-b", "trio", "--out", str(small_disk / "runs")),
        cwd=tmp_path,
        env=environment,
    )
    code, _, err = program.end()
    assert code in (1, 2)
    assert "Traceback" not in err
    assert program.survivors() == []


def test_two_runs_in_one_folder_at_once(tmp_path):
    """Each has a folder of its own."""
    programs = [Program("matrix", "-s", "faulty.steps", "-b", "trio", cwd=tmp_path) for _ in range(2)]
    assert [program.end()[0] for program in programs] == [0, 0]
    folders = sorted((tmp_path / ".harness" / "runs").iterdir())
    assert len(folders) == 2
    assert all(read_run(folder).complete for folder in folders)


def test_a_run_is_not_resumed_while_it_runs(tmp_path):
    """Whoever comes second is told, and changes nothing."""
    first = Program("matrix", "-s", "faulty.waits", "-s", "faulty.steps", "-b", "trio", cwd=tmp_path)
    journal = first.wait_until_written(b'"cell_id":"faulty.waits@trio#1","observation"')
    before = journal.read_bytes()
    code, _, err = Program("resume", cwd=tmp_path).end()
    assert code == 2
    assert "another harness is writing it" in err
    assert journal.read_bytes() == before
    first.process.kill()
    first.end()
    assert first.survivors() == []


def test_the_lock_of_a_journal_ends_with_its_writer(tmp_path):
    """One writer at a time; a closed one is none."""
    path = tmp_path / JOURNAL_NAME
    with JournalWriter(path), pytest.raises(UsageError, match="another harness is writing it"):
        JournalWriter(path, is_resumed=True)
    with JournalWriter(path, is_resumed=True) as writer:
        writer.write(RunFinished(finished_at="", events=0, cells=0, checksum=writer.checksum))


def _delete(journal):
    journal.unlink()


def _replace(journal):
    """As editors save: another file takes the name."""
    other = journal.with_suffix(".new")
    other.write_bytes(journal.read_bytes())
    other.rename(journal)


def _truncate(journal):
    os.truncate(journal, journal.stat().st_size // 2)


def _empty(journal):
    os.truncate(journal, 0)


def _append(journal):
    with journal.open("ab") as file:
        file.write(b"a line of another program\n")


def _delete_folder(journal):
    shutil.rmtree(journal.parent)


def _delete_out(journal):
    shutil.rmtree(journal.parents[1])


def _rename_folder(journal):
    journal.parent.rename(journal.parent.with_name("elsewhere"))


TOUCHES = [_delete, _replace, _truncate, _empty, _append, _delete_folder, _delete_out, _rename_folder]


@pytest.mark.parametrize("touch", TOUCHES, ids=lambda touch: touch.__name__.strip("_"))
def test_a_journal_that_another_program_touches(touch, tmp_path):
    """At most the running cell is lost: the run ends, its records are saved, and the line says how to go on."""
    cells = ("-s", "faulty.steps", "-s", "faulty.ticks", "-b", "trio", "-b", "threads")
    program = Program("matrix", *cells, "--jobs", "1", "-q", cwd=tmp_path)
    journal = program.wait_until_written(b'"cell-finished"', times=2)
    before = set(finished_lines(journal))
    touch(journal)
    code, out, err = program.end()
    assert code == 5, out + err
    (saved,) = tmp_path.glob(".harness/runs/*-saved")
    assert f"harness resume {saved.relative_to(tmp_path)}" in err
    assert "while the run wrote it" in err
    found = read_run(saved)
    assert found.note == "the run was interrupted"
    assert before <= {record.cell.id for record in found.records if record.result.outcome != "not run"}
    assert program.survivors() == []
    run("resume", str(saved), cwd=tmp_path)
    resumed = read_run(saved)
    assert resumed.complete
    wrong = [record for record in resumed.records if record.result.outcome != "completed"]
    assert len(wrong) <= 1, "only the cell that ran while its folder went away"


def test_a_journal_that_is_only_touched(tmp_path):
    """`touch`, `chmod` and a second name change no byte, so the run goes on."""
    program = Program("matrix", "-s", "faulty.ticks", "-b", "trio", "-q", cwd=tmp_path)
    journal = program.wait_until_written(b'"observation"')
    os.utime(journal)
    journal.chmod(0o640)
    os.link(journal, tmp_path / "second name")
    assert program.end()[0] == 0
    assert list(tmp_path.glob(".harness/runs/*-saved")) == []
