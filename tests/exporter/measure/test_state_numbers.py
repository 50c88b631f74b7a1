"""The names of states: the API's own, as Google's client has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.cloud.datastream_v1 import BackfillJob, PrivateConnection, Stream
from hypothesis import given
from hypothesis import strategies as st

from exporter.measure import metrics
from exporter.states import (
    EXPECTABLE,
    EXPECTED_BY_DEFAULT,
    FAILURES,
    BackfillState,
    StreamState,
    state_name,
)

if TYPE_CHECKING:
    from enum import IntEnum


def numbers(enum: type[IntEnum] | Any) -> dict[str, int]:
    """Return an enum's members as plain names and numbers."""
    return {member.name: int(member) for member in enum}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(StreamState, Stream.State), (BackfillState, BackfillJob.State)],
    ids=["stream", "backfill"],
)
def test_states_are_the_client_s_own(ours: type[IntEnum], theirs: Any) -> None:
    """Every name and every number is the one that Google's client has, none more, none less."""
    assert numbers(ours) == numbers(theirs)


@pytest.mark.parametrize(
    ("metric", "theirs"),
    [("stream/state", Stream.State), ("private_connection/state", PrivateConnection.State)],
)
def test_descriptions_tell_what_each_number_means(metric: str, theirs: Any) -> None:
    """The description of a state's metric names each number of the API, in its order."""
    meanings = [
        f"{number} {name.removeprefix('STATE_').replace('_', ' ').lower()}"
        for name, number in numbers(theirs).items()
    ]
    assert ", ".join(meanings) in metrics()[metric].description


def test_every_state_is_a_failure_expectable_or_unspecified() -> None:
    """A state either pages whatever is expected, or can be expected, or says nothing at all."""
    assert set(StreamState) == {*FAILURES, *EXPECTABLE, StreamState.STATE_UNSPECIFIED}
    assert not FAILURES & set(EXPECTABLE)
    assert set(EXPECTABLE) >= EXPECTED_BY_DEFAULT


@given(st.integers())
def test_every_number_has_a_name(number: int) -> None:
    """A number that the client knows has the API's name, any other is told as a number."""
    known = {value: name for name, value in numbers(Stream.State).items()}
    assert state_name(number) == known.get(number, f"state {number}")
