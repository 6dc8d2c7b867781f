"""`harness plugin new`: what it refuses."""

import pytest

from harness.cli.exits import Exit
from harness.testing.skeleton import KINDS, STYLES, Skeleton


@pytest.mark.parametrize("name", ["Abc", "a_b", "-a", "a--b", "1a", "a b", "a/b", "", "harness-"])
def test_a_name_that_no_distribution_has(harness, tmp_path, name):
    """One line says what is allowed, and nothing is written."""
    code, out, err = harness("plugin", "new", "--kind", "backend", "--", name)
    assert (code, out) == (Exit.USAGE, "")
    assert "it takes lower-case letters, digits and single dashes" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        ("backend", "trio", "a plugin 'trio' is there already, of runtime-harness"),
        ("scenario", "channel", "a scenario 'channel' is there already"),
        ("renderer", "html", "a renderer 'html' is there already"),
        ("executor", "nice", "an executor 'nice' is there already"),
        ("perturbation", "gc", "a perturbation 'gc' is there already"),
    ],
)
def test_a_name_that_is_taken(harness, tmp_path, kind, name, line):
    """It would be refused when it is loaded, so it is refused here."""
    code, _, err = harness("plugin", "new", name, "--kind", kind)
    assert code == Exit.USAGE
    assert line in err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(harness, tmp_path):
    """A folder of that name stays as it is."""
    (tmp_path / "harness-mine").mkdir()
    code, _, err = harness("plugin", "new", "mine", "--kind", "scenario")
    assert code == Exit.USAGE
    assert "cannot write harness-mine: it is there already" in err
    assert list((tmp_path / "harness-mine").iterdir()) == []


def test_a_folder_that_cannot_be_made(harness, tmp_path):
    """One line, no traceback."""
    (tmp_path / "file").touch()
    code, _, err = harness("plugin", "new", "mine", "--kind", "scenario", "--out", "file/below")
    assert code == Exit.USAGE
    assert err.startswith("harness: cannot write file/below/harness-mine")


@pytest.mark.parametrize("kind", KINDS)
def test_the_prefix_of_a_distribution_is_no_part_of_the_name(kind):
    """`harness-mine` is `mine`."""
    assert list(Skeleton(kind, "harness-mine").texts()) == list(Skeleton(kind, "mine").texts())


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_is_filled_in(kind):
    """Paths and texts name the distribution."""
    texts = dict(Skeleton(kind, "two-words").texts())
    assert 'name = "harness-two-words"' in texts["pyproject.toml"]
    assert 'two-words = "harness_two_words.plugin"' in texts["pyproject.toml"]
    assert "src/harness_two_words/plugin.py" in texts
    assert [path for path in texts if "PACKAGE" in path or path.endswith(".template")] == []


@pytest.mark.parametrize("style", STYLES[1:])
def test_a_style_without_coroutines(style):
    """The same files, over raw threads, in the words of the style."""
    texts = dict(Skeleton("backend", "mine", style).texts())
    assert texts.keys() == dict(Skeleton("backend", "mine").texts()).keys()
    assert f"each task is a {style}" in texts["src/harness_mine/backend.py"]
    assert "asyncio" not in texts["src/harness_mine/backend.py"] + texts["src/harness_mine/plugin.py"]


def test_a_style_is_one_of_backends(harness):
    """Another kind of plugin has no tasks."""
    code, _, err = harness("plugin", "new", "mine", "--kind", "renderer", "--style", "thread")
    assert code == Exit.USAGE
    assert "--style is about backends; a renderer has none" in err
