"""Writes a first config.yaml and main.tf, from the streams and channels that projects have."""

import os
import shutil
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from shlex import quote as shell_quote
from string import Template
from threading import Event
from typing import TextIO, TypeAlias

from google.api_core import exceptions

from exporter import PROGRAM, __version__, config
from exporter.config import Endpoints
from exporter.google.calls import Calls, Deadline, call_with_retry
from exporter.google.clients import Clients
from exporter.google.errors import explain_call_error
from exporter.logs import LOGGER
from exporter.memory import Memory
from exporter.mistakes import InputError
from exporter.names import StreamName
from exporter.report import Report, Session
from exporter.run import Run
from exporter.run_log import failure_groups, fleet, name_all
from exporter.runs import open_clients
from exporter.states import EXPECTABLE
from exporter.terminal import print_table, show_progress
from exporter.text import capitalized, printable

CONFIG, MAIN = "config.yaml", "main.tf"
_SECONDS = 60.0  # how long the streams, and then the channels, may take
_Channel: TypeAlias = tuple[str, str, str]  # its display name, its type, and its id
_REGION = "us-central1"  # where the exporter runs, of a fleet without streams


def init(
    args: Namespace, environ: Mapping[str, str], stop: Event, out: TextIO, err: TextIO
) -> bool:
    """Look at the projects, write both files, and say what follows; return whether it was done."""
    folder = Path(args.folder)
    fix = "init overwrites no file; move it away, or name another folder with --folder"
    if existing := [path for path in (folder / CONFIG, folder / MAIN) if path.exists()]:
        raise InputError(f"{path}: exists already, and {fix}" for path in existing)
    with open_clients(
        Endpoints(), environ, args.impersonate_service_account
    ) as clients:
        projects = [*dict.fromkeys(args.project or filter(None, [clients.project]))]
        if not projects:
            fix = (
                "name one with --project, or choose one: gcloud config set project"
                " PROJECT"
            )
            raise InputError([f"no project is given, and gcloud has none; {fix}"])
        sources = [{"project": project} for project in projects]
        data = {"metrics": sources[0], "sources": sources}
        session = Session(config.from_data(data, "--project", {}), clients)
        run = Run(session, Memory(), int(time.time()), Deadline.after(_SECONDS, stop))
        with show_progress(err, "looking for streams ..."):
            report = run.look()
        for group in failure_groups(report):
            LOGGER.warning("%s %s", name_all(group.names), group.text)
        read = {location.name.project for location in report.locations}
        if report.stopped or not read.issuperset(projects):
            LOGGER.error("Nothing was written: not every project could be read.")
            return False
        channels = _channels(clients, projects[0], Deadline.after(_SECONDS, stop))
    _show(report, channels, out)
    files = {
        CONFIG: config_text(projects, report),
        MAIN: main_text(projects[0], report, channels),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            # Not even a file that has come since is overwritten.
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        problem = f"cannot be written ({error.strerror}); name another with --folder"
        raise InputError([f"{folder}: {problem}"]) from None
    LOGGER.info("%s.", capitalized(fleet(report)))
    _say_what_follows(folder)
    return True


def _channels(clients: Clients, project: str, deadline: Deadline) -> list[_Channel]:
    """Return a project's notification channels, by name; none, and a warning, if refused."""

    def attempt(timeout: float) -> list[_Channel]:
        name = f"projects/{project}"
        listed = clients.notification_channels.list_notification_channels(
            name=name, retry=None, timeout=timeout
        )
        return sorted(
            (each.display_name, each.type_, each.name.rpartition("/")[2])
            for each in listed
        )

    try:
        return call_with_retry(attempt, deadline, Calls())
    except exceptions.GoogleAPICallError as error:
        failure = explain_call_error(
            error, project, "monitoring.notificationChannels.list"
        )
        LOGGER.warning(
            "The notification channels of %s can't be listed: %s", project, failure
        )
        return []


def _to_confirm(report: Report) -> Iterator[tuple[StreamName, str]]:
    """Yield each stream in a state that config can expect, and does not: paused ones above all."""
    for location in report.locations:
        for one in location.streams:
            if one.stream and not one.expected and one.stream.state in EXPECTABLE:
                yield one.name, one.state


def _show(report: Report, channels: Sequence[_Channel], out: TextIO) -> None:
    confirm = Counter(name.location_name for name, _ in _to_confirm(report))
    rows = [
        (*at.name, *map(str, (len(at.held), at.failed, confirm[at.name])))
        for at in report.locations
        if at.held
    ]
    numbers = ("streams", "failed", "not running")
    print_table(("project", "location", *numbers), rows, out, right=numbers)
    if channels:
        out.write("\n")
        print_table(("channel", "type", "id"), channels, out)
    # In one file with the log, it stands before what follows.
    out.flush()


def config_text(projects: Sequence[str], report: Report) -> str:
    """Return config.yaml: where there are streams, and which of them wait to be expected."""
    lines = [
        (
            "# Written by `datastream-exporter init`. docs/configuration.md describes"
            " every key."
        ),
        "metrics:",
        f"  project: {projects[0]} # the series and the alerts go here",
        "sources:",
    ]
    for project in projects:
        lines.append(f"  - project: {project}")
        held = [
            at.name.location
            for at in report.locations
            if at.held and at.name.project == project
        ]
        unread = [at.location for at in report.unread if at.project == project]
        if held:
            lines.append(
                "    # Those with streams today; without this line, all are read."
            )
            lines.append(f"    locations: [{', '.join(sorted([*held, *unread]))}]")
        lines += [f"    # {location} could not be read." for location in unread]
    if confirm := [*_to_confirm(report)]:
        lines += [
            (
                "# Not running today. Remove the # before those that are meant to be"
                " so: the others"
            ),
            (
                "# page. `states` adds to RUNNING, STARTING, DRAINING and MAINTENANCE,"
                " always fine."
            ),
            "expectations:",
        ]
    for name, state in confirm:
        lines += [f"#  - match: {name}", f"#    states: [{state}]"]
    return "".join(f"{line}\n" for line in lines)


def main_text(project: str, report: Report, channels: Sequence[_Channel]) -> str:
    """Return main.tf, with the project's channels as comments to choose from."""
    streams: Counter[str] = Counter()
    for at in report.locations:
        streams[at.name.location] += len(at.held)
    lines = [
        f'      # "projects/{project}/notificationChannels/{id_}", # {printable(name)}'
        f" ({kind})"
        for name, kind, id_ in channels
    ]
    template = (
        resources.files("exporter").joinpath("main.tf.template").read_text("utf-8")
    )
    return Template(template).substitute(
        version=__version__,
        region=next((at for at, count in streams.most_common(1) if count), _REGION),
        channels="\n".join(lines or ["      # There was none to choose from."]),
    )


def _say_what_follows(folder: Path) -> None:
    LOGGER.info(
        "Wrote %s and %s. Confirm the paused streams in the first; write REPOSITORY's"
        " address and choose channels in the second. Then:",
        folder / CONFIG,
        folder / MAIN,
    )
    # As it can be called from here, be it in a virtual environment or not.
    beside = os.path.relpath(Path(sys.executable).with_name(PROGRAM))
    program = PROGRAM if shutil.which(PROGRAM) else shell_quote(beside)
    here = folder == Path()
    config_option = "" if here else f" --config {shell_quote(str(folder / CONFIG))}"
    terraform = "terraform" if here else f"terraform -chdir={shell_quote(str(folder))}"
    for command in (
        f"{program} check{config_option}",
        f"{terraform} init",
        f"{terraform} apply",
    ):
        LOGGER.info("  %s", command)
