"""Measure the cost of the harness and write `docs/reference/costs.md`.

    python benchmarks/costs.py            the long form: about an hour on a quiet machine of two cores
    python benchmarks/costs.py --quick    a few minutes, to see that it runs; its figures say little
    python benchmarks/costs.py --only transparency --only scale

Runs all benchmarks of `LONG`, one after another. The page is made anew from their results;
with `--only` the other sections stay as they are. Everything is bounded and on loopback.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import overhead, scale, startup, transparency, warm
from benchmarks.sections import Section
from harness.host.machine import describe_environment

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "costs.md"
HEAD = """# Cost of the harness

Made by `python benchmarks/costs.py` (`--quick`: a short form whose figures say little; `--only NAME`: one section).
Every figure is a ratio or a curve, measured side by side on the machine that its section names; run it to have yours.
The programs that cells are held against are in `benchmarks/native/`: written by hand, without the harness.
"""

LONG: dict[str, Callable[[], Section]] = {
    "startup": lambda: startup.measure(30),
    "warm": lambda: warm.measure(30),
    "transparency": lambda: transparency.measure(150, seconds=35 * 60),
    "overhead": lambda: overhead.measure(10),
    "scale": lambda: scale.measure(scale.SIZES),
}
QUICK: dict[str, Callable[[], Section]] = {
    "startup": lambda: startup.measure(6),
    "warm": lambda: warm.measure(6),
    "transparency": lambda: transparency.measure(6, quick=True),
    "overhead": lambda: overhead.measure(1, rounds=2),
    "scale": lambda: scale.measure(scale.QUICK),
}
_SECTION = re.compile(r"^<!-- (\w+) -->\n(.*?)^<!-- end -->\n", re.MULTILINE | re.DOTALL)


def read_sections(page: str) -> dict[str, str]:
    """Return the sections that a page has, by the name of their benchmark."""
    return {found.group(1): found.group(2) for found in _SECTION.finditer(page)}


def make_page(sections: Mapping[str, str]) -> str:
    """Return the page with these sections, in the order of the benchmarks."""
    parts = [f"<!-- {name} -->\n{sections[name]}<!-- end -->\n" for name in LONG if name in sections]
    return "\n".join((HEAD, *parts))


def describe_machine() -> str:
    """Return on what, and when, a section was measured."""
    facts = describe_environment()
    load = facts.get("load", "")
    said = [f"{facts[key]}" for key in ("cpu", "system", "machine") if facts.get(key)]
    cores = f"{facts.get('usable_cores', '?')} of {facts.get('cores', '?')} cores"
    python = f"Python {facts.get('python', '?')}"
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"Measured {when} on: {', '.join([*said, cores, python])}{f', load {load} before' if load else ''}."


def main() -> None:
    """Run the benchmarks and write the page."""
    parser = argparse.ArgumentParser(description="Measure the cost of the harness and write the page about it.")
    parser.add_argument("--quick", action="store_true", help="a short form, to see that it runs")
    parser.add_argument("--only", action="append", choices=tuple(LONG), help="these sections; the others stay")
    parser.add_argument("--page", type=Path, default=PAGE, help="the file to write")
    chosen = parser.parse_args()
    sections = read_sections(chosen.page.read_text(encoding="utf-8")) if chosen.page.exists() else {}
    for name, measure in (QUICK if chosen.quick else LONG).items():
        if chosen.only and name not in chosen.only:
            continue
        machine, started = describe_machine(), time.monotonic()
        section = measure()
        form = " Short form: the figures say little." if chosen.quick else ""
        sections[name] = f"{section.markdown()}\n{machine}{form}\n"
        # After each one, because a later one may fail.
        chosen.page.write_text(make_page(sections), encoding="utf-8")
        print(f"{section.plain()}\n({name} took {time.monotonic() - started:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
