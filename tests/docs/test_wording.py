"""Prose names things instead of describing them: few of the constructions that make it hard to read."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AVOIDED = re.compile(
    r"\b(?:nobody|somebody|anybody|everybody)\b|\bis told\b"
    r"|\bwhat (?:it|they|is|was|the|of|a)\b|\bwho (?:is|has|was)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
SOURCES = ("harness", "backends", "scenarios", "saboteurs", "perturbations", "reports", "examples", "benchmarks")
RELEASED = "\n## [0.1.0]"
GENERATED = ROOT / "reports" / "examples"


def read_docs() -> str:
    """Return the prose of every page: no code, whose names are identifiers, no sample report, no released changes."""
    pages = [*ROOT.glob("*.md"), *(page for folder in ("docs", *SOURCES) for page in (ROOT / folder).rglob("*.md"))]
    texts = [
        page.read_text(encoding="utf-8").split(RELEASED)[0] for page in pages if not page.is_relative_to(GENERATED)
    ]
    return CODE.sub(" ", "\n".join(texts))


def read_source() -> str:
    """Return every module that is no test, with its comments and messages."""
    modules = [module for folder in SOURCES for module in (ROOT / folder).rglob("*.py")]
    return "\n".join(m.read_text(encoding="utf-8") for m in modules if "tests" not in m.relative_to(ROOT).parts)


def rate_of(text: str) -> float:
    """Return how many of the avoided constructions a text has in 1,000 words."""
    return 1000 * len(AVOIDED.findall(text)) / len(re.findall(r"[A-Za-z]+", text))


@pytest.mark.parametrize(
    ("read", "least_words", "bound"),
    [pytest.param(read_docs, 20_000, 0.3, id="docs"), pytest.param(read_source, 200_000, 0.3, id="source")],
)
def test_avoided_constructions_are_rare(read, least_words, bound):
    """The bound is a rate in 1,000 words; so few words that it holds anyway would be an oversight of the reader."""
    text = read()
    assert len(text.split()) > least_words
    assert rate_of(text) <= bound


def test_the_rate_counts_what_is_avoided():
    """Each construction once, in either case, and nothing inside other words."""
    assert rate_of("Nobody is told what it was by the one who is there") == pytest.approx(1000 * 4 / 12)
    assert rate_of("The somebodies know whatever the whole tells") == 0
