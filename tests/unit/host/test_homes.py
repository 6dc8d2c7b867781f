"""Paths below a home directory begin with `~` wherever a run is stored or shown."""

import msgspec
import pytest

from harness.host import homes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ann/x.py", "~/x.py"),
        ('File "/home/ann/x.py", line 3', 'File "~/x.py", line 3'),
        ("in /home/ann.", "in ~."),
        ("a=/home/ann:/home/ann/bin", "a=~:~/bin"),
        ("file:///home/ann/x", "file://~/x"),
        ("/home/anna/x /home/ann-2 /home/ann.old/x", "/home/anna/x /home/ann-2 /home/ann.old/x"),
        ("/mnt/home/ann/x", "/mnt/home/ann/x"),
        ("nothing", "nothing"),
    ],
)
def test_a_home_is_shortened(monkeypatch, text, shown):
    """As the start of a path, and nowhere else."""
    monkeypatch.setenv("HOME", "/home/ann")
    assert homes.shorten_home(text) == shown


def test_in_json(monkeypatch):
    """Also a home whose name JSON writes in another way."""
    monkeypatch.setenv("HOME", '/home/a"n\tn')
    line = msgspec.json.encode({"at": '/home/a"n\tn/x'})
    assert msgspec.json.decode(homes.shorten_homes(line)) == {"at": "~/x"}


def test_a_home_that_is_the_root_is_none(monkeypatch):
    """As that of many containers."""
    monkeypatch.setenv("HOME", "/")
    assert homes.shorten_home("/etc/x") == "/etc/x"
