"""Expectations that would make a run as it is expected, once each has a reason."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from harness.model import Comparison, Expectation, Finding, FindingKind

from .findings import ENDINGS


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """An expectation to write down, without a reason: only a person can give the reason for accepting a bug."""

    expectation: Expectation
    """Its reason is empty."""
    seen: str
    """The finding of the run, on one line."""


def propose_expectations(comparison: Comparison) -> tuple[Proposal, ...]:
    """Return an expectation for each difference of a run that is not expected yet."""
    proposed: dict[tuple[str, ...], Proposal] = {}
    for finding in comparison.unexpected:
        if finding.kind is FindingKind.STALE_EXPECTATION:
            continue
        for expectation in _proposals(finding):
            same = (expectation.scenario, expectation.key, expectation.value, str(expectation.finding))
            before = proposed.get(same)
            backends = dict.fromkeys((*(before.expectation.backends if before else ()), *expectation.backends))
            joined = msgspec.structs.replace(expectation, backends=tuple(backends))
            proposed[same] = Proposal(expectation=joined, seen=f"{finding.kind}: {finding.title}")
    return tuple(proposed.values())


def _proposals(finding: Finding) -> Iterator[Expectation]:
    is_ending = finding.kind in ENDINGS
    # The value of a bound is a measured number, which is another one the next time.
    has_values = is_ending or finding.values or finding.kind is FindingKind.DIVERGENCE
    for value, backends in _backends_by_value(finding).items() if has_values else (("", finding.backends),):
        yield Expectation(
            scenario=finding.row.scenario,
            backends=backends,
            key=finding.key,
            value=value,
            finding=None if finding.key or is_ending else finding.kind,
            reason="",
        )


def _backends_by_value(finding: Finding) -> dict[str, tuple[str, ...]]:
    by_value: dict[str, tuple[str, ...]] = {}
    values = frozenset(finding.values)
    for group in finding.groups:
        backends = tuple(label for label in group.backends if label in finding.backends)
        if backends and (not values or group.value in values):
            by_value[group.value] = (*by_value.get(group.value, ()), *backends)
    return by_value
