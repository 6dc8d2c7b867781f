"""Scenarios whose names, texts, values, roles and exceptions are hostile: nothing obeys them, no file is outside."""

import csv
import io
import json
import re
import sys
import unicodedata
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.journal import read_run

from .program import DISTRIBUTION, folder_of, run

sys.path.insert(0, DISTRIBUTION)
from harness_faulty.hostile import TEXTS

sys.path.remove(DISTRIBUTION)
ENVIRONMENT = {"FAULTY_NAMES": "1"}
HOSTILE_ONLY = ("*[</$=]*", "xxx*", "*HALF*", "*31mred*", "*esrever*")
FORMATS = ("terminal", "html", "markdown", "github", "junit", "csv", "issue", "json")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The folder in which the program was, and all that it printed."""
    cwd = tmp_path_factory.mktemp("a") / "b" / "c" / "d"
    cwd.mkdir(parents=True)
    globs = [argument for name in HOSTILE_ONLY for argument in ("-s", name)]
    selection = (*globs, "-b", "trio", "--preset", "quick")
    code, out, err = run("matrix", *selection, cwd=cwd, env=ENVIRONMENT)
    assert code == 1, out + err
    return cwd, out + err


def made(cwd, name):
    code, out, err = run("report", "--format", name, "--output", f"report.{name}", cwd=cwd, env=ENVIRONMENT)
    assert code == 0, out + err
    return (cwd / f"report.{name}").read_text()


def test_every_cell_is_run_and_reported(hostile):
    """A name costs a cell nothing: each raised what it was to raise."""
    found = read_run(folder_of(hostile[0]))
    assert found.complete, found.note
    names = {text for kind, text in TEXTS.items() if kind != "surrogate"} | {"says HALF PAIRS"}
    assert {record.cell.scenario for record in found.records} == names
    assert {record.result.reason.partition(":")[0] for record in found.records} == {"ValueError"}
    assert len(found.records) == len(names)


def test_a_name_that_cannot_be_written_is_left_out(hostile):
    """It is half a surrogate pair, which no journal can hold; the plugin's other scenarios are there."""
    assert "has a text that cannot be written as UTF-8" in hostile[1]
    assert "half \\ud800 pair" in hostile[1]


def test_no_file_is_outside_of_the_run(hostile):
    """Evidence is in the folder of its cell, under names that need no quoting."""
    cwd, _ = hostile
    top = cwd.parents[2]
    outside = [path for path in top.rglob("*") if path.is_file() and not path.is_relative_to(cwd)]
    assert outside == []
    assert not list(top.rglob("escaped"))
    inside = [path.name for path in (folder_of(cwd) / "evidence").rglob("*")]
    assert inside
    assert [name for name in inside if not re.fullmatch(r"[\w=,.+@()-]{1,150}", name, re.ASCII)] == []
    assert not any(path.is_symlink() for path in folder_of(cwd).rglob("*"))


def test_a_terminal_obeys_nothing(hostile):
    """What was printed has lines and characters that can be seen."""
    cwd, printed = hostile
    shown = run("show", "-v", cwd=cwd, env=ENVIRONMENT)
    for text in (printed, shown[1] + shown[2]):
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} <= {"\n"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_obeys_nothing(hostile, name):
    """Each format is well formed, and has none of the characters that move or hide."""
    text = made(hostile[0], name)
    assert {c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")} <= {"\n", "\t", "\r"}
    CHECKS.get(name, str)(text)


def check_html(text):
    """There is no element that a text brought."""
    opened: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            opened.append((tag, dict(attrs)))

    Reader().feed(text)
    assert not [tag for tag, _ in opened if tag in ("img", "iframe", "object", "embed")]
    assert not [key for _, attributes in opened for key in attributes if key.startswith("on")]
    scripts = re.findall(r"<script(?! type=\"application/json\")[^>]*>(.*?)</script>", text, re.DOTALL)
    assert scripts
    assert "alert(1)" not in "".join(scripts)


def check_markdown(text):
    """No tag but those of folding, outside of code."""
    outside = re.sub(r"(?s)(`{3,}).*?\1|(`+).*?\2", "", text)
    assert not re.findall(r"(?<!\\)<(?:script|img)", outside)


def check_csv(text):
    """No value is a formula."""
    values = [value for row in csv.reader(io.StringIO(text)) for value in row]
    assert [value for value in values if re.match(r"[=+@\t\r]|-(?![\d.]+$)", value)] == []


CHECKS = {"html": check_html, "markdown": check_markdown, "issue": check_markdown, "csv": check_csv}
CHECKS |= {"junit": ET.fromstring, "json": json.loads}


def test_a_command_to_paste_runs_nothing_else(hostile):
    """What a report tells to run again is quoted for a shell."""
    import shlex

    commands = [line for line in made(hostile[0], "junit").splitlines() if "again:" in line and "escaped" in line]
    assert commands
    root = ET.fromstring(made(hostile[0], "junit"))
    for output in root.iter("system-out"):
        for line in (output.text or "").splitlines():
            if line.startswith("again: harness "):
                lexer = shlex.shlex(line.removeprefix("again: "), posix=True, punctuation_chars=True)
                lexer.whitespace_split = True
                assert not {";", "&", "|", "`"} & set(lexer), line


def test_a_name_of_10_kb_does_not_drown_the_others(hostile):
    """The grid still has a line for each scenario."""
    assert "path" not in TEXTS["long"]
    assert "escaped" in hostile[1]
    assert Path(folder_of(hostile[0])).name in hostile[1]
