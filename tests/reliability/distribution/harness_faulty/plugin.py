"""Offers the scenarios and, where a variable of the environment asks for it, a hook that raises."""

import json
import os
import threading
import time

from harness.api import Scenario
from harness.model import Comparison, Executor, Renderer, RenderOptions, Run, RunEvent
from harness.plugins import hookimpl
from harness_faulty.hostile import HOSTILE
from harness_faulty.scenarios import FAULTY

RAISES = os.environ.get("FAULTY_HOOK", "")
"""`hook:exception`; that hook raises that exception."""
EXCEPTIONS = {"error": ValueError("planted \x1b[31merror"), "exit": SystemExit(0)}


if os.environ.get("FAULTY_PAGE"):
    import harness_reports.html_report.page as _page

    _page.render_html = lambda *_: 1 / 0


if os.environ.get("FAULTY_THREAD"):
    threading.Thread(target=lambda: time.sleep(600), name="planted").start()


def fail_if_asked(hook: str) -> None:
    name, _, kind = RAISES.partition(":")
    if name == hook and kind in EXCEPTIONS:
        raise EXCEPTIONS[kind]
    if name == hook:
        hang(kind)


def hang(kind: str) -> None:
    """Do not return; `stubborn` code swallows every exception as well."""
    os.write(2, b"the hook is called\n")
    while True:
        try:
            time.sleep(600)
        except BaseException:
            if kind != "stubborn":
                raise


@hookimpl
def harness_scenarios() -> list[Scenario]:
    fail_if_asked("harness_scenarios")
    return [*FAULTY, *(HOSTILE if os.environ.get("FAULTY_NAMES") else [])]


@hookimpl
def harness_backends() -> list[object]:
    fail_if_asked("harness_backends")
    return []


@hookimpl
def harness_saboteurs() -> list[object]:
    fail_if_asked("harness_saboteurs")
    return []


@hookimpl
def harness_perturbations() -> list[object]:
    fail_if_asked("harness_perturbations")
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


@hookimpl
def harness_executors() -> list[Executor]:
    fail_if_asked("harness_executors")
    return [
        Executor(name="faulty", summary="starts processes wrongly", wrap=start_wrongly),
        Executor(name="lacking", summary="needs what is not here", wrap=start_wrongly, find_problem=lambda: "no moon"),
    ]


STARTED_BY = {
    1: ("env",),
    3: 7,
    4: ("no-such-program",),
    5: ("sh", "-c", '"$@"; exit $?', "sh"),
    6: ("sh", "-c", '"$@" & exit 0', "sh"),
    7: ("sh", "-c", "echo no way >&2; exit 3", "sh"),
    8: ("sh", "-c", "exec sleep 600", "sh"),
    9: ("setsid",),
}
"""What is put before the command, by the parameter `n` of its scenario."""


def start_wrongly(command: tuple[str, ...], role: str) -> tuple[str, ...]:
    """Return what an executor must not, as the scenario asks for it; nothing of a client is started."""
    before = STARTED_BY.get(json.loads(command[-1])["parameters"].get("n", 1))
    if before is None or role == "client":
        raise ValueError("planted \x1b[31merror")
    return before if isinstance(before, int) else (*before, *command)


def render(run: Run, comparison: Comparison, options: RenderOptions) -> str:
    """Fail as a plugin's renderer may."""
    raise EXCEPTIONS[os.environ.get("FAULTY_RENDERER", "error")]
