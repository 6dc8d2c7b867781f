"""The matrix of the page: a line for each row, a square for each backend, with a symbol and a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.api import Judge
from harness.model import Comparison, RowSummary, Run
from harness_reports.grid import GridRow, make_lines, name_rows, places_of_variants
from harness_reports.pairs_grid import has_pairs, name_row
from harness_reports.questions import describe_answers, name_answers, split_questions, with_letters
from harness_reports.safe_text import clean, shorten
from harness_reports.squares import FINE, UNLIKE, SquareText, caption_of, describe_square, headline_judges

from .anchors import cell_anchor, scenario_anchor

_ANSWER_LENGTH = 90
_TONES = {"green": "ok", "cyan": "may", "dim": "off", "yellow": "odd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixSquare:
    """A square, and the place in the page that tells everything of it."""

    label: str
    anchor: str
    symbol: str
    word: str
    tone: str
    """`ok`, `may`, `odd`, `bad` or `off`: a class of the style sheet; never the only sign."""
    figure: str = ""
    is_best: bool = False
    share: str = ""
    ratio: str = ""
    interval: str = ""
    verdict: str = ""
    order: float | None = None
    """Sort key of the column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixLine:
    """A row of the comparison, or the idioms that were run beside it."""

    name: str
    answers: tuple[str, ...]
    squares: tuple[MatrixSquare | None, ...]
    """One for each column."""
    is_alike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixBlock:
    """The lines of a scenario, or of a family of questions."""

    heading: str
    anchor: str
    caption: str
    lines: tuple[MatrixLine, ...]

    @property
    def is_alike(self) -> bool:
        """Whether no line of it shows a difference."""
        return all(line.is_alike for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All blocks have the same columns."""

    columns: tuple[str, ...]
    measured: tuple[MatrixBlock, ...]
    questions: tuple[MatrixBlock, ...]
    pairs: tuple[PairsGrid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsGrid:
    """A server in each line, a client in each column."""

    title: str
    clients: tuple[str, ...]
    lines: tuple[tuple[str, tuple[MatrixSquare | None, ...]], ...]


def make_matrix(run: Run, comparison: Comparison) -> Matrix:
    """Return the matrix of a run."""
    measured, questions = split_questions(run, comparison)
    alone = [row for row in measured if not has_pairs(row)]
    variants = places_of_variants(run.started.plan)
    used = {cell.label for row in (*alone, *questions) for cell in row.cells}
    columns = tuple(label for label in comparison.labels if label in used and label not in variants)
    return Matrix(
        columns=columns,
        measured=tuple(_measured_blocks(run, alone, columns)),
        questions=tuple(_question_blocks(run, questions, columns)),
        pairs=tuple(_make_pairs(run, [row for row in measured if has_pairs(row)])),
    )


def make_square(square: SquareText, row: RowSummary, label: str) -> MatrixSquare:
    """Return a square as the page shows it."""
    headline = next((cell.headline for cell in row.cells if cell.label == label), None)
    return MatrixSquare(
        label=label,
        anchor=cell_anchor(row.row, label),
        symbol=square.symbol,
        word="ok" if square.symbol == FINE else square.meaning,
        tone=_TONES.get(square.style, "bad"),
        figure=square.figure,
        is_best=square.is_best,
        share=square.share,
        ratio=square.ratio.replace(UNLIKE, f"{UNLIKE} not the same work"),
        interval=square.interval,
        verdict=square.verdict,
        order=headline.median if headline else None,
    )


def _measured_blocks(run: Run, rows: Sequence[RowSummary], columns: Sequence[str]) -> Iterable[MatrixBlock]:
    judges, places = headline_judges(run), places_of_variants(run.started.plan)
    for scenario, grouped in groupby(rows, key=lambda row: row.row.scenario):
        several = list(grouped)
        judge = judges.get(scenario)
        names = name_rows([dict(row.row.parameters) for row in several])
        lines = [
            _make_line(line, columns, name)
            for row, name in zip(several, names, strict=True)
            for line in make_lines(row, judge, name, places)
        ]
        yield MatrixBlock(
            heading=clean(scenario),
            anchor=scenario_anchor(scenario),
            caption=caption_of(several[0], judge),
            lines=tuple(lines),
        )


def _question_blocks(run: Run, rows: Sequence[RowSummary], columns: Sequence[str]) -> Iterable[MatrixBlock]:
    places = places_of_variants(run.started.plan)
    for family, grouped in groupby(rows, key=lambda row: row.row.scenario.partition(".")[0]):
        lines: list[MatrixLine] = []
        several = list(grouped)
        for row in several:
            name = clean(row.row).removeprefix(f"{clean(family)}.")
            shown = list(make_lines(row, None, name, places))
            answers = name_answers(row)
            is_alike = not answers and all(sq.symbol == FINE for line in shown for sq in line.squares.values())
            texts = [f"{letter} {shorten(clean(answer), _ANSWER_LENGTH)}" for answer, letter in answers.items()]
            for line in shown:
                is_first = line is shown[0]
                made = _make_line(with_letters(line, row), columns, name, tuple(texts) if is_first else ())
                lines.append(MatrixLine(name=made.name, answers=made.answers, squares=made.squares, is_alike=is_alike))
        yield MatrixBlock(
            heading=f"{clean(family)}.*",
            anchor=f"family-{scenario_anchor(family)}",
            caption=describe_answers(several),
            lines=tuple(lines),
        )


def _make_line(line: GridRow, columns: Sequence[str], name: str, answers: tuple[str, ...] = ()) -> MatrixLine:
    # A sorted or filtered idiom may stand apart from its row, so it bears the row's name.
    own = name if line.name == name else f"{name}, {line.name.strip()}"
    squares = tuple(
        make_square(line.squares[column], line.summary, line.labels[column]) if column in line.squares else None
        for column in columns
    )
    is_alike = all(square.symbol == FINE for square in line.squares.values())
    return MatrixLine(name=own, answers=answers, squares=squares, is_alike=is_alike)


def _make_pairs(run: Run, rows: Sequence[RowSummary]) -> Iterable[PairsGrid]:
    judges = headline_judges(run)
    for row in rows:
        yield _pairs_grid(row, f"{clean(row.row.scenario)} {name_row(row, rows)}", judges.get(row.row.scenario))


def _pairs_grid(row: RowSummary, title: str, judge: Judge | None) -> PairsGrid:
    servers = dict.fromkeys(cell.roles[0] for cell in row.cells)
    clients = tuple(dict.fromkeys(cell.roles[-1] for cell in row.cells))
    squares = {cell.roles: make_square(describe_square(cell, row, judge), row, cell.label) for cell in row.cells}
    return PairsGrid(
        title=title,
        clients=clients,
        lines=tuple((server, tuple(squares.get((server, client)) for client in clients)) for server in servers),
    )
