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
        Renderer(name="json", summary="everything, for programs", suffix=".json", render=_render_json),
    ]


def _render_terminal(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .terminal import render_terminal

    return render_terminal(run, comparison, options)


def _render_details(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .cell_view import render_details

    return render_details(run, comparison, options)


def _render_json(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    from .json_report import render_json

    return render_json(run, comparison, options)
