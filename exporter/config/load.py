"""Loads the config from a file or the environment, or reports all mistakes in it."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from exporter.config.fields import run_location, run_name
from exporter.config.model import Config
from exporter.documents.document import Document, parse, read_file
from exporter.documents.mistakes import InputError
from exporter.text import quote

USUAL_FILE = "config.yaml"
WHOLE = "DATASTREAM_EXPORTER_CONFIG"  # holds the text of a whole config file
LOCATION = "DATASTREAM_EXPORTER_LOCATION"  # overrides run.location
VERBOSE = "DATASTREAM_EXPORTER_VERBOSE"  # 1 asks for a line of the log for each call
VARIABLES = (WHOLE, LOCATION, VERBOSE)
# What a job, a worker pool, where `watch` can run, and a function are called
CLOUD_RUN = ("CLOUD_RUN_JOB", "CLOUD_RUN_WORKER_POOL", "K_SERVICE")


def load(path: str | None, environ: Mapping[str, str]) -> Config:
    """Return the config of a file, the environment or config.yaml, or InputError."""
    if path is None:
        if whole := environ.get(WHOLE):
            return from_text(whole, WHOLE, environ)
        if not Path(USUAL_FILE).exists():
            raise InputError(
                f"{USUAL_FILE}: no such file in this directory; let init write it, name"
                f" another with --config, or set {WHOLE} to its text"
            )
        path = USUAL_FILE
    return from_text(read_file(path), path, environ)


def from_text(text: str, file: str, environ: Mapping[str, str]) -> Config:
    """Return the config of a text; ``file`` is what sentences call it."""
    return from_document(parse(text, file), environ)


def from_document(document: Document, environ: Mapping[str, str]) -> Config:
    """Return the config of a document, or of a part of one."""
    for name, text in environ.items():
        if text and name.startswith("DATASTREAM_EXPORTER_") and name not in VARIABLES:
            document.add_sentence(
                f"environment: {name}: is unknown; allowed are {', '.join(VARIABLES)};"
                " write all else into config.yaml"
            )
    rules = {LOCATION: run_location, **dict.fromkeys(CLOUD_RUN, run_name)}
    for name, rule in rules.items():
        try:
            if value := environ.get(name):
                rule(value)
        except ValueError as error:
            document.add_sentence(f"environment: {name}: {error}")
    config = document.read(Config)
    if config:
        _add_contradictions(document, config)
    accepted = document.accepted(config).written_in(document)
    run = accepted.run
    overrides = {"location": environ.get(LOCATION) or run.location}
    deployed = next(filter(None, map(environ.get, CLOUD_RUN)), None)
    if deployed and "name" not in run.model_fields_set:
        overrides["name"] = deployed
    return accepted.model_copy(update={"run": run.model_copy(update=overrides)})


def is_verbose(environ: Mapping[str, str]) -> bool:
    """Return whether the environment asks for a line for each call."""
    return environ.get(VERBOSE, "0") not in {"", "0"}


def _add_contradictions(document: Document, config: Config) -> None:
    """Add a mistake for each source that overlaps, and required stream left out."""
    for (first, one), (second, other) in combinations(enumerate(config.sources), 2):
        if one.project != other.project:
            continue
        what = one.project
        if one.locations and other.locations:
            shared = {*one.locations} & {*other.locations}
            if not shared:
                continue
            what = f"{', '.join(sorted(shared))} of {what}"
        document.add_error(
            ("sources", second),
            f"sources[{first}] covers {what} already; merge the two, or list each"
            " location once",
        )
    for index, name in enumerate(config.required):
        source = config.source_of(name)
        if source and source.watches(name.stream):
            continue
        words = f"no source covers project {quote(name.project)}; add it under sources"
        if source:
            words = (
                f"the source of {name.project} leaves {quote(name.stream)} out; fix its"
                " include or exclude, or remove the stream from required"
            )
        document.add_error(("required", index), words)
