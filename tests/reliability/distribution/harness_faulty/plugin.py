"""Offers the scenarios and, where a variable of the environment asks for it, a hook that raises."""

import os

from harness.api import Scenario
from harness.model import Comparison, Renderer, RenderOptions, Run, RunEvent
from harness.plugins import hookimpl
from harness_faulty.hostile import HOSTILE
from harness_faulty.scenarios import FAULTY

RAISES = os.environ.get("FAULTY_HOOK", "")
"""`hook:exception`; that hook raises that exception."""
EXCEPTIONS = {"error": ValueError("planted \x1b[31merror"), "exit": SystemExit(0)}


if os.environ.get("FAULTY_PAGE"):
    import harness_reports.html_report.page as _page

    _page.render_html = lambda *_: 1 / 0


def fail_if_asked(hook: str) -> None:
    name, _, kind = RAISES.partition(":")
    if name == hook:
        raise EXCEPTIONS[kind]


@hookimpl
def harness_scenarios() -> list[Scenario]:
    fail_if_asked("harness_scenarios")
    return [*FAULTY, *(HOSTILE if os.environ.get("FAULTY_NAMES") else [])]


@hookimpl
def harness_backends() -> list[object]:
    fail_if_asked("harness_backends")
    return []


@hookimpl
def harness_expected_divergences() -> list[object]:
    fail_if_asked("harness_expected_divergences")
    return []


@hookimpl
def harness_on_event(event: RunEvent) -> None:
    fail_if_asked("harness_on_event")


@hookimpl
def harness_cli(group: object) -> None:
    fail_if_asked("harness_cli")


@hookimpl
def harness_renderers() -> list[Renderer]:
    fail_if_asked("harness_renderers")
    return [Renderer(name="faulty", summary="raises", suffix=".faulty", render=render)]


def render(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Fail as a plugin's renderer may."""
    raise EXCEPTIONS[os.environ.get("FAULTY_RENDERER", "error")]
