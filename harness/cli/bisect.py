"""`harness bisect`: the smallest number from which something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.model import NothingSelectedError, UsageError

from .exits import Exit
from .plain import say
from .selection import build_request, selection_options
from .state import State
from .stored import out_option


@click.command()
@selection_options
@click.option("--vary", required=True, metavar="NAME=FROM..TO", help="Parameter and range to search.")
@out_option
@click.pass_obj
def bisect(state: State, /, vary: str, out: Path, **chosen: Any) -> int:
    """Find the smallest parameter value at which a cell goes wrong.

    Each step is a run with its evidence; it is bad if it has an unexpected finding. The range is doubled from below
    until a step is bad, then halved. Where the bad is not certain, --rounds asks several times at each step.

    \b
    Examples:
      harness bisect -b asyncio:loop=rloop -s storm --param mode=burst --vary connections=1..5000
      harness bisect -b uvloop -b trio -s timeout-select --vary timers=1..10000 --rounds 3
    """
    from harness.journal import RunStore
    from harness.session import run_session

    from .running import describe_missing

    name, low, high = parse_range(vary)
    store = RunStore(out)
    found: dict[int, str] = {}

    def is_bad(number: int) -> bool:
        parameters = (*chosen["parameters"], f"{name}={number}")
        request = build_request(preset="", **{**chosen, "parameters": parameters})
        outcome = run_session(request, state.plugins, state.catalogue, store)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if missing := describe_missing(outcome):
            raise NothingSelectedError(missing)
        bad = outcome.comparison.unexpected
        found[number] = f"{bad[0].kind}: {bad[0].title}" if bad else ""
        say(f"{name}={number}: {found[number] or 'fine'}  ({outcome.folder.name})")
        return bool(bad)

    if not chosen["scenarios"]:
        raise UsageError("no scenario is named; name one with --scenario NAME (harness list scenarios shows them)")
    smallest = find_smallest(is_bad, low, high)
    if smallest is None:
        say(f"nothing goes wrong up to {name}={max(found)}")
        return Exit.OK
    say(f"goes wrong from {name}={smallest} on: {found[smallest]}")
    return Exit.FINDINGS


def parse_range(text: str) -> tuple[str, int, int]:
    """Return name, least and most of `name=1..100`.

    Raises:
        UsageError: it is no range of whole numbers.
    """
    name, _, bounds = text.partition("=")
    low, dots, high = bounds.partition("..")
    if not name or not dots or not low.isdecimal() or not high.isdecimal() or int(low) > int(high):
        raise UsageError(
            f"cannot read --vary {text!r}: it is not NAME=FROM..TO with whole numbers, such as tasks=1..1000"
        )
    return name, int(low), int(high)


def find_smallest(is_bad: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the smallest bad number from `low` to `high`, if every larger one is bad too; nothing if none is bad.

    Asks about few numbers: doubles the distance from `low` until one is bad, then halves the rest.
    """
    good, step = low - 1, 1
    bad = low
    while not is_bad(bad):
        if bad == high:
            return None
        good, bad, step = bad, min(high, bad + step), step * 2
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if is_bad(middle) else (middle, bad)
    return bad
