"""The progress display of a terminal: fixed columns, every running cell, and the time that is left."""

import io
import random

import pytest
from rich.cells import cell_len
from rich.console import Console

from harness.cli.live_display import LiveDisplay, describe_seconds
from harness.cli.time_left import TimeLeft
from harness.model import (
    Cell,
    CellFinished,
    CellProgressed,
    CellResult,
    CellRetried,
    CellStarted,
    Outcome,
    Plan,
    Request,
    RoleBackend,
    RunExtended,
    RunResumed,
    RunStarted,
)

from ..compare.run_builder import spec


def planned(scenario, backend="trio", number=1, **fields):
    return Cell(scenario=scenario, roles=(RoleBackend("main", spec(backend)),), round=number, **fields)


def started(cells, **request):
    plan, made = Plan(cells=tuple(cells), seed=0), Request(**request)
    return RunStarted(run_id="r", started_at="", request=made, plan=plan, scenarios=(), backends=())


def finished(cell, outcome=Outcome.COMPLETED, seconds=1.0, reason=""):
    return CellFinished(result=CellResult(cell_id=cell.id, outcome=outcome, seconds=seconds, reason=reason))


class Screen:
    """A display on a terminal of a given width, whose clock a test moves."""

    def __init__(self, width, **options):
        self.now = 0.0
        self.file = io.StringIO()
        console = Console(file=self.file, width=width, force_terminal=False)
        self.display = LiveDisplay(console, clock=lambda: self.now, **options)

    def see(self, *events):
        for event in events:
            self.display(event)

    @property
    def lines(self):
        return [line.plain for line in self.display.draw(self.now + 10).renderables]


CELLS = [
    planned("stream.a-question-with-a-very-long-name-that-goes-on", f"b{n}", parameters=(("way", "x" * 60),))
    for n in range(4)
]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_bar_count_time_and_running_cells_are_always_there(width):
    """However long the names of the cells are: they are cut from the left, because their end tells most."""
    screen = Screen(width)
    screen.see(started([*CELLS, *(planned("x", number=n) for n in range(1, 1400))]))
    screen.see(*(CellStarted(cell_id=cell.id, pids={}) for cell in CELLS))
    screen.see(CellProgressed(cell_id=CELLS[0].id, seconds=7.2, progress=12_345))
    head, *running = screen.lines
    assert all(cell_len(line) < width for line in screen.lines)
    assert "━" in head
    assert "   0/1403 cells  round 1" in head
    assert "about 47 min left" in head
    assert "✗ 0  H 0  – 0" in head
    assert len(running) == 4
    assert running[0].endswith("@b0#1 7 s, 12,345 done")
    assert running[3].endswith("@b3#1")


def test_each_drawing_has_a_running_cell():
    """Also where one cell runs at a time: the end of it is drawn with the start of the next."""
    screen = Screen(80)
    drawn = []
    screen.display.live.update = lambda group, refresh: drawn.append([line.plain for line in group.renderables])
    cells = [planned("x", number=n) for n in range(1, 50)]
    screen.see(started(cells))
    for cell in cells:
        screen.see(CellStarted(cell_id=cell.id, pids={}))
        screen.now += 0.3
        screen.see(finished(cell))
        screen.now += 0.001
    assert len(drawn) > 40
    assert drawn.pop(0)[1:] == ["  starting the next cells"]
    assert {len(lines) for lines in drawn} == {2}
    assert all("x@trio#" in lines[1] for lines in drawn)


def test_columns_stay_where_they_are():
    """Whatever runs, and however far the run is."""
    screen = Screen(100)
    cells = [planned("short", number=n) for n in range(1, 200)]
    screen.see(started(cells))
    places = set()
    for cell in cells:
        screen.see(CellStarted(cell_id=cell.id, pids={}))
        places.add((screen.lines[0].index("/199 cells"), screen.lines[0].index(" left")))
        screen.see(finished(cell))
    assert len(places) == 1


def test_problems_are_printed_above_and_counted():
    """Each by its kind; a capability that is missing is none."""
    screen = Screen(120)
    cells = [planned("x", number=n) for n in range(1, 6)]
    outcomes = (Outcome.HUNG, Outcome.CRASHED, Outcome.UNSUPPORTED, Outcome.COMPLETED)
    screen.see(started(cells))
    screen.see(*(finished(cell, outcome, reason="why\x1b[2J") for cell, outcome in zip(cells, outcomes, strict=False)))
    assert screen.file.getvalue().splitlines()[:2] == ["hung: x@trio#1: why?[2J", "crashed: x@trio#2: why?[2J"]
    assert "✗ 1  H 1  – 1" in screen.lines[0]
    assert "4/5 cells" in screen.lines[0]


