"""Existing test suites on each backend: a test is a row, and its own runner runs it with the backend in force.

`collect` and `batch` start worker processes, which are cells to everything that watches a cell; `worker` runs in them,
with `pytest_runner` or `unittest_runner`. `tests` makes the rows, `stage` runs the cells of a plan.
"""
