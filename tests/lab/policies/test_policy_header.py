"""The comment at the top of a policy file."""

from __future__ import annotations

from lab.policies.header import parse_header


def test_the_three_paragraphs_are_found() -> None:
    """Each without its beginning, in any order and among other comments."""
    found = parse_header(
        "# A line for the editor.\n#\n"
        "# Catches, by a count: a thing\n# that fails.\n#\n"
        "# How it can be wrong: it does not.\n#\n"
        "# Why these numbers: none.\n"
        "displayName: A\n# Catches: another.\n"
    )

    assert found == ("by a count: a thing that fails.", "none.", "it does not.")
    assert found.missing == ()


def test_missing_paragraphs_are_found() -> None:
    """In a file of comments only, and in one without a comment."""
    assert parse_header("# Catches: a thing.").missing == (
        "Why these numbers:",
        "How it can be wrong:",
    )
    assert parse_header("displayName: A").missing == (
        "Catches",
        "Why these numbers:",
        "How it can be wrong:",
    )
