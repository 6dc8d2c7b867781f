"""Event loops from the package index, and their known differences."""
