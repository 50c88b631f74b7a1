"""The comment at the top of a policy file."""

from __future__ import annotations

from lab.policies.header import parse_header


def test_the_three_paragraphs_are_found() -> None:
    """Each is one text without its beginning, whatever stands around them and in which order."""
    found = parse_header(
        "# A line for the editor.\n#\n"
        "# Catches, by a count: a thing\n# that fails.\n#\n"
        "# How it can be wrong: it does not.\n#\n"
        "# Why these numbers: none.\n"
        "displayName: A\n# Catches: another.\n"
    )

    assert found == ("by a count: a thing that fails.", "none.", "it does not.")
    assert found.missing == ()


def test_what_is_missing_is_known() -> None:
    """A file of comments alone, and one without any, lack what they do not say."""
    assert parse_header("# Catches: a thing.").missing == (
        "Why these numbers:",
        "How it can be wrong:",
    )
    assert parse_header("displayName: A").missing == (
        "Catches",
        "Why these numbers:",
        "How it can be wrong:",
    )
