"""The parts of the docs that are made from the code, by the name of their block."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO, TypeAlias, get_args
from unittest.mock import patch

from google.cloud.datastream_v1 import BackfillJob, PrivateConnection
from pydantic import BaseModel

from exporter import config
from exporter.cli.exit_codes import MEANINGS
from exporter.cli.main import main as exporter_main
from exporter.gcp import cloud_run
from exporter.gcp.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from exporter.measure import definitions
from exporter.states import StreamState
from lab.cli import main as lab
from lab.emulator import world
from lab.emulator.world_events import Event
from lab.emulator.world_values import Outage, PartialWriteFormat
from lab.markdown import fenced as _fenced
from lab.markdown import table as _table
from tools import (
    appliers,
    comparison,
    cost,
    policies,
    policies_backtest,
    policies_commands,
    policies_review,
    prices,
    terraform,
)

Main: TypeAlias = Callable[[Sequence[str], Mapping[str, str], TextIO, TextIO], int]
Block: TypeAlias = Callable[[], str]

COMMANDS = {
    "datastream-exporter": (exporter_main, ("run", "watch", "check")),
    "datastream-lab": (lab.main, tuple(lab.COMMANDS)),
}
"""Each program, what runs it, and its commands."""

PERMISSIONS = {
    "datastream.locations.list": "a watched project whose locations are discovered",
    "datastream.streams.list": "every watched project",
    "datastream.objects.list": "a watched project, where `collect.objects` is on",
    "datastream.privateConnections.list": "a watched project, where `collect.private_connections` "
    "is on",
    "monitoring.timeSeries.create": "the metrics project",
    "monitoring.metricDescriptors.list": "the metrics project, for `check` alone",
}
"""Every permission that a call needs, and where."""

ROLES = {"datastream": "a custom role", "monitoring": "`roles/monitoring.metricWriter`"}
"""What grants a service's permissions and little else."""


def transcript() -> str:
    """Return `make run` and its output, shortened to what a reader looks at first."""
    out, err = io.StringIO(), io.StringIO()
    code = lab.main(["demo"], {}, out, err)
    if code:
        raise RuntimeError(f"`demo` answered with exit code {code}:\n{err.getvalue()}")
    fleet, concerns, written = out.getvalue().strip().split("\n\n")
    summary = next(line for line in err.getvalue().splitlines() if " points written; " in line)
    # The time is all that differs between two runs.
    summary = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", summary)
    parts = (_unhealthy(fleet), _first_concerns(concerns), f"{written}\n{summary}")
    return _fenced("console", "$ make run\n" + "\n\n".join(parts))


def _unhealthy(fleet: str) -> str:
    """Return the fleet's table without the streams that are as expected and have no errors."""
    heading, *rows = fleet.splitlines()
    shown = [heading]
    for row in rows:
        *_, expected, errors = row.split()
        if (expected, errors) != ("yes", "0"):
            shown.append(row)
        elif shown[-1] != "…":
            shown.append("…")
    return "\n".join(shown)


def _first_concerns(concerns: str, count: int = 3) -> str:
    """Return the first few things to look at, each a subject and a sentence."""
    return "\n".join([*concerns.splitlines()[: 1 + 2 * count], "  …"])


def resources() -> str:
    """Return what the labels of the monitored resource hold."""
    return _table(
        ("series of a …", "`location`", "`namespace`", "`node_id`"),
        (
            (_spaced(name), labels["location"], labels["namespace"], labels["node_id"])
            for name, labels in definitions.definitions()["resources"].items()
        ),
    )


def metrics() -> str:
    """Return every metric."""
    return _table(
        ("metric", "value", "type", "unit", "series of a …", "labels", "written"),
        (
            (
                f"`{each.name}`",
                each.description,
                each.value_type,
                each.unit,
                _spaced(each.resource),
                ", ".join(f"`{label}`" for label in each.labels),
                each.written,
            )
            for each in definitions.metrics().values()
        ),
    )


def config_keys() -> str:
    """Return every key of config.yaml."""
    return _table(
        ("key", "holds", "default", "meaning"),
        (
            (f"`{row.key}`", row.type, _default(row.default), row.description)
            for row in config.reference()
        ),
    )


def exit_codes() -> str:
    """Return what each exit code means."""
    return _table(("code", "meaning"), ((str(code), meaning) for code, meaning in MEANINGS.items()))


def variables() -> str:
    """Return every environment variable that is read."""
    here = f"`{cloud_run.JOB}` or `{cloud_run.WORKER_POOL}`"
    rows = {
        config.WHOLE: "the text of a whole config file, where `--config` is not given",
        **{
            name: f"stands for `{each.section}.{each.key}` of config.yaml"
            for name, each in config.variables().items()
        },
        DATASTREAM_EMULATOR: "host:port of a Datastream to call in plaintext, without credentials",
        MONITORING_EMULATOR: "the same for Cloud Monitoring",
        "GOOGLE_APPLICATION_CREDENTIALS": "a credentials file, as in all of Google's clients",
        "NO_COLOR": "no colours at a terminal",
        cloud_run.JOB: "set by Cloud Run in a job: the log is JSON on stdout, the region is asked "
        "of the metadata server",
        cloud_run.WORKER_POOL: "the same in a worker pool",
        cloud_run.TASK_INDEX: "set by Cloud Run: which of the tasks this is; it reads its part of "
        "the locations",
        cloud_run.TASK_COUNT: "set by Cloud Run: how many tasks there are",
        cloud_run.EXECUTION: "set by Cloud Run: a label of each log line",
        cloud_run.TASK_ATTEMPT: "the same",
        cloud_run.METADATA_HOST: f"another metadata server than Google's, with {here}",
    }
    return _table(
        ("variable", "meaning"), ((f"`{name}`", meaning) for name, meaning in rows.items())
    )


