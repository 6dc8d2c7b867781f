"""The page that `run` and `matrix` leave in the run's folder."""

import msgspec
import pytest
from catalogue import catalogue

from harness.cli import main as program
from harness.model import CellFinished, CellResult, Outcome, Renderer
from harness.plugins import Plugins
from harness.session import conduct as session


def execute_well(plan, _catalogue, _folder, **_lanes):
    """Every cell completes."""
    for cell in plan.cells:
        yield CellFinished(result=CellResult(cell_id=cell.id, outcome=Outcome.COMPLETED))


def renderer(name, suffix):
    return Renderer(
        name=name, summary="", suffix=suffix, render=lambda run, _c, _o: f"{name} \udcff {len(run.records)}"
    )


@pytest.fixture
def matrix(monkeypatch, tmp_path, capsys):
    """Call `harness matrix` with these formats; return what it printed and the pages that are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "execute", execute_well)

    def call(formats, *arguments):
        renderers = {name: renderer(name, suffix) for name, suffix in formats.items()}
        built = msgspec.structs.replace(catalogue(), renderers=renderers)
        monkeypatch.setattr(Plugins, "catalogue", lambda _self: built)
        with pytest.raises(SystemExit):
            program.main(["matrix", *arguments])
        return capsys.readouterr().out, list(tmp_path.glob(".harness/runs/*/report.*"))

    return call


def test_the_page_is_written_and_named(matrix):
    """At the end, where a reader looks for it; what cannot be encoded does not stop it."""
    out, (page,) = matrix({"terminal": "", "json": "", "html": ".html"})
    assert out.splitlines()[-2] == f"report: .harness/runs/{page.parent.name}/report.html"
    assert page.read_text(encoding="utf-8").startswith("html ? ")


def test_stdout_for_a_program_has_no_path_in_it(matrix):
    """The page is there all the same."""
    out, pages = matrix({"terminal": "", "json": "", "html": ".html"}, "--json", "-")
    assert "report:" not in out
    assert len(pages) == 1


def test_without_that_format_nothing_is_missed(matrix):
    """A broken plugin does not take the run with it."""
    out, pages = matrix({"terminal": "", "json": ""})
    assert "report:" not in out
    assert pages == []
