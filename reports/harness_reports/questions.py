"""Questions about semantics in the grid: a block for each family, and in it only the questions whose answers differ.

There are many of them and mostly all backends give the same answer, so agreeing rows are counted and not listed. Where
a terminal is wide enough, a square has the answer itself; otherwise a letter with its meaning below the row.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from harness.api import Judge
from harness.model import NOT_TRIED, CellSummary, Comparison, Nature, RowSummary, Run

from .console import fill_lines
from .figures import format_count
from .grid import GridBlock, GridRow, make_lines, places_of_variants
from .safe_text import clean, shorten
from .squares import FINE, SquareText, headline_judges

_SAID = ("answered differently", "with a bug", "known", "not run on every backend")
_NATURES = (Nature.POLICY, Nature.SEMANTIC)
_INDENT = 6
_BESIDE = 5
"""Symbol and gap beside an answer."""
_LEAST_OF_ANSWER, _MOST_OF_ANSWER, _MOST_OF_LEGEND, _MOST_OF_NAME = 16, 44, 70, 44
LETTERS = "the same letter in a row: the same answer"
NATURES = "policy: some order of steps makes the backends agree, semantic: none does"
"""Line of the legend for rows that have a nature."""


def is_question(row: RowSummary, run: Run) -> bool:
    """Return whether the headline of a row is a graded answer."""
    return _is_graded(headline_judges(run).get(row.row.scenario))


def _is_graded(judge: Judge | None) -> bool:
    return judge is not None and judge.is_graded


def make_question_blocks(run: Run, rows: Sequence[RowSummary], width: int = 0) -> list[GridBlock]:
    """Return a block for each family of questions that has one to show, and at the end one that counts the rest.

    Args:
        run: the run.
        rows: questions.
        width: of the terminal; where it is 0, letters stand for answers and their meaning is left to the findings.
    """
    places = places_of_variants(run.started.plan)
    room = _room_for_answers(rows, places, width)
    blocks, alike = [], 0
    for family, grouped in groupby(rows, key=lambda row: row.row.scenario.partition(".")[0]):
        lines: list[GridRow] = []
        questions = list(grouped)
        for row in questions:
            shown = _put_answers(list(make_lines(row, None, name_row(row), places)), row, room, width)
            if all(square.symbol == FINE and not square.figure for line in shown for square in line.squares.values()):
                alike += 1
            else:
                lines += shown
        if lines:
            caption = describe_answers(questions)
            blocks.append(GridBlock(heading=f"{clean(family)}.*", caption=caption, rows=tuple(lines)))
    if alike:
        text = f"{format_count(alike, 'question')} more: the same answer on all backends"
        blocks.append(GridBlock(heading=text, caption="", rows=()))
    return blocks


def describe_answers(questions: Sequence[RowSummary]) -> str:
    """Count a family's questions by what their rows show: each is counted once, for the most that it says."""
    counts: Counter[str] = Counter()
    natures: Counter[Nature | None] = Counter()
    for row in questions:
        if name_answers(row):
            counts["answered differently"] += 1
            natures[row.nature] += 1
        elif any(cell.is_unexpected for cell in row.cells):
            counts["with a bug"] += 1
        elif any(cell.known for cell in row.cells):
            counts["known"] += 1
        elif any(cell.outcome in NOT_TRIED for cell in row.cells):
            counts["not run on every backend"] += 1
    said = [f"{counts[what]} {what}" for what in _SAID if counts[what]]
    if explained := [f"{natures[nature]} {nature}" for nature in _NATURES if natures[nature]]:
        said[0] += f" ({', '.join(explained)})"
    return f"{', '.join(said) or 'all answered alike'} of {format_count(len(questions), 'question')}"


def name_row(row: RowSummary) -> str:
    """Return the name of a question with the nature of its difference, if it has one."""
    return f"{clean(row.row)} ({row.nature})" if row.nature in _NATURES and name_answers(row) else clean(row.row)


def has_letters(blocks: Sequence[GridBlock]) -> bool:
    """Return whether letters stand for answers in any square."""
    return any(row.notes for block in blocks for row in block.rows)


def _put_answers(lines: Sequence[GridRow], row: RowSummary, room: int, width: int) -> list[GridRow]:
    """Return the lines of a row with its answers: in words if they can be told apart there, otherwise with letters.

    Args:
        lines: of the row and its idioms.
        row: the question.
        room: characters of a square; 0 where there are too few for words.
        width: of the terminal; 0 leaves the meaning of letters to the findings.
    """
    answers = list(name_answers(row))
    short = {answer: shorten(clean(answer), room) for answer in answers}
    if room and len(set(short.values())) == len(answers):
        return [_with_words(line, row, short) for line in lines]
    *first, last = (with_letters(line, row) for line in lines)
    return [*first, replace(last, notes=tuple(_legend_of(row, width - _INDENT)) if width else ())]


def _with_words(line: GridRow, row: RowSummary, short: Mapping[str, str]) -> GridRow:
    answers = {cell.label: _answers_of(cell, row) for cell in row.cells}
    squares = {
        column: replace(square, figure=short.get(answers.get(line.labels.get(column, column), ""), ""))
        for column, square in line.squares.items()
    }
    return replace(line, squares=squares)


def _room_for_answers(rows: Sequence[RowSummary], places: Mapping[str, tuple[str, str]], width: int) -> int:
    """Return how long an answer may be in a square, or 0 where too little is left to read it."""
    columns = {places.get(cell.label, (cell.label, ""))[0] for row in rows for cell in row.cells}
    names = max((len(str(row.row)) for row in rows), default=0)
    room = (width - min(names, _MOST_OF_NAME) - _INDENT) // max(len(columns), 1) - _BESIDE
    return min(room, _MOST_OF_ANSWER) if room >= _LEAST_OF_ANSWER else 0


def _legend_of(row: RowSummary, width: int) -> list[str]:
    texts = [f"{letter} {shorten(clean(answer), _MOST_OF_LEGEND)}" for answer, letter in name_answers(row).items()]
    return fill_lines([shorten(text, width) for text in texts], width)


def with_letters(line: GridRow, row: RowSummary) -> GridRow:
    """Return a line of the grid with the letter of its answer in each square, if there are several answers."""
    letters = name_answers(row)
    answers = {cell.label: _answers_of(cell, row) for cell in row.cells}
    squares: dict[str, SquareText] = {}
    for column, square in line.squares.items():
        label = line.labels.get(column, column)
        squares[column] = replace(square, figure=letters.get(answers.get(label, ""), ""))
    return replace(line, squares=squares)


def name_answers(row: RowSummary) -> dict[str, str]:
    """Return a letter for each set of answers that was seen in a row; nothing if there is only one."""
    seen = list(dict.fromkeys(answer for cell in row.cells if (answer := _answers_of(cell, row))))
    return dict(zip(seen, string.ascii_uppercase, strict=False)) if len(seen) > 1 else {}


def _answers_of(cell: CellSummary, row: RowSummary) -> str:
    """Return the set of answers as one text; how often each was seen is for the finding to say."""
    return " | ".join(sorted(cell.frequencies.get(row.headline, {})))


def split_questions(run: Run, comparison: Comparison) -> tuple[list[RowSummary], list[RowSummary]]:
    """Return the rows that are measured, and those that are questions."""
    judges = headline_judges(run)
    measured: list[RowSummary] = []
    questions: list[RowSummary] = []
    for row in comparison.rows:
        is_asked = _is_graded(judges.get(row.row.scenario))
        (questions if is_asked else measured).append(row)
    return measured, questions
