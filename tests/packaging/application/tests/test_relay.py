"""Tests of the application, which know nothing of harness."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import relay


def test_jobs_are_doubled():
    assert asyncio.run(relay.double([1, 2, 3])) == [2, 4, 6]


def test_the_backlog_is_small():
    assert asyncio.run(relay.backlog()) <= 1
