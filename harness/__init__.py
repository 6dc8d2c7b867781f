"""Run the same concurrency scenario on every Python runtime and compare what happened.

This package imports nothing on purpose: a worker's start-up time is part of every measurement.
"""
