"""Root causes as lines: the common causes of a run's unexpected findings, worst first."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import Comparison, RootCause

from .safe_text import clean

_MOST_CAUSES = 12
_MOST_ROWS = 3


def describe_root_causes(comparison: Comparison) -> Iterator[str]:
    """Yield a heading and a line for each cause, where there are fewer causes than findings."""
    causes, findings = comparison.root_causes, len(comparison.unexpected)
    if not causes or len(causes) >= findings:
        return
    yield f"{len(causes)} root cause{'s' * (len(causes) != 1)} of {findings} unexpected findings, the worst first:"
    yield from (describe_root_cause(number, cause) for number, cause in enumerate(causes[:_MOST_CAUSES], 1))
    if (more := len(causes) - _MOST_CAUSES) > 0:
        yield f"and {more} more"


def describe_root_cause(number: int, cause: RootCause) -> str:
    """Return a cause on one line: harm, behaviour, columns, and the first rows."""
    rows = ", ".join(clean(row) for row in cause.rows[:_MOST_ROWS])
    more = len(cause.rows) - _MOST_ROWS
    title = "; ".join(map(clean, (cause.title, *cause.symptoms)))
    return (
        f"{number}. {cause.harm}: {title} on {', '.join(map(clean, cause.backends))}: {rows}"
        + (f" and {more} more rows" if more > 0 else "")
        + (f"; {len(cause.dependent)} dependent rows" if cause.dependent else "")
    )
