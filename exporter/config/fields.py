"""Checks the values of config.yaml; a mistake names the value and what is allowed."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, PlainValidator, WithJsonSchema

from exporter.config import locations
from exporter.documents.mistakes import hint
from exporter.names import StreamName
from exporter.states import EXPECTABLE, FAILURES, StreamState
from exporter.text import quote

_PROJECT = r"([a-z0-9-]+(\.[a-z0-9-]+)+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_RUN_LOCATION = f"(global|{locations.FORM})"
_RUN_NAME = "[a-z][-a-z0-9]{0,62}"
# Names that know summer time. Abbreviations and offsets, such as EST and Etc/GMT+1,
# don't.
_TIME_ZONE = r"(UTC|Etc/UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]*[a-z])+)"
_CRON_FIELDS = 5
# In the years from 2000 to 2199: others overflow in some time zone, or with a window
_TIME = r"2[01]\d\d-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?"


def _text(kind: str, pattern: str | None = None) -> WithJsonSchema:
    """Describe a text for editors and for the reference, which shows its kind."""
    schema = {"type": "string", "title": kind}
    if pattern:
        schema["pattern"] = f"^{pattern}$"
    return WithJsonSchema(schema)


def _only(pattern: str, problem: str) -> Callable[[str], str]:
    """Return what accepts only text of a pattern.

    It returns the text, or raises a ValueError that names the value and its problem.
    """

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{quote(value)} {problem}")
        return value

    return check


def _formed(
    kind: str, pattern: str, problem: str
) -> tuple[AfterValidator, WithJsonSchema]:
    """Accept only text of a pattern; a mistake names the value and its problem."""
    return AfterValidator(_only(pattern, problem)), _text(kind, pattern)


def project_id(value: object) -> str:
    """Return a project's id; raise ValueError if it can't be one."""
    text = str(value)
    if text.isdecimal():
        raise ValueError(
            f"{quote(value)} is a project's number; write its id, which `gcloud"
            f" projects describe {value}` shows"
        )
    if not re.fullmatch(_PROJECT, text):
        raise ValueError(
            f"{quote(value)} is not a project id; write 6 to 30 lower-case letters,"
            " digits and hyphens, such as orders-prod"
        )
    return text


run_location = _only(
    _RUN_LOCATION, "is not a region; write one such as europe-west1, or global"
)

run_name = _only(
    _RUN_NAME, "is not a name; write up to 63 of a to z, 0 to 9 and -, a letter first"
)


def _state(value: object) -> StreamState:
    state = StreamState.__members__.get(str(value))
    if state in FAILURES:
        raise ValueError(
            f"{value} always alerts; to silence it, mute the stream, or snooze the"
            " policy"
        )
    if state not in EXPECTABLE:
        advice = hint(str(value), [each.name for each in EXPECTABLE])
        raise ValueError(f"{quote(value)} is not a state to expect; {advice}")
    return state


def _schedule(value: str) -> str:
    problem = "it needs five fields"
    if len(value.split()) == _CRON_FIELDS:
        try:
            next(CronSim(value, datetime(2024, 1, 1, tzinfo=UTC)))  # any moment will do
        except StopIteration:
            problem = "it never occurs"
        except (CronSimError, ValueError) as error:
            problem = str(error)
        else:
            return value
    raise ValueError(
        f"{quote(value)} is not a cron schedule ({problem}); write minute, hour, day of"
        ' month, month and day of week, such as "0 22 * * 6"'
    )


def _time_zone(value: object) -> ZoneInfo:
    text = str(value)
    if re.fullmatch(_TIME_ZONE, text):
        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(text)
    raise ValueError(
        f"{quote(value)} is not a time zone; write a name such as Europe/Berlin, or"
        " UTC, not an abbreviation or an offset"
    )


def _time(value: object) -> datetime:
    text = str(value)
    if re.fullmatch(_TIME, text):
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    raise ValueError(
        f"{quote(text)} is not a time between 2000 and 2200; write it as"
        " 2026-12-24T22:00:00+01:00, or 2026-12-24 or 2026-12-24T22:00 with timezone"
    )


def _stream(value: object) -> StreamName:
    name = StreamName.parse(str(value))
    if name is None:
        raise ValueError(
            f"{quote(value)} is not a stream's full name; write"
            " projects/PROJECT/locations/LOCATION/streams/STREAM"
        )
    project_id(name.project)
    return name


Project = Annotated[str, BeforeValidator(project_id), _text("project id", _PROJECT)]
Location = Annotated[
    str,
    *_formed(
        "location",
        locations.FORM,
        "is not a location; write a region such as europe-west1",
    ),
]
IdGlob = Annotated[
    str,
    *_formed(
        "glob",
        "[^/{}]+",
        "matches no stream id: an id has no slash or brace; write for example orders-*",
    ),
]
NameGlob = Annotated[
    str,
    *_formed(
        "glob",
        r"(projects/|[*?[])[^{}]*",
        "matches no stream's full name; write a glob without braces, such as"
        " projects/*/locations/*/streams/orders-*",
    ),
]
State = Annotated[
    StreamState,
    BeforeValidator(_state),
    WithJsonSchema({"enum": [state.name for state in EXPECTABLE], "title": "state"}),
]
Schedule = Annotated[str, AfterValidator(_schedule), _text("cron schedule")]
TimeZone = Annotated[
    ZoneInfo, BeforeValidator(_time_zone), _text("time zone", _TIME_ZONE)
]
Words = Annotated[str, _text("text")]
Owner = Annotated[
    str,
    *_formed(
        "text",
        r"\S(.{0,98}\S)?",
        "is not one line of 1 to 100 characters; write a name or a mention",
    ),
]
Time = Annotated[datetime, BeforeValidator(_time), _text("time", _TIME)]
RunName = Annotated[str, AfterValidator(run_name), _text("name", _RUN_NAME)]
RunLocation = Annotated[
    str, AfterValidator(run_location), _text("region", _RUN_LOCATION)
]
Endpoint = Annotated[
    str,
    *_formed(
        "host[:port]",
        r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?",
        "is not a host; write it without scheme and path, such as"
        " datastream.example.com or 10.0.0.2:443",
    ),
]
Stream = Annotated[
    StreamName,
    PlainValidator(_stream),
    _text("full stream name", "projects/[^/]+/locations/[^/]+/streams/[^/\\s]+"),
]
