"""A hook of the site's generator: a page for each question, made from its scenario, and the list of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from harness.api import Outcomes, Scenario
from harness.model import format_value
from harness.plugins import Plugins

LIST = "reference/questions.md"
"""The page that ends with the list."""
_FOLDER = "reference/questions"


def on_files(files: Any, config: Any) -> Any:
    """Add the pages; they are reached from the list, and not from the navigation."""
    from mkdocs.structure.files import File, InclusionLevel

    for name, text in make_pages().items():
        page = File.generated(config, f"{_FOLDER}/{name}.md", content=text, inclusion=InclusionLevel.NOT_IN_NAV)
        files.append(page)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Append the list of questions to its page."""
    return f"{markdown}\n{make_list()}" if page.file.src_uri == LIST else markdown


def make_pages() -> dict[str, str]:
    """Return the page of each scenario, by its name."""
    return {scenario.name: "\n".join(_describe(scenario)) + "\n" for scenario in _scenarios()}


def make_list() -> str:
    """Return the scenarios by area, each with its question and a link to its page."""
    lines: list[str] = []
    area = ""
    for scenario in sorted(_scenarios(), key=lambda each: ("." in each.name, each.name)):
        own = scenario.name.partition(".")[0] if "." in scenario.name else "load"
        if own != area:
            area = own
            lines += ["", f"## {area}", "", "| scenario | question |", "| --- | --- |"]
        lines.append(f"| [{scenario.name}](questions/{scenario.name}.md) | {_cell(scenario.question)} |")
    return "\n".join([*lines, ""])


def _scenarios() -> list[Scenario]:
    return list(Plugins().catalogue().scenarios.values())


def _describe(scenario: Scenario) -> Iterator[str]:
    yield from (f"# {scenario.name}", "", scenario.question, "", "## Contract", "")
    yield from (f"- {sentence}" for sentence in scenario.contract)
    if scenario.requires:
        yield from ("", f"Requires: {', '.join(capability.value for capability in scenario.requires)}.")
    for key, judge in scenario.judges.items():
        if isinstance(judge, Outcomes):
            yield from ("", f"## Answers: {key}", "", "| answer | grade | reason |", "| --- | --- | --- |")
            for value, graded in judge.grades.items():
                reference = f" ({graded.reference})" if graded.reference else ""
                harm = f" [{graded.harm}]" if graded.harm else ""
                yield f"| {_cell(value)} | {graded.grade.value}{harm} | {_cell(graded.reason + reference)} |"
    if scenario.parameters:
        yield from ("", "## Parameters", "", "| parameter | default | meaning |", "| --- | --- | --- |")
        for parameter in scenario.parameters:
            unit = f" {parameter.unit}" if parameter.unit else ""
            default = f"`{format_value(parameter.default)}{unit}`"
            yield f"| `{parameter.name}` | {default} | {_cell(parameter.summary)} |"
    name = scenario.name
    yield from ("", "## Ask it", "", "```sh", f"harness run -s {name}", f"harness explain {name}", "```")
    for role, function in scenario.roles.items():
        yield from ("", f"## Code of {role}", "", "```python", inspect.cleandoc(inspect.getsource(function)), "```")


def _cell(text: str) -> str:
    """Return a text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
