"""Writes a first config.yaml and main.tf, from what projects have."""

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
from tempfile import TemporaryFile
from typing import NamedTuple, TextIO

from google.api_core import exceptions

from exporter import PROGRAM, __version__, config
from exporter.config import Endpoints
from exporter.expectations import ComparedStream
from exporter.google.calls import Calls, Deadline, call_with_retry
from exporter.google.clients import Clients
from exporter.google.errors import explain_call_error
from exporter.logs import LOGGER
from exporter.memory import Memory
from exporter.mistakes import InputError
from exporter.process import Signals
from exporter.report import Report, Session
from exporter.run import Run
from exporter.runs import open_clients
from exporter.states import EXPECTABLE
from exporter.summary import failure_groups, fleet, name_all
from exporter.terminal import print_table, show_progress
from exporter.text import capitalized, printable

CONFIG, MAIN = "config.yaml", "main.tf"
_SECONDS = 60.0  # how long the streams, and then the channels, may take
_REGION = "us-central1"  # where the exporter runs, of a fleet without streams


_WRITTEN_BY = (
    "# Written by `datastream-exporter init`. docs/configuration.md describes every"
    " key."
)
_EXPECTATIONS = """\
# Not running today. Remove the # before those that are meant to be so: the others
# page. `states` adds to RUNNING, STARTING, DRAINING and MAINTENANCE, always fine.
expectations:""".splitlines()


class _Channel(NamedTuple):
    """A notification channel."""

    name: str  # for people
    kind: str  # such as ``email``
    id: str


def init(
    args: Namespace,
    environ: Mapping[str, str],
    signals: Signals,
    out: TextIO,
    err: TextIO,
) -> bool:
    """Look at the projects, write both files, and say what follows.

    Return whether it was done.
    """
    folder = Path(args.folder)
    _check_folder(folder)
    account = args.impersonate_service_account
    with open_clients(Endpoints(), environ, account) as clients, signals:
        projects = _projects(args, clients)
        with show_progress(err, "looking for streams ..."):
            report = _look(projects, clients, Deadline.after(_SECONDS, signals.stop))
        for group in failure_groups(report):
            # There is no file to look into yet.
            text = group.text.replace(" in config.yaml", "")
            LOGGER.warning("%s %s", name_all(group.names), text)
        read = {location.name.project for location in report.locations}
        if report.stopped or not read.issuperset(projects):
            LOGGER.error("Nothing was written: not every project could be read.")
            return False
        within = Deadline.after(_SECONDS, signals.stop)
        channels = _channels(clients, projects[0], within)
        _show(report, channels, out)
        files = {
            CONFIG: config_text(projects, report),
            MAIN: main_text(projects[0], report, channels),
        }
        _write(folder, files)
        LOGGER.info("%s.", capitalized(fleet(report)))
        _say_what_follows(folder)
        return True


def _check_folder(folder: Path) -> None:
    """Raise InputError where a file exists already, or can't be written."""
    try:
        existing = [path for path in (folder / CONFIG, folder / MAIN) if path.exists()]
        parent = folder
        while not parent.exists():
            parent = parent.parent
        TemporaryFile(dir=parent).close()
    except OSError as error:
        raise _unwritable(folder, error) from None
    if existing:
        fix = "move it away, or name another folder with --folder"
        problem = f"exists already, and init overwrites no file; {fix}"
        raise InputError(f"{path}: {problem}" for path in existing)


def _unwritable(folder: Path, error: OSError) -> InputError:
    problem = f"cannot be written ({error.strerror}); name another with --folder"
    return InputError([f"{folder}: {problem}"])


def _projects(args: Namespace, clients: Clients) -> list[str]:
    """Return the projects to look at, the one for metrics first."""
    projects = args.project or filter(None, [clients.project])
    unique = list(dict.fromkeys(projects))
    if not unique:
        fix = "name one with --project, or choose one: gcloud config set project"
        problem = f"no project is given, and gcloud has none; {fix} PROJECT"
        raise InputError([problem])
    return unique


