"""Report formats: pure functions of a run and its comparison."""
