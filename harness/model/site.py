"""Several stored runs as one site: the input of a renderer."""

from __future__ import annotations

import msgspec

from .comparison import Comparison
from .run import Run


class SiteRun(msgspec.Struct, frozen=True, kw_only=True):
    """A stored run in the list of a site: its `name`, when it began (`started_at`), and its `verdict`."""

    name: str
    started_at: str
    extent: str
    """Rows, cells and backends, or the reason why the run is unreadable."""
    verdict: str
    page: str = ""
    """File of its page in the site; empty if it has none."""


class SeriesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A figure in a run, or the figures in an environment: `median`, and the least (`low`) and the most (`high`)."""

    place: str
    """Name of the run, or versions of the environment."""
    median: float
    low: float
    high: float
    figures: int
    """Rounds of the run, or runs in the environment."""


class SeriesStep(msgspec.Struct, frozen=True, kw_only=True):
    """A change that lasts."""

    place: str
    """The run in which it began."""
    ratio: float
    """From before to after."""
    text: str
    """The factor, its direction, the run, and the versions that changed there."""


class FigureSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a row on a backend over runs or environments.

    `row`, `label`, `key`, `unit` and `better` are those of the figure; `points` are in the order of the axis, and
    `steps` are the changes that last.
    """

    row: str
    label: str
    key: str
    unit: str
    better: str
    points: tuple[SeriesPoint, ...]
    steps: tuple[SeriesStep, ...] = ()


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The `runs` of a site, the latest last; the `latest` one that can be read is there as a whole.

    `run` and `comparison` are of the latest one. Figures are there as series: `over_runs` and `over_environments`.
    """

    runs: tuple[SiteRun, ...]
    latest: SiteRun
    run: Run
    comparison: Comparison
    over_runs: tuple[FigureSeries, ...]
    over_environments: tuple[FigureSeries, ...]
