"""Storms in which something is broken on purpose, on real processes."""
