"""For plugin authors: the contract kit, saboteurs, and what else tests a plugin."""
