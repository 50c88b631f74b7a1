"""Writes a first config.yaml and main.tf, from what projects have."""

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from shlex import quote as shell_quote
from string import Template
from subprocess import getoutput
from typing import TextIO

from exporter import PROGRAM, __version__
from exporter.config import Endpoints, from_data
from exporter.config.locations import FORM
from exporter.documents.mistakes import InputError
from exporter.google.calls import Deadline
from exporter.google.clients import Clients, open_clients
from exporter.log.summary import failure_groups, fleet
from exporter.logger import LOGGER
from exporter.names import StreamName
from exporter.process import INCOMPLETE, OK, Signals
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.states import EXPECTABLE
from exporter.steps.compare import ComparedLocation
from exporter.text import capitalized

_FILES = ("config.yaml", "main.tf")
_SECONDS = 60.0  # how long reading the streams may take
# Beside this package, where it is installed from a clone
_MODULE = Path(__file__).resolve().parents[2] / "terraform"
# Elsewhere, this version's release has them. `make dist` writes where it is, and HASH.
_RELEASED_MODULE = (
    f"https://REPOSITORY/releases/download/v{__version__}"
    f"/datastream-exporter-module-{__version__}.zip?checksum=sha256:HASH"
)
# In a clone, where its remote is, which commit is out, and if the remote has it. An
# address with a password in it isn't taken.
_GIT = "git remote get-url origin && git rev-parse HEAD && git branch -r --contains"
_REMOTE = re.compile(
    r"(?P<remote>(https://|ssh://git@|git@)[^@\s]+)\n(?P<commit>\w+)\n.*origin/"
)
_RELEASED_SCHEMA = f"https://REPOSITORY/raw/v{__version__}/docs/config.schema.json"


def write_files(
    named: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    signals: Signals,
    err: TextIO,
) -> int:
    """Look at the projects, or at gcloud's; write both files, and say what follows.

    A project that can't be read is no source, and makes the exit code 1.
    """
    files = [folder / name for name in _FILES]
    for path in files:
        if path.exists():
            raise InputError(
                f"{path}: exists already, and init overwrites no file; move it away, or"
                " name another folder with --folder"
            )
    with open_clients(Endpoints(), environ) as clients, signals:
        projects = list(dict.fromkeys(named or filter(None, [clients.project])))
        if not projects:
            raise InputError(
                "no project is given, and gcloud has none; name one with --project, or"
                " choose one: gcloud config set project PROJECT"
            )
        report = _look(projects, clients, Deadline.after(_SECONDS, signals.stop))
    for group in failure_groups(report):
        # There is no file to look into yet, and no next run.
        text = group.text.replace(" in config.yaml", "")
        LOGGER.warning("%s", text.replace("The next run tries", "Call init"))
    # A proxy may answer with what is no location.
    locations = [at for at in report.locations if re.fullmatch(FORM, at.name.location)]
    read = {location.name.project for location in locations}
    unread = sorted({name.project for name in report.unread} - read)
    readable = [project for project in projects if project not in unread]
    if report.stopped or not locations:
        which = ", ".join(unread) or "the fleet"
        LOGGER.error("Nothing was written: %s could not be read.", which)
        return INCOMPLETE
    largest = max(locations, key=lambda location: len(location.held))
    next_week = datetime.fromtimestamp(report.timestamp, UTC) + timedelta(days=7)
    values = {
        "region": largest.name.location if largest.held else "us-central1",
        "project": projects[0],
        "example": readable[-1],
        "sources": "\n".join(f"  - project: {project}" for project in readable),
        "not_running": _not_running(locations),
        "next_week": next_week.date(),
    }
    _fill_templates(files, values)
    LOGGER.info("%s.", capitalized(fleet(report)))
    for project in unread:
        LOGGER.error(
            "%s could not be read, so it is no source; add it once it can be.", project
        )
    LOGGER.info(
        "Wrote %s and %s. Dev and prod want a folder and a metrics project each: call"
        " init once for each. Read the first, and choose in the second whom to notify."
        " Then:",
        *files,
    )
    # This installation, of which there may be several, as it is called from here.
    program = os.path.relpath(Path(sys.executable).with_name(PROGRAM))
    terraform = f"  terraform -chdir={shell_quote(str(folder))}"
    err.write(
        f"  {shell_quote(program)} check --config {shell_quote(str(files[0]))}\n"
        f"{terraform} init\n{terraform} apply\n"
    )
    return INCOMPLETE if unread else OK


def _look(projects: Sequence[str], clients: Clients, deadline: Deadline) -> Report:
    """Return what a run finds in the projects."""
    sources = [{"project": project} for project in projects]
    config = from_data({"metrics": sources[0], "sources": sources}, "--project", {})
    session = Session(config, clients)
    session.problems.learn({})  # earlier ones are of no use here: none is read back
    return run_once(session, deadline, writes=False)


def _fill_templates(files: Sequence[Path], values: Mapping[str, object]) -> None:
    """Write both files, or raise InputError and leave none."""
    folder = files[0].parent
    # Where main.tf in this folder finds the module, and an editor the schema
    source, schema = _RELEASED_MODULE, _RELEASED_SCHEMA
    if _MODULE.is_dir():
        # To Terraform, a path without a dot is no folder.
        source = f"./{os.path.relpath(_MODULE, folder.resolve())}"
        schema = os.path.normpath(f"{source}/../docs/config.schema.json")
        said = getoutput(f"cd {shell_quote(str(_MODULE))} && {_GIT}")  # noqa: S605 - of a quoted path
        if found := _REMOTE.match(said):
            source = f"git::{found['remote']}//terraform?ref={found['commit']}"
    made = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in files:
            # Not even a file that has come since is overwritten.
            path.touch(exist_ok=False)
            made.append(path)
        for path in files:
            template = Path(__file__).with_name(f"{path.name}.template")
            text = Template(template.read_text("utf-8"))
            filled = text.substitute(values, source=source, schema=schema)
            path.write_text(filled, "utf-8")
    except OSError as error:
        for path in made:
            path.unlink()
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); name another with"
            " --folder"
        ) from None


def _not_running(locations: Iterable[ComparedLocation]) -> str:
    """Return comments of config.yaml that expect each stream as it is today."""
    lines = []
    for one in chain.from_iterable(location.streams for location in locations):
        # A proxy may answer with what is no name.
        is_name = StreamName.parse(str(one.name))
        if is_name and not one.expected and one.stream.state in EXPECTABLE:
            lines += [f"#  - match: {one.name}", f"#    states: [{one.state_name}]"]
    return "\n".join(lines) or "# (none)"
