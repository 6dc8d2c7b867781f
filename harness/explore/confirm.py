"""Run a failing program again on the unmodified runtime: alone, in its own order, on the real clock."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.api import Subject

from .clauses import Clause
from .failure import Failure
from .posix import Page, Send, end_if_slow, run_in_child
from .script import MOST_LINES, Dialect, render_script

if TYPE_CHECKING:
    from .batch import Batch

STOCK = "stock"
"""It fails on the runtime as it is."""
REACHABLE = "reachable"
"""It fails under an order of steps that the runtime's documentation allows."""
_STOCK_RUNS = 40
_MOST_LOSSES = 3
_SECONDS = 0.8
_SCRIPT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What holds of a failure."""

    label: str
    stock: str
    """`n of m` runs on the runtime as it is."""
    script: str = ""
    """A stand-alone script in the runtime's own words; empty where there is no way to write one."""
    script_fails: bool = False
    """Whether the script was run, and exits with 1."""


def confirm(batch: Batch, subject: Subject, failure: Failure, advance: Callable[[], None]) -> Confirmation:
    """Return how often a failure shows on the runtime as it is, and a script of it."""
    failed, ran = _count_on_stock(batch, failure, advance)
    script, fails = _find_script(subject, failure, advance)
    return Confirmation(
        label=STOCK if failed or fails else REACHABLE,
        stock=f"{failed} of {ran}",
        script=script,
        script_fails=fails,
    )


def _count_on_stock(batch: Batch, failure: Failure, advance: Callable[[], None]) -> tuple[int, int]:
    """Return how many of some runs on the unmodified runtime failed. A run that is stuck ends its process."""
    seen: list[Any] = []
    ends_process = failure.clause in (Clause.HANG, Clause.CRASH, Clause.MEMORY)
    losses = 0

    def take(message: Any) -> None:
        advance()
        seen.append(message)

    while len(seen) < _STOCK_RUNS and losses < _MOST_LOSSES:
        left = _STOCK_RUNS - len(seen)
        ending = run_in_child(
            lambda send, page, left=left: _run_on_stock(batch, failure, left, send, page),  # type: ignore[misc]
            take,
            hang_after=3 * _SECONDS,
            memory=256 << 20,
        )
        losses += bool(ending.reason)
        if ending.reason and ends_process:
            seen.append({"clause": failure.clause})
        if not ending.reason:
            break
    return sum(message["clause"] == failure.clause for message in seen), max(len(seen), losses)


def _run_on_stock(batch: Batch, failure: Failure, count: int, send: Send, page: Page) -> None:
    trial = batch.make_stock_trial()

    def give_up() -> None:
        # Everything was cancelled, and the run has not ended: a virtual clock would report it as stuck.
        if trial.play is not None:
            trial.play.judge_stuck()
            send({"clause": trial.play.found and trial.play.found[0]})

    for number in range(count):
        page.number = number
        end_if_slow(_SECONDS, give_up)
        send({"clause": trial.run(failure.native, "native 0").clause})
    end_if_slow(0)


def _find_script(subject: Subject, failure: Failure, advance: Callable[[], None]) -> tuple[str, bool]:
    """Return a script of a failure, and whether it fails; of several ways to say it, one that does."""
    script = ""
    for text in write_scripts(subject, failure):
        advance()
        script = script or text
        if run_script(text):
            return text, True
    return script, False


def write_scripts(subject: Subject, failure: Failure) -> Iterator[str]:
    """Yield a failure as a script in the runtime's own words, in each way that its dialect has and few lines allow."""
    if subject.dialect:
        module, _, name = subject.dialect.partition(":")
        dialect: Dialect = getattr(importlib.import_module(module), name)(subject.options)
        for each in (dialect, *dialect.others):
            text = render_script(failure, each)
            if text and text.count("\n") <= MOST_LINES:
                yield text


def run_script(text: str) -> bool:
    """Return whether a script reproduces its failure: its exit code is 1, and it has printed its expectation."""
    command = [sys.executable, "-W", "ignore", "-c", text]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SCRIPT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 1 and "expected:" in done.stdout
