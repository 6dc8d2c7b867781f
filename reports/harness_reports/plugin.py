"""Declare the report formats. Their dependencies are imported on use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from harness.model import Comparison, Renderer, RenderOptions, Run, Site
from harness.plugins import hookimpl

_FORMATS = (
    ("terminal", ".txt", "grid, verdict and findings", "terminal:render_terminal"),
    ("details", ".details.txt", "everything known of each cell", "cell_view:render_details"),
    ("html", ".html", "one file to send to people", "html_report.page:render_html"),
    ("markdown", ".md", "for a comment on a pull request", "markdown_report:render_markdown"),
    ("github", ".github.txt", "annotations of GitHub Actions", "github_report:render_github"),
    ("junit", ".junit.xml", "a test case for each cell", "junit_report:render_junit"),
    ("csv", ".csv", "every value that was observed", "csv_report:render_csv"),
    ("issue", ".issue.md", "a bug report about one cell", "issue_report:render_issue"),
    ("drop-in", ".drop-in.txt", "whether a backend replaces another one", "drop_in_report:render_drop_in"),
    ("drop-in-markdown", ".drop-in.md", "that as a table for a README", "drop_in_report:render_markdown"),
    ("drop-in-badge", ".drop-in.svg", "that as a badge for a README", "drop_in_report:render_badge"),
    ("pyperf", ".pyperf.json", "figures for `pyperf compare_to`", "benchmark_formats:render_pyperf"),
    ("asv", ".asv.json", "figures as a file of results of asv", "benchmark_formats:render_asv"),
    ("json", ".json", "everything, for programs", "json_report:render_json"),
)
"""Name, suffix, summary, and the function that makes it."""


def _read_json(text: bytes) -> Run:
    from .json_reader import read_json

    return read_json(text)


_READERS = {"json": _read_json}
"""By name of the format."""


@hookimpl
def harness_renderers() -> list[Renderer]:
    """Bring the built-in formats."""
    return [
        Renderer(
            name=name,
            summary=summary,
            suffix=suffix,
            render=_Late(place),
            read=_READERS.get(name),
            render_site=_SITES.get(name),
        )
        for name, suffix, summary, place in _FORMATS
    ]


def _render_site(site: Site) -> Mapping[str, str]:
    from .html_report.site import render_site

    return render_site(site)


_SITES = {"html": _render_site}


class _Late:
    """A render function that is imported when it is called."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __call__(self, run: Run, comparison: Comparison, options: RenderOptions) -> str:
        module, _, name = self._place.partition(":")
        render = getattr(import_module(f".{module}", __package__), name)
        return str(render(run, comparison, options))
