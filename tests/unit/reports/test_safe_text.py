"""Text that cannot move the cursor."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_reports.safe_text import clean, clean_lines, shorten


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("planted \x1b[31merror\x1b[0m", "planted error"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]never ends", "never ends"),
        ("\x9b2Jgone", "gone"),
        ("two\nlines\r\nand\x0bmore", "two lines and more"),
        ("bell\x07 back\x08space", "bell backspace"),
        ("\u202eesrever", "esrever"),
        ("no\u00a0break", "no break"),
        ("zero\u200bwidth", "zerowidth"),
        ("half \ud800 pair", "half \N{REPLACEMENT CHARACTER} pair"),
        ("[red]markup[/red]", "[red]markup[/red]"),
        ("tab\there", "tab    here"),
        ("µ 漢字 é", "µ 漢字 é"),
        (ValueError("any object"), "any object"),
    ],
)
def test_clean(text, cleaned):
    """Escapes go, text stays."""
    assert clean(text) == cleaned


def test_lines_keep_their_indent():
    """A traceback stays a traceback."""
    assert clean_lines("Traceback:\n  File\n\tx") == ["Traceback:", "  File", "    x"]


def test_shorten():
    """What is cut off shows."""
    assert (shorten("abcdef", 6), shorten("abcdef", 4)) == ("abcdef", "abc…")


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Lu"])))
def test_nothing_that_is_not_printed(text):
    """Whatever a plugin says; and it can be encoded."""
    cleaned = clean(text)
    cleaned.encode()
    assert [character for character in cleaned if unicodedata.category(character) in {"Cc", "Cf", "Cs"}] == []
