"""Writes a first config.yaml and main.tf, from what projects have."""

import os
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from shlex import quote as shell_quote
from string import Template
from tempfile import TemporaryFile

from google.api_core import exceptions

from exporter import PROGRAM, __version__, config
from exporter.config import Endpoints
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
from exporter.text import capitalized, printable

CONFIG = "config.yaml"
MAIN = "main.tf"
_SECONDS = 60.0  # how long the streams, and then the channels, may take

_CONFIG_TEXT = """\
# Written by `datastream-exporter init`. docs/configuration.md describes every key.
metrics:
  project: {} # the series and the alerts go here
sources:
"""
_EXPECTATIONS = """\
# Not running today. Remove the # before those that are meant to be so: the others
# page. `states` adds to RUNNING, STARTING, DRAINING and MAINTENANCE, always fine.
expectations:
"""


def init(args: Namespace, environ: Mapping[str, str], signals: Signals) -> bool:
    """Look at the projects, write both files, and say what follows.

    Return whether it was done.
    """
    folder = Path(args.folder)
    _check_folder(folder)
    account = args.impersonate_service_account
    with open_clients(Endpoints(), environ, account) as clients, signals:
        projects = _projects(args, clients)
        deadline = Deadline.after(_SECONDS, signals.stop)
        report = _look(projects, clients, deadline)
        for group in failure_groups(report):
            # There is no file to look into yet.
            text = group.text.replace(" in config.yaml", "")
            LOGGER.warning("%s %s", name_all(group.names), text)
        read = {location.name.project for location in report.locations}
        if report.stopped or not read.issuperset(projects):
            LOGGER.error("Nothing was written: not every project could be read.")
            return False
        deadline = Deadline.after(_SECONDS, signals.stop)
        channels = _channels(clients, projects[0], deadline)
    files = {
        folder / CONFIG: config_text(projects, report),
        folder / MAIN: main_text(report, channels),
    }
    written: list[Path] = []
    try:
        for path, text in files.items():
            # Not even a file that has come since is overwritten.
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink()
        raise _unwritable(folder, error) from None
    LOGGER.info("%s.", capitalized(fleet(report)))
    _say_what_follows(folder)
    return True


def _check_folder(folder: Path) -> None:
    """Make the folder; raise InputError if it can't be written, or has a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise _unwritable(folder, error) from None
    for name in (CONFIG, MAIN):
        if name in names:
            fix = "move it away, or name another folder with --folder"
            problem = f"exists already, and init overwrites no file; {fix}"
            raise InputError([f"{folder / name}: {problem}"])


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
    data = {
        "metrics": sources[0],
        "sources": sources,
    }
    whole = config.from_data(data, "--project", {})
    session = Session(whole, clients)
    now = int(time.time())
    return Run(session, Memory(), now, deadline).look()


def _channels(clients: Clients, project: str, deadline: Deadline) -> list[str]:
    """Return a project's notification channels as lines of main.tf."""

    def attempt(timeout: float) -> list[str]:
        listed = clients.notification_channels.list_notification_channels(
            name=f"projects/{project}", retry=None, timeout=timeout
        )
        lines = []
        for each in listed:
            name = printable(each.display_name)
            lines.append(f'"{each.name}", # {name} ({each.type_})')
        return lines

    try:
        return call_with_retry(attempt, deadline, Calls())
    except exceptions.GoogleAPICallError as error:
        permission = "monitoring.notificationChannels.list"
        failure = explain_call_error(error, project, permission)
        LOGGER.warning(
            "The notification channels of %s can't be listed: %s", project, failure
        )
        return []


def config_text(projects: Sequence[str], report: Report) -> str:
    """Return config.yaml, with what may be expected in comments."""
    text = _CONFIG_TEXT.format(projects[0])
    for project in projects:
        text += f"  - project: {project}\n"
    expectations = ""
    for location in report.locations:
        for one in location.streams:
            if one.expected or one.stream is None:
                continue
            if one.stream.state in EXPECTABLE:
                expectations += f"#  - match: {one.name}\n"
                expectations += f"#    states: [{one.state}]\n"
    if expectations:
        text += _EXPECTATIONS + expectations
    return text


def main_text(report: Report, channels: Sequence[str]) -> str:
    """Return main.tf: the exporter runs in the location with the most streams."""
    largest = max(report.locations, key=lambda location: len(location.held))
    region = largest.name.location if largest.held else "us-central1"
    listed = channels or ["There was none to choose from."]
    file = resources.files("exporter").joinpath("main.tf.template")
    template = Template(file.read_text("utf-8"))
    return template.substitute(
        version=__version__,
        region=region,
        channels="\n".join(f"      # {each}" for each in listed),
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
    LOGGER.info("  %s check --config %s", program, shell_quote(str(folder / CONFIG)))
    for command in ("init", "apply"):
        LOGGER.info("  terraform -chdir=%s %s", shell_quote(str(folder)), command)
