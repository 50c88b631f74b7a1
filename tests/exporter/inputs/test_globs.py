"""Which globs match, and which never can."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.inputs import globs

IDS = st.text("abc-1.", min_size=1, max_size=6)
NAMES = st.builds("projects/{}/locations/{}/streams/{}".format, IDS, IDS, IDS)


@given(st.data(), NAMES)
def test_glob_that_matches_a_name_can_match(data: st.DataObject, name: str) -> None:
    """No glob is refused that matches some stream's name."""
    glob = name
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(glob)))
        end = data.draw(st.integers(start, len(glob)))
        glob = glob[:start] + data.draw(st.sampled_from(["*", "?", "[a-z/]", "[!x]"])) + glob[end:]

    if fnmatch.fnmatchcase(name, glob):
        assert globs.can_match_a_stream(glob)
        assert globs.can_match_a_stream(glob, ["other", name.split("/")[1]])


@given(st.text("projects/locatinme*?[]!-", max_size=40), NAMES)
@example("*", "projects/a/locations/b/streams/c")
def test_glob_that_cannot_match_matches_nothing(glob: str, name: str) -> None:
    """A glob that is refused matches no stream's name."""
    if not globs.can_match_a_stream(glob):
        assert not fnmatch.fnmatchcase(name, glob)


@pytest.mark.parametrize(
    ("glob", "possible"),
    [
        ("*", True),
        ("projects/*", True),
        ("*orders*", True),
        ("projects/*/locations/*/streams/orders-*", True),
        ("project?/a/locations/[a-z]/streams/[!a]", True),
        ("*/streams/a", True),
        ("orders-*", False),
        ("", False),
        ("projects/*/streams", True),  # a stream of the id "streams"
        ("projects/*/streams/", False),
        ("projects/*/locations/*/streams/", False),
        ("projects//locations/*/streams/a", False),
        ("/projects/*", False),
        ("projects/a/location/*", False),
        ("[z-a]*", False),
    ],
)
def test_impossible_globs_are_known(glob: str, *, possible: bool) -> None:
    """Globs that can match a full name are accepted, others are not."""
    assert globs.can_match_a_stream(glob) is possible


def test_glob_of_another_project_cannot_match() -> None:
    """A glob that names one project matches no stream of another."""
    assert globs.can_match_a_stream("projects/a/*", ["b", "a"])
    assert not globs.can_match_a_stream("projects/a/*", ["b", "ab"])
    assert not globs.can_match_a_stream("projects/a/*", [])


@given(st.lists(st.text("ab*?[]!-^\\.", max_size=6), min_size=1, max_size=3), IDS)
def test_matcher_matches_what_any_glob_matches(some: list[str], text: str) -> None:
    """Several globs compiled together match what one of them matches."""
    found = globs.matcher(some).match(text)

    assert bool(found) == any(fnmatch.fnmatchcase(text, glob) for glob in some)