def test_a_cell_that_is_run_again_says_so():
    """Which retry of how many, which repeat of one that was disturbed; a retry that waits is not running."""
    cell = planned("x", retries=2)
    screen = Screen(80)
    start = CellStarted(cell_id=cell.id, pids={})
    screen.see(started([cell]), start, start)
    assert screen.lines[1:] == ["  x@trio#1 (repeat 1)"]
    screen.see(CellRetried(result=finished(cell, Outcome.HUNG).result, attempt=1))
    assert screen.lines[1:] == ["  starting the next cells"]
    screen.see(start, CellProgressed(cell_id=cell.id, seconds=2, progress=3))
    assert screen.lines[1:] == ["  x@trio#1 (retry 1/2) 2 s, 3 done"]


def test_what_is_planned_later_is_counted():
    """In a run with a budget, and in one that is resumed."""
    screen = Screen(80)
    cells = [planned("x", number=n) for n in range(1, 4)]
    screen.see(started(cells[:1]), RunExtended(cells=tuple(cells[1:])))
    assert "0/3 cells" in screen.lines[0]
    screen = Screen(80)
    screen.see(RunResumed(resumed_at="", cells=7))
    assert "0/7 cells" in screen.lines[0]


# --- time left ---

SHARED = tuple(f"question-{n}" for n in range(40))
LOADS = {"quick": 0.4, "usual": 2.0, "slow": 6.0}
BACKENDS = ("asyncio", "uvloop", "trio", "curio", "threads")


def simulate(rounds, lanes=4, seed=1):
    """Yield the events of a run with their times, and at the end the time that it took.

    Questions run side by side in each round, at 60 % of the pace that the lanes allow; loads run alone and scatter.
    """
    source = random.Random(seed)
    everything = [
        planned(name, backend, n + 1) for n in range(rounds) for name in (*SHARED, *LOADS) for backend in BACKENDS
    ]
    yield 0.0, started(everything)
    now = 0.0
    shared = [cell for cell in everything if cell.scenario in SHARED]
    for several in _batched(shared, lanes):
        for cell in several:
            yield now, CellStarted(cell_id=cell.id, pids={})
        for cell in several:
            now += 0.5 / lanes / 0.6
            yield now, finished(cell, seconds=0.5)
    for cell in everything:
        if cell.scenario in LOADS:
            yield now, CellStarted(cell_id=cell.id, pids={})
            seconds = LOADS[cell.scenario] * source.uniform(0.7, 1.4)
            now += seconds + 0.2
            yield now, finished(cell, seconds=seconds)


def _batched(items, size):
    for place in range(0, len(items), size):
        yield items[place : place + size]


@pytest.mark.parametrize("rounds", [1, 10])
def test_time_left_is_right_within_a_factor_of_two(rounds):
    """From a fifth of the time on, with what the last run took."""
    events = list(simulate(rounds))
    whole = events[-1][0]
    known = LOADS | dict.fromkeys(SHARED, 0.7)
    left = TimeLeft(SHARED, 4, known)
    wrong = []
    for place, (now, event) in enumerate(events):
        left.see(event, now)
        truth = whole - now
        if 0.2 * whole <= now and truth > 2 and place % 50 == 0:
            estimate = left.estimate(now)
            wrong += [] if truth / 2 <= estimate <= truth * 2 else [(now, truth, estimate)]
    assert wrong == []


def test_the_first_cells_do_not_decide_the_pace():
    """They were disturbed and run again, so that three times as long passed as they took."""
    left = TimeLeft((), 1, {})
    cells = [planned("x", number=n) for n in range(1, 21)]
    left.see(started(cells), 0)
    now = 0.0
    for place, cell in enumerate(cells):
        left.see(CellStarted(cell_id=cell.id, pids={}), now)
        now += 6.0 if place < 3 else 2.0
        left.see(finished(cell, seconds=2.0), now)
        truth = 2.0 * (len(cells) - place - 1)
        assert truth / 2 <= left.estimate(now) <= truth * 2


def test_a_long_cell_has_less_left_the_longer_it_runs():
    """The estimate never falls below a tenth of the expected duration."""
    left = TimeLeft((), 1, {"x": 60.0})
    cell = planned("x")
    left.see(started([cell]), 0)
    left.see(CellStarted(cell_id=cell.id, pids={}), 0)
    assert [round(left.estimate(now)) for now in (0, 30, 50, 90)] == [60, 30, 10, 6]


def test_a_budget_is_the_least_that_is_left():
    """More rounds are planned until it is over."""
    left = TimeLeft((), 1, {})
    cell = planned("x")
    left.see(started([cell], budget=100.0), 0)
    left.see(CellStarted(cell_id=cell.id, pids={}), 0)
    left.see(finished(cell, seconds=1), 1)
    assert left.estimate(10) == 90
    assert TimeLeft((), 1, {}).estimate(0) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "about 1 s"), (45, "about 45 s"), (200, "about 3 min"), (7200, "about 2.0 h")]
)
def test_time_has_no_more_digits_than_are_known(seconds, text):
    """It is an estimate."""
    assert describe_seconds(seconds) == text


def test_a_budget_that_bounds_the_run_is_all_that_is_left():
    """Whatever is planned: it is left out."""
    left = TimeLeft((), 1, {})
    left.see(started([planned(name) for name in "abcdefgh"], budget=10.0, bounded=True), 0)
    assert left.estimate(4) == 6
    assert left.estimate(11) == 0
