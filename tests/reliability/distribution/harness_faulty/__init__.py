"""Cells and plugins that the reliability tests need. `docs/reference/reliability.md` says what must happen."""
