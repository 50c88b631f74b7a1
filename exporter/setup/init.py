"""Writes a first config.yaml and main.tf, from what projects have."""

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote as shell_quote
from string import Template
from subprocess import getoutput
from typing import TextIO

from exporter import PROGRAM, __version__
from exporter.config import Config, Endpoints
from exporter.config.fields import project_id
from exporter.config.locations import FORM
from exporter.documents.mistakes import InputError
from exporter.google.calls import Deadline
from exporter.google.clients import open_clients
from exporter.log.summary import failure_groups, fleet
from exporter.logger import LOGGER
from exporter.names import StreamName
from exporter.process import INCOMPLETE, OK, Signals
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.states import EXPECTABLE
from exporter.steps.compare import ComparedLocation
from exporter.text import capitalized

_SECONDS = 60.0  # how long reading the streams may take
_WEEK = 7 * 86_400  # seconds
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
    metrics: str | None,
    folder: Path,
    environ: Mapping[str, str],
    signals: Signals,
    err: TextIO,
) -> int:
    """Look at the projects, or at gcloud's; write both files, and say what follows.

    By default, the first gets the metrics. Where one can't be read, nothing is written.
    """
    files = [folder / "config.yaml", folder / "main.tf"]
    for path in filter(Path.exists, files):
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
        try:
            metrics = project_id(metrics or projects[0])
            projects = [*map(project_id, projects)]
        except ValueError as error:
            raise InputError(str(error)) from None
        sources = [{"project": project} for project in projects]
        data = {"metrics": {"project": metrics}, "sources": sources}
        session = Session(Config.model_validate(data), clients)
        session.problems.learn({})  # earlier ones are of no use: none is read back
        report = run_once(session, Deadline.after(_SECONDS, signals.stop), writes=False)
    for group in failure_groups(report):
        LOGGER.warning("%s", group.text)
    # A proxy may answer with what is no location.
    locations = [at for at in report.locations if re.fullmatch(FORM, at.name.location)]
    read = {location.name.project for location in locations}
    unread = [project for project in projects if project not in read]
    if report.stopped or unread:
        which = ", ".join(unread) or "the fleet"
        LOGGER.error("Nothing was written: %s could not be read.", which)
        return INCOMPLETE
    largest = max(locations, key=lambda location: len(location.held))
    values = {
        "region": largest.name.location if largest.held else "us-central1",
        "project": metrics,
        "example": projects[-1],
        "sources": "\n".join(f"  - project: {project}" for project in projects),
        "not_running": _not_running(locations),
        "next_week": datetime.fromtimestamp(report.timestamp + _WEEK, UTC).date(),
    }
    _fill_templates(files, values)
    LOGGER.info("%s.", capitalized(fleet(report)))
    LOGGER.info(
        "Wrote %s and %s. Dev and prod want a folder and a metrics project each: call"
        " init once for each. Read the first, and choose in the second whom to notify."
        " Then:",
        *files,
    )
    # There may be several installations: the path of this one.
    program = os.path.relpath(Path(sys.executable).with_name(PROGRAM))
    terraform = f"  terraform -chdir={shell_quote(str(folder))}"
    err.write(
        f"  {shell_quote(program)} check --config {shell_quote(str(files[0]))}\n"
        f"{terraform} init\n{terraform} apply\n"
    )
    return OK


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
    for location in locations:
        for one in location.streams:
            # A proxy may answer with what is no name.
            is_name = StreamName.parse(str(one.name))
            if is_name and not one.expected and one.stream.state in EXPECTABLE:
                lines.append(f"#  - match: {one.name}")
                lines.append(f"#    states: [{one.state_name}]")
    return "\n".join(lines) or "# (none)"
