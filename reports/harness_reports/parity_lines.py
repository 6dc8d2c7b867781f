"""Context of a ratio: whether both sides did the same work, and the share of the adapter."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import BackendCard, CellSummary, Run, ScenarioCard

from .safe_text import clean, shorten

_VALUE_LENGTH = 60


def describe_parity(cell: CellSummary, scenario: str, run: Run) -> Iterator[str]:
    """Yield the parity fields with their values, emulated capabilities, and the cost of the adapter."""
    card = next((card for card in run.started.scenarios if card.name == scenario), None)
    if card is None:
        return
    for key in card.parity:
        if key in cell.values:
            yield f"{clean(key)}: {shorten(clean(cell.values[key]), _VALUE_LENGTH)}"
    for backend in run.started.backends:
        if backend.label in cell.roles:
            yield from _describe_adapter(backend, card)


def _describe_adapter(backend: BackendCard, card: ScenarioCard) -> Iterator[str]:
    for capability in card.requires:
        if capability in backend.offers:
            yield f"{clean(capability)} {clean(backend.offers[capability])}"
    if card.name in backend.implements:
        yield f"{clean(backend.label)} brings its own implementation of the scenario"
    if card.name in backend.costs:
        yield f"adapter: {clean(backend.costs[card.name])}"
