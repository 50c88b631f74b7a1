"""Generates the tables of docs/reference.md."""

from collections.abc import Mapping

from exporter import process
from exporter.documents.document import packaged
from exporter.steps import measure
from lab.cli.main import NO_PROMETHEUS
from lab.markdown import table
from tools.config_reference import key_descriptions
from tools.emulator import listed

EXIT_CODES = {
    process.OK: (
        "All that was due was written. An unreadable location is written too, as "
        "`location/up` 0."
    ),
    process.INCOMPLETE: (
        "Points were lost or none was accepted, the run was cut short, or there are no "
        "credentials. For `check`: a check failed, or with `--strict` warned. For "
        "`init`: a project could not be read; nothing was written."
    ),
    process.USAGE: "A mistake in config.yaml, the environment or the command line.",
    process.INTERRUPTED: "Ended by SIGINT (Ctrl-C); a write under way ends first.",
    process.TERMINATED: "Ended by SIGTERM; a write under way ends first.",
}
LAB_EXIT_CODES = {
    process.OK: (
        "Everything is as expected. `demo` returns the exporter's own exit code."
    ),
    process.INCOMPLETE: (
        "A scenario, Prometheus or what `verify` checks failed; with `--strict`, "
        "`review` or `verify` warned."
    ),
    process.USAGE: (
        "An error on the command line or in a file, or a missing Python package."
    ),
    NO_PROMETHEUS: "Prometheus is not installed.",
    process.INTERRUPTED: "Interrupted by SIGINT (Ctrl-C).",
    process.TERMINATED: "Ended by SIGTERM.",
}


def resources() -> str:
    """Return the labels of the monitored resource, for each kind of series."""
    resources = measure.definitions()["resources"].items()
    rows = []
    for name, labels in resources:
        rows.append((_spaced(name), *labels.values()))
    heading = ("per", "`location`", "`namespace`", "`node_id`")
    return table(heading, rows)


def metrics() -> str:
    """Return every metric."""
    rows = []
    for name, metric in measure.definitions()["metrics"].items():
        labels = listed(metric["labels"])
        row = (f"`{name}`", metric["description"], labels)
        rows.append(row)
    heading = ("metric", "value", "labels")
    return table(heading, rows)


def log_events() -> str:
    """Return every event of the log."""
    rows = []
    for name, event in packaged("exporter", "events.yaml").items():
        row = (f"`{name}`", event["level"], event["logged"])
        rows.append(row)
    heading = ("event", "severity", "logged")
    return table(heading, rows)


def config_keys() -> str:
    """Return every key of config.yaml that has a value; its sections hold others."""
    rows = []
    for key, kind, default, description in key_descriptions():
        if kind.endswith("section"):
            continue
        row = (f"`{key}`", kind, default, description)
        rows.append(row)
    heading = ("key", "type", "default", "meaning")
    return table(heading, rows)


def exit_codes(meanings: Mapping[int, str]) -> str:
    """Return what each exit code means."""
    rows = ((str(code), meaning) for code, meaning in meanings.items())
    heading = ("code", "meaning")
    return table(heading, rows)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
