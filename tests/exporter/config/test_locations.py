"""Known locations, new ones, and misspelt ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import locations
from exporter.inputs import spelling

EDITS = st.lists(st.tuples(st.integers(0, 9), st.text("abc", max_size=1)), max_size=3)
"""Where letters are replaced (or deleted), and by what."""


def test_the_known_locations_are_distinct_and_well_formed() -> None:
    """All 43 are accepted as they are."""
    assert len(set(locations.KNOWN)) == 43
    assert all(locations.check(name) == name for name in locations.KNOWN)
    assert all(locations.FORM.fullmatch(name) for name in locations.KNOWN)


@given(st.sampled_from(locations.KNOWN), st.data())
def test_location_within_two_letters_is_a_typing_error(known: str, data: st.DataObject) -> None:
    """A known location with up to two letters changed is refused, unless it is its number."""
    letters = list(known)
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(letters) - 1))
        letters[at] = data.draw(st.sampled_from(["", "x", "ab"[:1] + letters[at]]))
    name = "".join(letters)
    near = spelling.nearest_within(name, locations.KNOWN, 2)
    assert near is not None
    if name.rstrip("0123456789") == near.rstrip("0123456789") and locations.FORM.fullmatch(name):
        assert locations.check(name) == name
        return

    with pytest.raises(ValueError, match=f"did you mean {near}?"):
        locations.check(name)


@pytest.mark.parametrize(
    "name", ["antarctica-south1", "us-eastern1", "europe-west13", "us-east2", "me-west23"]
)
def test_location_that_may_be_new_is_accepted(name: str) -> None:
    """The list grows: a location far from all known ones, or with a new number, is accepted."""
    assert locations.check(name) == name
    assert not locations.is_known(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("europe-wst1", "europe-west1"),
        ("europ-west13", "europe-west1"),
        ("us-central", "us-central1"),
        ("asia-south3x", "asia-south1"),
    ],
)
def test_a_misspelled_location_is_an_error(name: str, meant: str) -> None:
    """A known location is suggested if more than the number differs, or the number is missing."""
    with pytest.raises(ValueError, match=f"did you mean {meant}?"):
        locations.check(name)


@pytest.mark.parametrize("name", ["", "global", "-", "us", "Moon-base1", "antarctica-south1-b"])
def test_what_is_no_location_is_refused(name: str) -> None:
    """A location has the form of a region."""
    with pytest.raises(ValueError, match="is not a location; write a region such as europe-west1"):
        locations.check(name)


@given(st.text("abc", max_size=6), EDITS)
def test_as_many_changes_as_were_made_are_found(word: str, edits: list[tuple[int, str]]) -> None:
    """A word is near to itself after some changes, and never nearer the other way round."""
    changed = word
    for at, letter in edits:
        changed = changed[:at] + letter + changed[at + len(letter) :]
    assert spelling.nearest_within(changed, [word], 3) == word
    for letters in range(3):
        there = spelling.nearest_within(changed, [word], letters)
        back = spelling.nearest_within(word, [changed], letters)
        assert (there is None) == (back is None)
        assert letters or (there is not None) == (word == changed)


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("PAUSD", "PAUSED"),
        ("runing", "RUNNING"),
        ("pau", "PAUSED"),
        ("pa", None),
        ("x", None),
        ("", None),
    ],
)
def test_a_similar_word_is_suggested(word: str, guess: str | None) -> None:
    """Case doesn't matter, a beginning will do, and what resembles nothing gets no suggestion."""
    assert spelling.nearest(word, ["RUNNING", "PAUSED"]) == guess


def test_very_long_word_is_near_to_nothing() -> None:
    """A guess is not worth the time where the word is absurdly long."""
    assert spelling.nearest("a" * 10_000, ["a" * 9_999]) is None
