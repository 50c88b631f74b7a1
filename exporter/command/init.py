"""Writes a first config.yaml and main.tf, from what projects have."""

import os
import re
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote as shell_quote
from string import Template
from subprocess import DEVNULL, CalledProcessError, check_output
from tempfile import TemporaryFile

from google.api_core import exceptions
from google.cloud.monitoring_v3 import NotificationChannelServiceClient

from exporter import PROGRAM, config
from exporter.config import Endpoints
from exporter.documents.mistakes import InputError
from exporter.google.calls import Calls, Deadline, call_with_retry
from exporter.google.clients import Clients, open_clients
from exporter.google.errors import explain_call_error
from exporter.log.summary import failure_groups, fleet
from exporter.logger import LOGGER
from exporter.process import Signals
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Mode, Session
from exporter.states import EXPECTABLE
from exporter.text import capitalized, printable

CONFIG = "config.yaml"
MAIN = "main.tf"
_SECONDS = 60.0  # how long the streams, and then the channels, may take
# Beside this package, where it is installed from a clone
_MODULE = Path(__file__).resolve().parents[2] / "terraform"
_ORIGIN = "git --git-dir=. config remote.origin.url && git --git-dir=. rev-parse HEAD"

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
_NO_CLONE = "Not installed from a clone: clone the repository, and write the path here."


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
            LOGGER.warning("%s", text)
        read = {location.name.project for location in report.locations}
        if report.stopped or not read.issuperset(projects):
            LOGGER.error("Nothing was written: not every project could be read.")
            return False
        deadline = Deadline.after(_SECONDS, signals.stop)
        channels = _channels(clients, projects[0], deadline)
    files = {
        folder / CONFIG: config_text(projects, report),
        folder / MAIN: main_text(folder, projects[0], report, channels),
    }
    try:
        for path, text in files.items():
            # Not even a file that has come since is overwritten.
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise _unwritable(folder, error) from None
    LOGGER.info("%s.", capitalized(fleet(report)))
    _say_what_follows(folder, files[folder / CONFIG])
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
    return run_once(Session(whole, clients), deadline, Mode.LOOK)


def _channels(clients: Clients, project: str, deadline: Deadline) -> list[str]:
    """Return a project's notification channels as comments in main.tf."""

    def attempt(timeout: float) -> list[str]:
        service = clients.another(NotificationChannelServiceClient)
        listed = service.list_notification_channels(
            name=f"projects/{project}", retry=None, timeout=timeout
        )
        lines = []
        for each in listed:
            name = printable(each.display_name)
            lines.append(f'# "{each.name}", # {name} ({each.type_})')
        return lines or ["# There is none yet."]

    what = f"ListNotificationChannels projects/{project}"
    try:
        return call_with_retry(attempt, deadline, Calls(), what=what)
    except exceptions.GoogleAPICallError as error:
        permission = "monitoring.notificationChannels.list"
        failure = explain_call_error(error, project, permission)
        LOGGER.warning(
            "The notification channels of %s can't be listed: %s", project, failure
        )
        return ["# They could not be listed."]


def config_text(projects: Sequence[str], report: Report) -> str:
    """Return config.yaml, with what may be expected in comments."""
    text = _CONFIG_TEXT.format(projects[0])
    for project in projects:
        text += f"  - project: {project}\n"
    expectations = ""
    for location in report.locations:
        for one in location.streams:
            if not one.expected and one.stream.state in EXPECTABLE:
                expectations += f"#  - match: {one.name}\n"
                expectations += f"#    states: [{one.state_name}]\n"
    if expectations:
        text += _EXPECTATIONS + expectations
    return text


def main_text(
    folder: Path, project: str, report: Report, channels: Sequence[str]
) -> str:
    """Return main.tf: the exporter runs in the location with the most streams."""
    largest = max(report.locations, key=lambda location: len(location.held))
    region = largest.name.location if largest.held else "us-central1"
    source, comment = _module(folder.resolve())
    template = Path(__file__).with_name("main.tf.template").read_text("utf-8")
    return Template(template).substitute(
        source=source,
        comment=comment,
        region=region,
        project=project,
        channels="\n      ".join(channels),
    )


def _module(folder: Path) -> tuple[str, str]:
    """Return the path from a folder to the Terraform module, and a comment on it."""
    if not _MODULE.is_dir():
        return "../datastream-exporter/terraform", _NO_CLONE
    path = os.path.relpath(_MODULE, folder)
    if not path.startswith(".."):
        path = f"./{path}"
    try:
        url, commit = check_output(  # noqa: S602 - every word is our own
            _ORIGIN,
            shell=True,
            cwd=_MODULE.with_name(".git"),
            stderr=DEVNULL,
            text=True,
        ).splitlines()
    except (OSError, CalledProcessError):
        return path, "The module in the clone."
    # A password in the address stays out of the file.
    url = re.sub("//[^/]*@", "//", url)
    return path, f'Where there is no clone: "git::{url}//terraform?ref={commit}"'


def _say_what_follows(folder: Path, text: str) -> None:
    confirm = ""
    if _EXPECTATIONS in text:
        confirm = " Confirm the paused streams in the first."
    LOGGER.info(
        "Wrote %s and %s.%s Choose whom to notify in the second. Then:",
        folder / CONFIG,
        folder / MAIN,
        confirm,
    )
    # This installation, of which there may be several, as it is called from here.
    program = shell_quote(os.path.relpath(Path(sys.executable).with_name(PROGRAM)))
    LOGGER.info("  %s check --config %s", program, shell_quote(str(folder / CONFIG)))
    for command in ("init", "apply"):
        LOGGER.info("  terraform -chdir=%s %s", shell_quote(str(folder)), command)
