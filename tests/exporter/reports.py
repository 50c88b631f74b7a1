"""Reports of runs over one location, made by the exporter's own code."""

from collections.abc import Sequence
from typing import Any

from exporter.config import Config
from exporter.google.errors import Failure, FailureKind
from exporter.run.report import Report
from exporter.steps.compare import Expectations
from exporter.steps.read import Stream
from exporter.steps.write import Written
from tests.exporter.worlds import EUROPE, IN_EUROPE

DENIED = Failure(FailureKind.PERMISSION_DENIED, "no.", "Grant it.")
DOWN = Failure(FailureKind.UNAVAILABLE, "down.", "Wait.")


def config(**sections: Any) -> Config:
    """Return a config that watches the location; ``sections`` are its other parts."""
    return Config.model_validate(
        {"metrics": {"project": "metrics-prod"}, "sources": [IN_EUROPE], **sections}
    )


def report(*streams: Stream, required: Sequence[str] = (), **parts: Any) -> Report:
    """Return the report of a run that read the location and wrote everything."""
    whole = config(required=required)
    at = Expectations(whole, 0).compare(EUROPE, whole.sources[0], streams)
    return empty_report(read={EUROPE: at}, **parts)


def empty_report(**parts: Any) -> Report:
    """Return a report that says nothing but the given parts."""
    nothing = {"timestamp": 0, "problems": {}, "seconds": 0.1, "calls": 5}
    return Report(**{**nothing, "written": Written(24), **parts})


def unread(failure: Failure = DOWN) -> Report:
    """Return the report of a run that could not read the location."""
    return empty_report(unread={EUROPE: failure})
