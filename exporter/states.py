"""Names the states of streams, by the API's numbers."""

from enum import IntEnum


class StreamState(IntEnum):
    """The API's ``Stream.State``; it may send numbers that are not here."""

    STATE_UNSPECIFIED = 0
    NOT_STARTED = 1
    RUNNING = 2
    PAUSED = 3
    MAINTENANCE = 4
    FAILED = 5
    FAILED_PERMANENTLY = 6
    STARTING = 7
    DRAINING = 8


# States that always alert, whatever config expects
FAILURES = {StreamState.FAILED, StreamState.FAILED_PERMANENTLY}

# States that are fine for every stream; config and labels add to them
EXPECTED_BY_DEFAULT = {
    StreamState.RUNNING,
    StreamState.STARTING,
    StreamState.DRAINING,
    StreamState.MAINTENANCE,
}

# On the way to another state: neither a problem nor a recovery from one
PASSING = {StreamState.STARTING, StreamState.DRAINING}

# The states that config and the ``expected-state`` label accept, in the API's order
_NEVER = {*FAILURES, StreamState.STATE_UNSPECIFIED}
EXPECTABLE = tuple(state for state in StreamState if state not in _NEVER)


def state_name(number: int) -> str:
    """Return the API's name of a state, or ``state 9`` for an unknown number."""
    try:
        return StreamState(number).name
    except ValueError:
        return f"state {number}"
