"""A known difference: the value to be seen, on which backends, under which conditions, and why."""

from __future__ import annotations

import datetime as dt
import re

import msgspec

from .comparison import FindingKind


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A divergence that is expected. While its conditions hold it has to occur: one that does not is a finding.

    Names of scenarios and backends may be globs (`*` and `?`; brackets stand for themselves).
    """

    scenario: str
    """Name of the scenario."""
    backends: tuple[str, ...]
    """Columns on which it occurs. Their variants and the backends derived from them inherit it: it may occur there."""
    reason: str
    """Why it occurs."""
    reference: str = ""
    """Where that is written down, e.g. the issue."""
    excluding: tuple[str, ...] = ()
    """Backends and variants that do not inherit it."""
    key: str = ""
    """Observation key; empty for the outcome of the cell (`value = "hung"`), or `finding` names the kind of finding."""
    value: str = ""
    """The value that is seen; empty is any that makes a finding."""
    finding: FindingKind | None = None
    """Only findings of this kind."""
    parameters: dict[str, str | int | float | bool] = {}
    """Only rows with these values."""
    when: dict[str, str] = {}
    """Only where these hold: `python`, `cores` or a distribution with a version specifier (PEP 440), `system`."""
    sometimes: bool = False
    """It may occur; that it does not is nothing to report."""
    expires: dt.date | None = None
    """From this day on it is not expected any more, so that it gets reviewed."""
    source: str = ""
    """The plugin or file that it comes from; set when it is read."""

    @property
    def text(self) -> str:
        """The expected value and its place, on one line."""
        seen = " = ".join(part for part in (self.key or (self.finding or ""), self.value) if part)
        return f"{self.scenario} on {', '.join(self.backends)}: {seen or 'a finding'}"


class KnownBreach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clause of the Runtime contract that a runtime itself is known to break, so that no adapter can mend it.

    While its conditions hold it has to be broken: one that holds is stale.
    """

    clause: str
    """The question as `harness plugin check` puts it."""
    backends: tuple[str, ...]
    """Specs of the backends; `*` and `?` stand for anything."""
    reason: str
    """Why it is broken."""
    reference: str = ""
    """Where the reason is written down, e.g. the issue."""
    when: dict[str, str] = {}
    """As of an expectation; versions are those of this environment."""
    sometimes: bool = False
    """It may be broken; that it holds is nothing to report."""
    expires: dt.date | None = None
    """From this day on it is not known any more, so that it gets reviewed."""
    source: str = ""
    """The plugin or file that it comes from; set when it is read."""

    @property
    def text(self) -> str:
        """Why it is broken, and where that is written down."""
        return f"{self.reason} ({self.reference})" if self.reference else self.reason


def matches_glob(text: str, pattern: str) -> bool:
    """Return whether a name matches a pattern in which only `*` and `?` stand for something else."""
    # Not fnmatch: the brackets of a label are no character class.
    words = {"*": ".*", "?": "."}
    return (
        re.fullmatch("".join(words.get(part) or re.escape(part) for part in re.split(r"([*?])", pattern)), text)
        is not None
    )
