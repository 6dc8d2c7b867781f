"""One role of a cell: which interpreter runs it, how its process starts, and how the process ended."""
