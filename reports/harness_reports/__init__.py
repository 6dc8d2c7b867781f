"""Report formats: pure functions of a run and what it says."""
