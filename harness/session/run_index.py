"""The index of stored runs: derived from their journals, and made again wherever it is missing, stale or damaged.

A SQLite file in the folder of runs. Journals stay the record: a run whose journal has another size or time than the
index noted is read again; a run that is gone is dropped.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness.compare import compare
from harness.journal import JOURNAL_NAME, RunStore, read_run
from harness.model import CellRecord, Comparison, JournalError, Run

INDEX_NAME = "index.db"
_VERSION = 2
"""Of the tables; an index of another version is made again."""
_TABLES = """
CREATE TABLE runs (
    name TEXT PRIMARY KEY, size INTEGER, time_ns INTEGER, started_at TEXT, seconds REAL, rows INTEGER, cells INTEGER,
    labels TEXT, unexpected INTEGER, known INTEGER, incomplete TEXT, request TEXT, versions TEXT, problem TEXT
);
CREATE TABLE figures (
    run TEXT, row TEXT, label TEXT, key TEXT, unit TEXT, better TEXT, median REAL, low REAL, high REAL, rounds INTEGER,
    versions TEXT
);
CREATE TABLE costs (run TEXT, scenario TEXT, seconds REAL, cells INTEGER);
CREATE INDEX figures_by_row ON figures (row, label);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedRun:
    """A stored run at a glance."""

    name: str
    started_at: str
    seconds: float
    rows: int
    cells: int
    labels: tuple[str, ...]
    unexpected: int
    known: int
    incomplete: str
    request: str
    """As JSON; runs with the same text ran the same selection."""
    versions: dict[str, str]
    """Of Python and of the runtimes."""
    problem: str
    """Why its journal cannot be read; empty for a readable one."""

    @property
    def verdict(self) -> str:
        """The result in a few words."""
        if self.problem:
            return "unreadable"
        if self.unexpected:
            return f"{self.unexpected} unexpected"
        return "incomplete" if self.incomplete else "nothing unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFigure:
    """The headline of a row on a backend in a run: the median of its rounds, the least and the most of them."""

    run: str
    row: str
    label: str
    key: str
    unit: str
    better: str
    median: float
    low: float
    high: float
    rounds: int
    versions: dict[str, str]
    """Of Python and of the runtime, in this column."""


