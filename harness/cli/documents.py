"""What commands write as JSON, as types: the published schemas are made from them.

`python -m harness.cli.documents FOLDER` writes the schemas; `docs/reference/schemas/` has them. The report's schema
is the renderer's (`harness_reports.json_schema`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from harness.api import Backend, Perturbation, Scenario
from harness.compare.transitions import RunChanges
from harness.model import Executor
from harness.model.schema import clean_descriptions
from harness.plugins import find_problem
from harness.testing.check import CheckReport, Verdict
from harness.testing.hot_path import OperationCost

FORMAT = 1
"""Changes when a reader of the old documents would misread the new ones."""


class ListedScenario(msgspec.Struct, frozen=True, kw_only=True):
    """An item of `harness list scenarios --json`."""

    name: str
    question: str
    contract: tuple[str, ...]
    roles: tuple[str, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> ListedScenario:
        """Return the listed fields of a scenario."""
        return cls(
            name=scenario.name, question=scenario.question, contract=scenario.contract, roles=tuple(scenario.roles)
        )


class ListedExecutor(msgspec.Struct, frozen=True, kw_only=True):
    """An item of `harness list executors --json`."""

    name: str
    summary: str
    problem: str
    """Why it cannot be used on this host; empty if it can."""

    @classmethod
    def of(cls, executor: Executor) -> ListedExecutor:
        """Return the listed fields of an executor."""
        return cls(name=executor.name, summary=executor.summary, problem=find_problem(executor))


class ListedPerturbation(msgspec.Struct, frozen=True, kw_only=True):
    """An item of `harness list perturbations --json`."""

    name: str
    value: str
    """Form of its value, e.g. `=N`; empty if it takes none."""
    summary: str

    @classmethod
    def of(cls, perturbation: Perturbation) -> ListedPerturbation:
        """Return the listed fields of a perturbation."""
        return cls(name=perturbation.name, value=perturbation.value, summary=perturbation.summary)


class CheckedQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """One question in the output of `harness plugin check --json`."""

    question: str
    about: str
    verdict: Verdict
    error: str
    promise: str
    where: str
    known: str
    summary: str


class CheckDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `harness plugin check --json` writes."""

    backend: str
    passed: bool
    held: int
    asked: int
    findings: tuple[CheckedQuestion, ...]
    costs: tuple[OperationCost, ...]

    @classmethod
    def of(cls, report: CheckReport) -> CheckDocument:
        """Return a check as it is written."""
        return cls(
            backend=report.backend,
            passed=report.passed,
            held=report.held,
            asked=report.asked,
            findings=tuple(
                CheckedQuestion(**msgspec.structs.asdict(finding), summary=finding.summary)
                for finding in report.findings
            ),
            costs=report.costs,
        )


class ChangesDocument(RunChanges, frozen=True, kw_only=True):
    """What `harness compare A B --format json` writes."""

    regression: bool
    format: int = FORMAT

    @classmethod
    def of(cls, changes: RunChanges) -> ChangesDocument:
        """Return a comparison of two runs as it is written."""
        return cls(**msgspec.structs.asdict(changes), regression=changes.is_regression)


SCHEMAS: dict[str, Any] = {
    "backends": list[Backend],
    "scenarios": list[ListedScenario],
    "executors": list[ListedExecutor],
    "perturbations": list[ListedPerturbation],
    "plugin-check": CheckDocument,
    "compare": ChangesDocument,
}
"""By the name of the published file."""


def encode(document: object) -> str:
    """Return a document as JSON to print, with control and invisible characters escaped."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return "".join(each if each.isprintable() or each == "\n" else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def schema_text(name: str) -> str:
    """Return a schema as it is published."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"harness {name}"}
    return encode(head | clean_descriptions(msgspec.json.schema(SCHEMAS[name]))) + "\n"


if __name__ == "__main__":
    for each in SCHEMAS:
        (Path(sys.argv[1]) / f"{each}.json").write_text(schema_text(each))
