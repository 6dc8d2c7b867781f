"""Figures in the formats of pyperf and asv."""

import json

import pytest

from harness.api import metric
from harness_reports.benchmark_formats import render_asv, render_pyperf

from ..compare.run_builder import a_run, cell
from .sample_runs import show

NAME = "drain[n=1] trio (took)"


def a_run_of(unit, *values, better="lower"):
    """Return a run in which trio has a figure in each round."""
    cells = (cell("trio", observed={"took": v}, round=n, parameters={"n": 1}) for n, v in enumerate(values, 1))
    return a_run(*cells, judges={"took": metric(unit, better=better)}, headline="took")


def test_pyperf_reads_its_file(tmp_path):
    """A value for each round, in seconds."""
    pyperf = pytest.importorskip("pyperf")
    file = tmp_path / "run.json"
    file.write_text(show(render_pyperf, a_run_of("ms", 5, 6, 7)))
    (benchmark,) = pyperf.BenchmarkSuite.load(str(file)).get_benchmarks()
    assert benchmark.get_name() == NAME
    assert benchmark.get_values() == pytest.approx((0.005, 0.006, 0.007))
    assert benchmark.get_unit() == "second"


@pytest.mark.parametrize(
    ("unit", "better", "value", "seconds"),
    [("µs", "lower", 5, 5e-6), ("1/s", "higher", 200, 0.005), ("MiB/s", "higher", 3, None), ("s", "lower", 0, None)],
)
def test_times_and_rates_are_seconds(unit, better, value, seconds):
    """A figure in another unit is left out, and one that no logarithm has."""
    suite = json.loads(show(render_pyperf, a_run_of(unit, value, better=better)))
    found = [run["values"] for benchmark in suite["benchmarks"] for run in benchmark["runs"]]
    assert found == ([] if seconds is None else [[pytest.approx(seconds)]])


def test_asv_has_its_columns():
    """As many as are named; the median, the spread and the samples are there."""
    document = json.loads(show(render_asv, a_run_of("ms", 5, 6, 7, 8)))
    result = dict(zip(document["result_columns"], document["results"][NAME], strict=True))
    assert result["result"] == [pytest.approx(0.0065)]
    assert (result["stats_ci_99_a"], result["stats_ci_99_b"]) == ([0.005], [0.008])
    assert result["samples"] == [[0.005, 0.006, 0.007, 0.008]]
    assert document["version"] == 2
