"""Declare the report formats. What they need is imported when one is used."""

from __future__ import annotations

from harness.model import Comparison, Renderer, RenderOptions, Run
from harness.plugins import hookimpl


@hookimpl
def harness_renderers() -> list[Renderer]:
    """Bring the built-in formats."""
    return [
        Renderer(name="terminal", summary="grid, verdict and findings", suffix=".txt", render=_render_terminal),
        Renderer(
            name="details", summary="everything known of each cell", suffix=".details.txt", render=_render_details
        ),
        Renderer(name="html", summary="one file to send to people", suffix=".html", render=_render_html),
        Renderer(name="markdown", summary="for a comment on a pull request", suffix=".md", render=_render_markdown),
        Renderer(name="github", summary="annotations of GitHub Actions", suffix=".github.txt", render=_render_github),
        Renderer(name="junit", summary="a test case for each cell", suffix=".junit.xml", render=_render_junit),
        Renderer(name="csv", summary="every value that was observed", suffix=".csv", render=_render_csv),
        Renderer(name="issue", summary="a bug report about one cell", suffix=".issue.md", render=_render_issue),
        Renderer(name="json", summary="everything, for programs", suffix=".json", render=_render_json),
    ]


def _render_terminal(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .terminal import render_terminal

    return render_terminal(run, comparison, options)


def _render_details(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .cell_view import render_details

    return render_details(run, comparison, options)


def _render_html(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .html_report.page import render_html

    return render_html(run, comparison, options)


def _render_json(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .json_report import render_json

    return render_json(run, comparison, options)


def _render_markdown(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .markdown_report import render_markdown

    return render_markdown(run, comparison, options)


def _render_github(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .github_report import render_github

    return render_github(run, comparison, options)


def _render_junit(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .junit_report import render_junit

    return render_junit(run, comparison, options)


def _render_csv(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .csv_report import render_csv

    return render_csv(run, comparison, options)


def _render_issue(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .issue_report import render_issue

    return render_issue(run, comparison, options)
