"""Cells that go wrong on purpose. `tests/planted/expected.json` says what must be reported for each."""
