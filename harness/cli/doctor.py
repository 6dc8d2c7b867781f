"""`harness doctor`: is this host fit for a run?"""

from __future__ import annotations

from collections.abc import Callable

import click

from harness.host.machine import check_host

from .env import describe_registered
from .plain import say
from .progress import open_noise_progress
from .state import State


def _describe_limits(name: str, limits: Callable[[], str]) -> str:
    try:
        return f"✓ {name:16} {limits()}"
    except Exception as exc:  # noqa: BLE001 - a plugin cannot break the doctor
        return f"! {name:16} unknown: {type(exc).__name__}: {exc}"


@click.command()
@click.pass_obj
def doctor(state: State) -> None:
    """Check this host for limits and noise that affect runs.

    \b
    Examples:
      harness doctor
    """
    with open_noise_progress(colourless=state.colourless) as tick:
        facts = check_host(tick, state.catalogue.backends.values())
    for fact in facts:
        mark = "!" if fact.advice else "✓"
        say(f"{mark} {fact.name:16} {fact.value}")
        if fact.advice:
            say(f"  {'':16} → {fact.advice}")
    state.warn_about_broken_plugins()
    for scenario in state.catalogue.scenarios.values():
        if scenario.limits is not None:
            say(_describe_limits(scenario.name, scenario.limits))
    for line in describe_registered():
        say(f"{'!' if 'cannot be used' in line else '✓'} env {line}")
    warned = sum(bool(fact.advice) for fact in facts)
    say("everything is fine" if not warned else f"{warned} of {len(facts)} checks need attention; runs will still work")