def _look(projects: Sequence[str], clients: Clients, deadline: Deadline) -> Report:
    sources = [{"project": project} for project in projects]
    data = {"metrics": sources[0], "sources": sources}
    session = Session(config.from_data(data, "--project", {}), clients)
    return Run(session, Memory(), int(time.time()), deadline).look()


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write all files, or none."""
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = folder / name
            # Not even a file that has come since is overwritten.
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink()
        raise _unwritable(folder, error) from None


def _channels(clients: Clients, project: str, deadline: Deadline) -> list[_Channel]:
    """Return a project's notification channels; none, and a warning, if refused."""

    def attempt(timeout: float) -> list[_Channel]:
        name = f"projects/{project}"
        listed = clients.notification_channels.list_notification_channels(
            name=name, retry=None, timeout=timeout
        )
        channels = []
        for each in listed:
            _, _, id_ = each.name.rpartition("/")
            channels.append(_Channel(each.display_name, each.type_, id_))
        return sorted(channels)

    try:
        return call_with_retry(attempt, deadline, Calls())
    except exceptions.GoogleAPICallError as error:
        permission = "monitoring.notificationChannels.list"
        failure = explain_call_error(error, project, permission)
        LOGGER.warning(
            "The notification channels of %s can't be listed: %s", project, failure
        )
        return []


def _to_confirm(report: Report) -> Iterator[ComparedStream]:
    """Yield each stream, such as a paused one, whose state config can expect."""
    for location in report.locations:
        for one in location.streams:
            if one.stream and not one.expected and one.stream.state in EXPECTABLE:
                yield one


def _show(report: Report, channels: Sequence[_Channel], out: TextIO) -> None:
    to_confirm = Counter(one.name.location_name for one in _to_confirm(report))
    rows = []
    for location in report.locations:
        if location.held:
            counts = (len(location.held), location.failed, to_confirm[location.name])
            rows.append((*location.name, *map(str, counts)))
    headings = ("streams", "failed", "not running")
    print_table(("project", "location", *headings), rows, out, right=headings)
    if channels:
        out.write("\n")
        print_table(("channel", "type", "id"), channels, out)
    # In one file with the log, it stands before what follows.
    out.flush()


def config_text(projects: Sequence[str], report: Report) -> str:
    """Return config.yaml, with what may be expected in comments."""
    lines = [
        _WRITTEN_BY,
        "metrics:",
        f"  project: {projects[0]} # the series and the alerts go here",
        "sources:",
    ]
    for project in projects:
        lines += _source_lines(project, report)
    confirm = list(_to_confirm(report))
    if confirm:
        lines += _EXPECTATIONS
    for one in confirm:
        lines += [f"#  - match: {one.name}", f"#    states: [{one.state}]"]
    return "".join(f"{line}\n" for line in lines)


def _source_lines(project: str, report: Report) -> list[str]:
    """Return a source: the locations with streams, and those that could not be read."""
    lines = [f"  - project: {project}"]
    unread = [name.location for name in report.unread if name.project == project]
    held = [
        location.name.location
        for location in report.locations
        if location.held and location.name.project == project
    ]
    if held:
        listed = ", ".join(sorted(held + unread))
        lines.append("    # Those with streams today; without this line, all are read.")
        lines.append(f"    locations: [{listed}]")
    lines += [f"    # {location} could not be read." for location in unread]
    return lines


def main_text(project: str, report: Report, channels: Sequence[_Channel]) -> str:
    """Return main.tf, with the project's channels as comments to choose from."""
    streams: Counter[str] = Counter()
    for location in report.locations:
        if location.held:
            streams[location.name.location] += len(location.held)
    region = _REGION
    for name, _ in streams.most_common(1):
        region = name
    lines = []
    for channel in channels:
        full = f"projects/{project}/notificationChannels/{channel.id}"
        lines.append(f'      # "{full}", # {printable(channel.name)} ({channel.kind})')
    if not channels:
        lines.append("      # There was none to choose from.")
    file = resources.files("exporter").joinpath("main.tf.template")
    return Template(file.read_text("utf-8")).substitute(
        version=__version__, region=region, channels="\n".join(lines)
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
    check, terraform = f"{program} check", "terraform"
    if folder != Path():
        check += f" --config {shell_quote(str(folder / CONFIG))}"
        terraform += f" -chdir={shell_quote(str(folder))}"
    for command in (check, f"{terraform} init", f"{terraform} apply"):
        LOGGER.info("  %s", command)
