"""The generated parts of docs/reference.md."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO, TypeAlias
from unittest.mock import patch

from exporter import config
from exporter import cli as exporter_codes
from exporter import cli as exporter_main
from exporter.google import cloud_run
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from exporter.measure import definitions
from lab import exit_codes as lab_codes
from lab.cli import main as lab
from lab.markdown import fenced, table
from tools.config_reference import key_descriptions

Main: TypeAlias = Callable[[Sequence[str], Mapping[str, str], TextIO, TextIO], int]

COMMANDS: Mapping[str, tuple[Main, tuple[str, ...]]] = {
    "datastream-exporter": (exporter_main, ("run", "watch", "check")),
    "datastream-lab": (lab.main, tuple(lab.COMMANDS)),
}
"""The main function and the commands of each program."""

PERMISSIONS = {
    "datastream.locations.list": "a watched project whose locations are discovered",
    "datastream.streams.list": "every watched project",
    "datastream.objects.list": "a watched project, with `collect.objects`",
    "datastream.privateConnections.list": "a watched project, with `collect.private_connections`",
    "monitoring.timeSeries.create": "the metrics project",
    "monitoring.metricDescriptors.list": "the metrics project, for `check` only",
}
"""Every permission that the exporter's calls need, and on what."""

ROLES = {"datastream": "a custom role", "monitoring": "`roles/monitoring.metricWriter`"}
"""What grants the permissions of a service and little else."""


def resources() -> str:
    """Return the labels of the monitored resource, for each kind of series."""
    return table(
        ("per", "`location`", "`namespace`", "`node_id`"),
        (
            (_spaced(name), labels["location"], labels["namespace"], labels["node_id"])
            for name, labels in definitions.definitions()["resources"].items()
        ),
    )


def metrics() -> str:
    """Return every metric."""
    return table(
        ("metric", "value", "type", "unit", "per", "labels", "written"),
        (
            (
                f"`{metric.name}`",
                metric.description,
                metric.value_type,
                metric.unit,
                _spaced(metric.resource),
                ", ".join(f"`{label}`" for label in metric.labels),
                metric.written,
            )
            for metric in definitions.metrics().values()
        ),
    )


def config_keys() -> str:
    """Return every key of config.yaml."""
    return table(
        ("key", "type", "default", "meaning"),
        (
            (f"`{row.key}`", row.type, default(row.default), row.description)
            for row in key_descriptions()
        ),
    )


def exit_codes() -> str:
    """Return what each exit code of the exporter means."""
    return _exit_codes(exporter_codes.MEANINGS)


def lab_exit_codes() -> str:
    """Return what each exit code of the lab means."""
    return _exit_codes(lab_codes.MEANINGS)


def _exit_codes(meanings: Mapping[int, str]) -> str:
    return table(("code", "meaning"), ((str(code), meaning) for code, meaning in meanings.items()))


def variables() -> str:
    """Return every environment variable that the exporter reads."""
    on_cloud_run = f"with `{cloud_run.JOB}`, `{cloud_run.WORKER_POOL}` or `{cloud_run.SERVICE}`"
    rows = {
        config.WHOLE: "the text of a config file, if `--config` isn't given",
        **{
            name: f"overrides `{'.'.join(variable)}` of config.yaml"
            for name, variable in config.variables().items()
        },
        DATASTREAM_EMULATOR: "host:port of a Datastream to call in plaintext, without credentials",
        MONITORING_EMULATOR: "the same for Cloud Monitoring",
        "GOOGLE_APPLICATION_CREDENTIALS": "a credentials file, as for all of Google's clients",
        "NO_COLOR": "no colours at a terminal",
        cloud_run.JOB: "set by Cloud Run in a job: logs are JSON on stdout, and the region comes "
        "from the metadata server unless `run.location` says it",
        cloud_run.WORKER_POOL: "the same in a worker pool",
        cloud_run.SERVICE: "the same in a function",
        cloud_run.TASK_INDEX: "set by Cloud Run: the index of this task, which reads its share of "
        "the locations",
        cloud_run.TASK_COUNT: "set by Cloud Run: the number of tasks",
        cloud_run.EXECUTION: "set by Cloud Run: a label of each log line",
        cloud_run.TASK_ATTEMPT: "the same",
        cloud_run.REQUEST_TIMEOUT: "seconds that a request to the function may take: a run ends "
        "before that, and at `run.deadline`",
        cloud_run.METADATA_HOST: f"a metadata server other than Google's, {on_cloud_run}",
    }
    return table(
        ("variable", "meaning"), ((f"`{name}`", meaning) for name, meaning in rows.items())
    )


def permissions() -> str:
    """Return the permissions that the exporter's account needs."""
    return table(
        ("permission", "granted by", "needed on"),
        (
            (f"`{permission}`", ROLES[permission.partition(".")[0]], where)
            for permission, where in PERMISSIONS.items()
        ),
    )


def commands() -> str:
    """Return the help of every command."""
    # argparse reads the terminal's width from the environment; newer versions also NO_COLOR.
    with patch.dict(os.environ, COLUMNS="100", NO_COLOR="1"):
        return "\n\n".join(
            f"### {program} {command}\n\n{fenced('text', _help(main, command))}"
            for program, (main, commands) in COMMANDS.items()
            for command in commands
        )


def default(text: str) -> str:
    """Return a default value as code, or the word for none."""
    return text if text in {"required", "none"} else f"`{text}`"


def _help(main: Main, command: str) -> str:
    shown = io.StringIO()
    main([command, "--help"], {}, shown, shown)
    return shown.getvalue().rstrip()


def _spaced(name: str) -> str:
    return name.replace("_", " ")