class RunIndex:
    """The index of a folder of runs, brought up to date when it is opened."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._database = _open(store.root)
        self._update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def runs(self) -> list[IndexedRun]:
        """Return every run, oldest first."""
        found = {
            name: IndexedRun(
                name=name,
                labels=tuple(json.loads(labels)),
                versions=json.loads(versions),
                started_at=started_at,
                seconds=seconds,
                rows=rows,
                cells=cells,
                unexpected=unexpected,
                known=known,
                incomplete=incomplete,
                request=request,
                problem=problem,
            )
            for (
                name, _, _, started_at, seconds, rows, cells, labels, unexpected, known, incomplete, request, versions,
                problem,
            ) in self._database.execute("SELECT * FROM runs")
        }  # fmt: skip
        return [found[folder.name] for folder in self._store.runs() if folder.name in found]

    def figures(self) -> list[IndexedFigure]:
        """Return every figure, in the order of the runs."""
        order = {folder.name: place for place, folder in enumerate(self._store.runs())}
        names = ("run", "row", "label", "key", "unit", "better", "median", "low", "high", "rounds")
        found = [
            IndexedFigure(**dict(zip(names, line, strict=True)), versions=json.loads(versions))
            for *line, versions in self._database.execute("SELECT * FROM figures")
        ]
        return sorted(found, key=lambda figure: (figure.row, figure.label, order.get(figure.run, -1)))

    def costs(self) -> dict[str, float]:
        """Return the mean seconds of a cell of each scenario, over all runs."""
        lines = self._database.execute("SELECT scenario, SUM(seconds) / SUM(cells) FROM costs GROUP BY scenario")
        return dict(lines.fetchall())

    def _update(self) -> None:
        known = {
            name: (size, time_ns)
            for name, size, time_ns in self._database.execute("SELECT name, size, time_ns FROM runs")
        }
        present = {folder.name: (folder, _stamp(folder)) for folder in self._store.runs()}
        stale = [name for name in known if name not in present or known[name] != present[name][1]]
        new = [name for name in present if name not in known or name in stale]
        with suppress(sqlite3.OperationalError), self._database:  # a folder that is read-only keeps its old index
            for name in stale:
                for table, column in (("runs", "name"), ("figures", "run"), ("costs", "run")):
                    self._database.execute(f"DELETE FROM {table} WHERE {column} = ?", (name,))  # noqa: S608 - our own
            for name in new:
                self._add(*present[name])

    def _add(self, folder: Path, stamp: tuple[int, int]) -> None:
        try:
            run = read_run(folder)
            comparison = compare(run)
        except JournalError as exc:
            line = (folder.name, *stamp, "", 0.0, 0, 0, "[]", 0, 0, "", "", "{}", str(exc))
            self._database.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(line))})", line)  # noqa: S608
            return
        facts = (folder.name, *stamp, *_facts_of(run, comparison), "")
        self._database.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(facts))})", facts)  # noqa: S608
        self._database.executemany(
            "INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _figures_of(folder.name, run, comparison)
        )
        self._database.executemany("INSERT INTO costs VALUES (?, ?, ?, ?)", _costs_of(folder.name, run))


def _open(root: Path) -> sqlite3.Connection:
    """Return the database of a folder, made anew if it is missing, damaged or of another version."""
    for path in (str(root / INDEX_NAME), ":memory:"):
        with suppress(sqlite3.Error, OSError):
            return _connect(path)
    return _connect(":memory:")


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == _VERSION:
            database.execute("SELECT name FROM runs LIMIT 1")
            return database
    except sqlite3.DatabaseError:  # no database
        version = -1
    if version:
        database.close()
        Path(path).unlink()
        database = sqlite3.connect(path)
    database.executescript(_TABLES)
    database.execute(f"PRAGMA user_version = {_VERSION}")
    return database


def _stamp(folder: Path) -> tuple[int, int]:
    found = (folder / JOURNAL_NAME).stat()
    return found.st_size, found.st_mtime_ns


def _facts_of(run: Run, comparison: Comparison) -> tuple[object, ...]:
    started = run.started
    cells = sum(sum(cell.outcomes.values()) for row in comparison.rows for cell in row.cells)
    return (
        started.started_at,
        run.last.elapsed if run.last is not None else 0.0,
        len(comparison.rows),
        cells,
        json.dumps(comparison.labels),
        len(comparison.unexpected),
        len(comparison.known),
        comparison.incomplete,
        describe_selection(run),
        json.dumps(_versions_of(run.records)),
    )


def describe_selection(run: Run) -> str:
    """Return the selection of a run, as a text that is the same for runs of the same selection."""
    request = run.started.request
    chosen = (request.backends, request.scenarios, request.parameters, request.preset, request.perturb)
    return json.dumps([*map(list, chosen[:3]), chosen[3], list(chosen[4])], default=str)


def _versions_of(records: Iterable[CellRecord]) -> dict[str, str]:
    versions: dict[str, str] = {}
    for record in records:
        for role in record.result.roles:
            if role.attestation is not None:
                versions |= {"python": role.attestation.python, **role.attestation.versions}
    return versions


def _figures_of(name: str, run: Run, comparison: Comparison) -> Iterator[Sequence[object]]:
    by_label: dict[str, list[CellRecord]] = {}
    for record in run.records:
        by_label.setdefault(record.cell.label, []).append(record)
    versions = {label: json.dumps(_versions_of(records)) for label, records in by_label.items()}
    # A figure of a forked process is a first impression of its run, and no step of a series.
    forked = {
        (record.cell.row, record.cell.label)
        for record in run.records
        if any(role.is_forked for role in record.result.roles)
    }
    for row in comparison.rows:
        for cell in row.cells:
            if (figure := cell.headline) is not None and (row.row, cell.label) not in forked:
                values = (figure.median, min(figure.values), max(figure.values), len(figure.values))
                yield (
                    name,
                    str(row.row),
                    cell.label,
                    row.headline,
                    figure.unit,
                    figure.better,
                    *values,
                    versions[cell.label],
                )


def _costs_of(name: str, run: Run) -> Iterator[Sequence[object]]:
    seconds: dict[str, list[float]] = {}
    for record in run.records:
        if record.result.seconds:
            seconds.setdefault(record.cell.scenario, []).append(record.result.seconds)
    return ((name, scenario, sum(values), len(values)) for scenario, values in seconds.items())
