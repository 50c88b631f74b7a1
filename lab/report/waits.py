"""How soon pages come, as ``policies time-to-page --json`` tells it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Wait(NamedTuple):
    """How long the page for a change takes, in whole seconds.

    Attributes:
        change: What happens.
        policy: The policy that pages for it.
        mode: How the exporter runs.
        worst: The longest time measured.
        median: The usual one.
        bound: What it may take at most.
        kept: Whether it never took longer.
        polling: What a script takes at most that polls; None: it never pages.
    """

    change: str
    policy: str
    mode: str
    worst: int
    median: int
    bound: int
    kept: bool
    polling: int | None


def waits(document: dict[str, Any]) -> tuple[Wait, ...]:
    """Return the times of a document, in its order."""
    return tuple(
        Wait(
            each["change"],
            each["policy"],
            each["mode"],
            each["worst_seconds"],
            each["median_seconds"],
            each["bound_seconds"],
            each["kept"],
            each["polling_seconds"],
        )
        for each in document["times"]
    )
