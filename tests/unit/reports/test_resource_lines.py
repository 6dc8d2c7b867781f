"""What cells took of the machine, in the reports."""

import csv
import io
import json

import msgspec
import pytest

from harness.model import Disturbance, Outcome, Resources
from harness_reports.cell_view import render_details
from harness_reports.csv_report import render_csv
from harness_reports.html_report.page import render_html
from harness_reports.json_report import render_json
from harness_reports.markdown_report import render_markdown
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell
from .sample_runs import show

ALL = Resources(
    wall=2.0,
    user=1.25,
    system=0.25,
    run_delay=0.1,
    voluntary_switches=1200,
    involuntary_switches=3,
    peak_rss_bytes=32 << 20,
)
LINE = (
    "2.00 s of which CPU 1.25 s user and 250 ms system, waited 100 ms for a CPU (5.0%), "
    "context switches 1,200 voluntary and 3 not, peak memory 32.0 MiB"
)


def again(record, *shares):
    """Return a record of a cell that was disturbed for these shares of a second before."""
    attempts = tuple(Disturbance(wall=1.0, run_delay=share) for share in shares)
    return msgspec.structs.replace(record, result=msgspec.structs.replace(record.result, disturbed=attempts))


def rows(run):
    """Return what the CSV report says a cell took."""
    return {line["key"]: line for line in csv.DictReader(io.StringIO(show(render_csv, run)))}


def test_details_show_them_to_who_asks():
    """`-v`; not without it."""
    run = a_run(cell("trio", resources=ALL))
    assert LINE in " ".join(show(render_details, run, verbosity=1).split())
    assert "resources" not in show(render_details, run)


def test_the_page_has_them():
    """In the detail of a cell."""
    assert LINE in show(render_html, a_run(cell("trio", resources=ALL)))


@pytest.mark.parametrize("render", [render_details, render_html])
def test_what_is_not_known_is_left_out(render):
    """It is no zero. A cell that was cut off says nothing at all."""
    text = show(render, a_run(cell("trio", resources=Resources(wall=2.0, user=1.25, system=0.25))), verbosity=1)
    assert "2.00 s of which CPU 1.25 s user and 250 ms system" in text
    for word in ("for a CPU", "context switches", "peak memory"):
        assert word not in text
    assert "of which CPU" not in show(render, a_run(cell("trio", Outcome.HUNG)), verbosity=1)


def test_csv_has_a_line_for_each_thing_that_is_known():
    """In seconds and bytes, not rounded; `judge` tells them from what the scenario observed."""
    lines = rows(a_run(cell("trio", resources=ALL)))
    assert {key: (line["role"], line["judge"], line["unit"], line["value"]) for key, line in lines.items()} == {
        "wall time": ("main", "resource", "s", "2.0"),
        "CPU time, user": ("main", "resource", "s", "1.25"),
        "CPU time, system": ("main", "resource", "s", "0.25"),
        "run delay": ("main", "resource", "s", "0.1"),
        "voluntary context switches": ("main", "resource", "", "1200"),
        "involuntary context switches": ("main", "resource", "", "3"),
        "peak memory": ("main", "resource", "B", str(32 << 20)),
    }
    lacking = rows(a_run(cell("trio", resources=Resources(wall=2.0, user=1.25, system=0.25, involuntary_switches=0))))
    assert set(lacking) == {"wall time", "CPU time, user", "CPU time, system", "involuntary context switches"}


def test_json_has_null_for_what_is_not_known():
    """Of each role."""
    document = json.loads(show(render_json, a_run(cell("trio", resources=Resources(wall=2.0, user=1.0, system=0.0)))))
    (role,) = document["records"][0]["result"]["roles"]
    assert (role["resources"]["wall"], role["resources"]["run_delay"]) == (2.0, None)


@pytest.mark.parametrize("render", [render_details, render_html])
def test_roles_are_told_apart(render):
    """By name, where there are several."""
    assert "client: 2.00 s of which" in show(render, a_run(cell("trio+curio", resources=ALL)), verbosity=1)


@pytest.mark.parametrize("render", [render_details, render_html])
def test_a_cell_that_was_run_again_says_so(render):
    """How often, and for which part of its time it waited; nothing if its first attempt counts."""
    fine = cell("trio")
    assert "run once more: before, it waited for a CPU for 12% of its time" in show(render, a_run(again(fine, 0.12)))
    twice = show(render, a_run(again(fine, 0.12, 0.08)))
    assert "run 2 times more: before, it waited for a CPU for 12%, 8% of its time" in twice
    assert "of its time; this time for 5%" in show(render, a_run(again(cell("trio", resources=ALL), 0.12)))
    assert "disturbed" not in show(render_details, a_run(fine))
    assert rows(a_run(again(fine, 0.12, 0.08)))["disturbed attempts"]["value"] == "2"


@pytest.mark.parametrize("render", [render_terminal, render_markdown, render_html])
def test_a_run_says_how_many_cells_were_run_again(render):
    """By backend; with a warning where it met one more than another, and nothing where it met nobody."""
    rounds = range(1, 21)
    calm = [cell("asyncio", round=number) for number in rounds]
    others = [cell("trio", round=number) for number in rounds]
    assert "run again" not in show(render, of_computing(*calm, *others))
    one = show(render, of_computing(*calm, again(others[0], 0.2), *others[1:]))
    assert "run again, because others had the CPU: trio 1 of 20" in words(one)
    assert "a difference in speed" not in words(one)
    most = words(show(render, of_computing(*calm, *(again(record, 0.2) for record in others)))).replace("\\", "")
    assert "trio 20 of 20; not equally often (asyncio, trio): a difference in speed may come of that" in most


def words(text):
    """Return a text without its line breaks."""
    return " ".join(text.split())


def of_computing(*records):
    """Return a run of a scenario that computes on one thread."""
    run = a_run(*records)
    cards = tuple(msgspec.structs.replace(card, cpu_bound=True) for card in run.started.scenarios)
    return msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, scenarios=cards))