def permissions() -> str:
    """Return the permissions that the exporter's account needs."""
    return _table(
        ("permission", "granted by", "needed on"),
        (
            (f"`{permission}`", ROLES[permission.partition(".")[0]], where)
            for permission, where in PERMISSIONS.items()
        ),
    )


def commands() -> str:
    """Return the help of every command."""
    # argparse asks the environment how wide the terminal is, and newer ones whether to colour.
    with patch.dict(os.environ, COLUMNS="100", NO_COLOR="1"):
        return "\n\n".join(
            f"### {program} {command}\n\n{_fenced('text', _help(main, command))}"
            for program, (main, commands) in COMMANDS.items()
            for command in commands
        )


def world_keys() -> str:
    """Return every key of a world file but those of events."""
    return _table(("key", "holds", "default"), _keys(world.World, ""))


def world_events() -> str:
    """Return every kind of event in a world file."""
    return _table(
        ("`do`", "what happens", "keys"),
        (
            (
                ", ".join(f"`{each}`" for each in get_args(event.model_fields["do"].annotation)),
                str(event.__doc__),
                ", ".join(f"`{key}`" for key in event.model_fields if key != "do"),
            )
            for event in get_args(get_args(Event)[0])
        ),
    )


BLOCKS: Mapping[str, Block] = {
    "transcript": transcript,
    "comparison": comparison.comparison,
    "resources": resources,
    "metrics": metrics,
    "config keys": config_keys,
    "exit codes": exit_codes,
    "variables": variables,
    "permissions": permissions,
    "commands": commands,
    "world keys": world_keys,
    "world events": world_events,
    "policies": policies.policies,
    "policies commands": policies_commands.commands,
    "policies test transcript": policies_commands.transcript,
    "policies review": policies_review.example,
    "policies backtest": policies_backtest.backtest,
    "scenarios": policies_commands.scenarios,
    "scenario keys": policies_commands.scenario_keys,
    "time to page": policies_commands.time_to_page,
    "module inputs": terraform.inputs,
    "module outputs": terraform.outputs,
    "module examples": terraform.examples,
    "module grants": terraform.grants,
    "module permissions": terraform.permissions,
    "module appliers": appliers.appliers,
    "module prices": prices.prices,
    "module cost": cost.months,
}


def _help(main: Main, command: str) -> str:
    shown = io.StringIO()
    main([command, "--help"], {}, shown, shown)
    return shown.getvalue().rstrip()


_HOLDS = {
    "str": "text",
    "int": "whole number",
    "bool": "true or false",
    "Seconds": "duration",
    "AwareDatetime": "time with its zone",
    "Code": "status code of gRPC",
    "State": "state, by name or number",
    "BackfillState": "backfill state, by name or number",
    "ConnectionState": "connection's state, by name or number",
    "Permission": "permission",
    "Outage": " or ".join(get_args(Outage)),
    "PartialWriteFormat": " or ".join(get_args(PartialWriteFormat)),
    "Event": "event",
    "dict[str, str]": "mapping of text",
    "dict[str, int]": "mapping of whole numbers",
    "dict[str, Any]": "config.yaml",
}
"""In words: the types of a world's fields, as the code spells them."""

_STATES = {
    "State": StreamState,
    "BackfillState": BackfillJob.State,
    "ConnectionState": PrivateConnection.State,
}


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield a row for every key of a part of a world, and for those below it."""
    spelled = {
        name: kind
        for each in reversed(model.__mro__)
        for name, kind in getattr(each, "__annotations__", {}).items()
    }
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        kind = spelled[name].removesuffix(" | None")
        items = re.fullmatch(r"(?:tuple|frozenset)\[(\w+)(?:, \.\.\.)?\]", kind)
        kind = items[1] if items else kind
        below = getattr(world, kind, None)
        section = below if isinstance(below, type) and issubclass(below, BaseModel) else None
        if section:
            holds = "section"
        elif kind.startswith("Literal"):
            holds = " or ".join(get_args(field.annotation))
        else:
            holds = _HOLDS[kind]
        default = "required" if field.is_required() else _written(kind, field.default)
        yield f"`{key}`", f"list: {holds}" if items else holds, _default(default)
        if section:
            yield from _keys(section, f"{key}{'[]' if items else ''}.")


def _written(kind: str, default: Any) -> str:
    """Return a default as a world file would have it."""
    if kind in _STATES:
        return str(_STATES[kind](default).name)
    if isinstance(default, datetime):
        return default.isoformat()
    if isinstance(default, str | bool | int | float) and default != "":
        return default if isinstance(default, str) else json.dumps(default)
    return "none"


def _default(text: str) -> str:
    return text if text in {"required", "none"} else f"`{text}`"


def _spaced(name: str) -> str:
    return name.replace("_", " ")
