"""The raw-threads backend."""
