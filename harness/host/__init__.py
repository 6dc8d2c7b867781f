"""The machine that cells run on: its facts, its interpreters and virtual environments, its signals and its noise."""
