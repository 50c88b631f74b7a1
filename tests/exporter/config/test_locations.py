"""Known locations, new ones, and misspelt ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import locations
from exporter.inputs import spelling


def test_the_known_locations_are_distinct_and_well_formed() -> None:
    """All 43 are accepted as they are."""
    assert len(set(locations.KNOWN)) == 43
    assert all(locations.check(name) == name for name in locations.KNOWN)
    assert all(locations.FORM.fullmatch(name) for name in locations.KNOWN)


@given(st.sampled_from(locations.KNOWN), st.data())
def test_location_within_two_letters_is_a_typing_error(known: str, data: st.DataObject) -> None:
    """A known location with up to two letters changed is refused, with a guess."""
    letters = list(known)
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(letters) - 1))
        letters[at] = data.draw(st.sampled_from(["", "x", "ab"[:1] + letters[at]]))
    name = "".join(letters)
    if locations.is_known(name):
        return

    with pytest.raises(ValueError, match=r"did you mean|write a region") as caught:
        locations.check(name)

    if spelling.distance(known, name) <= 2:
        guess = locations.nearest(name)
        assert guess is not None
        assert guess in str(caught.value)


def test_location_that_may_be_new_is_accepted() -> None:
    """The list grows: what is far from every known location is taken as written."""
    assert locations.check("antarctica-south1") == "antarctica-south1"
    assert locations.nearest("antarctica-south1") is None


@pytest.mark.parametrize("name", ["", "global", "-", "us", "Moon-base1", "antarctica-south1-b"])
def test_what_is_no_location_is_refused(name: str) -> None:
    """A location has the form of a region."""
    with pytest.raises(ValueError, match="is not a location; write a region such as europe-west1"):
        locations.check(name)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_a_metric(one: str, two: str, three: str) -> None:
    """Distances are zero for the same word, symmetric, and never shorter by a detour."""
    assert (spelling.distance(one, two) == 0) == (one == two)
    assert spelling.distance(one, two) == spelling.distance(two, one)
    assert spelling.distance(one, three) <= (
        spelling.distance(one, two) + spelling.distance(two, three)
    )


def test_very_long_word_is_near_to_nothing() -> None:
    """A guess is not worth the time where the word is absurdly long."""
    assert spelling.nearest("a" * 10_000, ["a" * 9_999]) is None
