"""Mangles files: values of any kind in place of theirs."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st


def values(words: Sequence[str]) -> st.SearchStrategy[Any]:
    """Return values of any kind; texts and keys are often some of these words."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=12)
        | st.sampled_from(words)
    )
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(words), inner, max_size=4)
        ),
        max_leaves=12,
    )


def mangle(tree: Any, value: st.SearchStrategy[Any], data: st.DataObject) -> None:
    """Put values into the place of some of what a tree of mappings and lists holds."""
    for _ in range(data.draw(st.integers(1, 4))):
        place: Any = tree
        while True:
            if not place:
                break
            keys = range(len(place)) if isinstance(place, list) else list(place)
            key = data.draw(st.sampled_from(keys))
            deeper = isinstance(place[key], dict | list)
            if not deeper or not data.draw(st.booleans()):
                place[key] = data.draw(value)
                break
            place = place[key]
