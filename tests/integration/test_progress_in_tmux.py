"""The progress of a matrix in a real terminal: `pytest -m slow`, with tmux."""

import shutil
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")]

MATRIX = "matrix -s 'lock.*' -s 'group.*' -s switch --preset quick -b asyncio -b trio"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50)])
def test_every_sample_shows_bar_count_time_and_running_cells(tmp_path, width, height):
    """And the last screen is the summary."""
    socket, done = str(tmp_path / "tmux"), tmp_path / "done"
    tmux = ["tmux", "-S", socket]
    command = f"{sys.executable} -P -m harness.cli {MATRIX}; touch {done}; sleep 100"
    subprocess.run([*tmux, "new-session", "-d", "-x", str(width), "-y", str(height), command], cwd=tmp_path, check=True)
    samples = []
    try:
        deadline = time.monotonic() + 200
        while not done.exists() and time.monotonic() < deadline:
            samples.append(_capture(tmux))
            time.sleep(0.5)
        last = _capture(tmux)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    heads = [(head, sample) for sample in samples for head in sample.splitlines() if " cells  round " in head]
    assert len(heads) > 5
    for head, sample in heads:
        assert "━" in head, sample
        assert " left" in head, sample
        assert "✗" in head, sample
    assert sum("#" in sample for _, sample in heads) > len(heads) / 2
    assert "FINISHED" in last
    assert "unexpected" in last
    assert "run: .harness/runs/" in last


def _capture(tmux):
    return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout
