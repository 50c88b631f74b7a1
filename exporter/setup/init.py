"""Writes a first config.yaml and main.tf, from what projects have."""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote as shell_quote
from string import Template
from typing import TextIO

from exporter import PROGRAM, __version__
from exporter.config import Endpoints, from_data
from exporter.documents.mistakes import InputError
from exporter.google.calls import Deadline
from exporter.google.clients import open_clients
from exporter.log.summary import failure_groups, fleet
from exporter.logger import LOGGER
from exporter.process import INCOMPLETE, OK, Signals
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.states import EXPECTABLE
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
    config_file, main_file = (folder / name for name in _FILES)
    for path in (config_file, main_file):
        if path.exists():
            fix = "move it away, or name another folder with --folder"
            problem = f"exists already, and init overwrites no file; {fix}"
            raise InputError(f"{path}: {problem}")
    with open_clients(Endpoints(), environ) as clients, signals:
        projects = list(dict.fromkeys(named or filter(None, [clients.project])))
        if not projects:
            fix = "name one with --project, or choose one: gcloud config set project"
            problem = f"no project is given, and gcloud has none; {fix} PROJECT"
            raise InputError(problem)
        deadline = Deadline.after(_SECONDS, signals.stop)
        sources = [{"project": project} for project in projects]
        data = {"metrics": sources[0], "sources": sources}
        session = Session(from_data(data, "--project", {}), clients)
        report = run_once(session, deadline, writes=False)
    for group in failure_groups(report):
        # There is no file to look into yet.
        LOGGER.warning("%s", group.text.replace(" in config.yaml", ""))
    read = {location.name.project for location in report.locations}
    unread = sorted({name.project for name in report.unread} - read)
    readable = [project for project in projects if project not in unread]
    if report.stopped or not report.locations:
        which = ", ".join(unread) or "the fleet"
        LOGGER.error("Nothing was written: %s could not be read.", which)
        return INCOMPLETE
    largest = max(report.locations, key=lambda location: len(location.held))
    module, schema = _module_and_schema(folder)
    next_week = datetime.fromtimestamp(report.timestamp, UTC) + timedelta(days=7)
    values = {
        "source": module,
        "region": largest.name.location if largest.held else "us-central1",
        "project": projects[0],
        "example": readable[-1],
        "schema": schema,
        "sources": "\n".join(f"  - project: {project}" for project in readable),
        "not_running": _not_running(report).rstrip(),
        "next_week": next_week.date(),
    }
    _fill_templates(folder, values)
    LOGGER.info("%s.", capitalized(fleet(report)))
    for project in unread:
        problem = "could not be read, so it is no source; add it once it can be"
        LOGGER.error("%s %s.", project, problem)
    LOGGER.info(
        "Wrote %s and %s. Read the first, and choose in the second whom to notify."
        " Then:",
        config_file,
        main_file,
    )
    # This installation, of which there may be several, as it is called from here.
    program = os.path.relpath(Path(sys.executable).with_name(PROGRAM))
    terraform = f"  terraform -chdir={shell_quote(str(folder))}"
    err.write(
        f"  {shell_quote(program)} check --config {shell_quote(str(config_file))}\n"
        f"{terraform} init\n"
        f"{terraform} apply\n"
    )
    return INCOMPLETE if unread else OK


def _fill_templates(folder: Path, values: Mapping[str, object]) -> None:
    """Write both files, or raise InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            template = Path(__file__).with_name(f"{name}.template")
            text = Template(template.read_text("utf-8")).substitute(values)
            # Not even a file that has come since is overwritten.
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        problem = f"cannot be written ({error.strerror}); name another with --folder"
        raise InputError(f"{folder}: {problem}") from None


def _module_and_schema(folder: Path) -> tuple[str, str]:
    """Return where main.tf in a folder finds the module, and an editor the schema."""
    if not _MODULE.is_dir():
        return _RELEASED_MODULE, _RELEASED_SCHEMA
    module = os.path.relpath(_MODULE, folder.resolve())
    schema = os.path.normpath(f"{module}/../docs/config.schema.json")
    # To Terraform, another path is no folder.
    return module if module.startswith("..") else f"./{module}", schema


def _not_running(report: Report) -> str:
    """Return comments of config.yaml that expect each stream as it is today."""
    lines = ""
    for location in report.locations:
        for one in location.streams:
            if not one.expected and one.stream.state in EXPECTABLE:
                lines += f"#  - match: {one.name}\n#    states: [{one.state_name}]\n"
    return lines or "# (none)\n"
