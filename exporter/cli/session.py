"""What the commands share: config, clients, and what this process is to do."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from exporter import config
from exporter.cli.logs import LOGGER
from exporter.gcp import cloud_run
from exporter.gcp.clients import (
    Clients,
    Identity,
    connect,
    emulators,
)
from exporter.gcp.errors import CallError
from exporter.inputs.input_errors import InputError
from exporter.measure.samples import ExporterName
from exporter.read.reader import Collect
from exporter.run import Task
from exporter.text import quote

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping

    from exporter.cli.signals import Signals
    from exporter.config import Config

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with.

    Attributes:
        args: The parsed command line.
        environ: The environment.
        out: Where data goes; None on Cloud Run, where stdout is the log.
        err: Where talk goes.
        signals: Tells when the command is to end early.
    """

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO | None
    err: TextIO
    signals: Signals


@dataclass(frozen=True, slots=True)
class Session:
    """A command's config, its clients, and what it has to do in each run."""

    config: Config
    clients: Clients
    task: Task


@contextmanager
def session(
    context: Context, found: Callable[[str, str], None] = lambda _subject, _text: None
) -> Iterator[Session]:
    """Load config, name the task and connect.

    Args:
        context: What the command works with.
        found: Told of each part that is in place: its name, and what it is.

    Raises:
        InputError: In config or in the environment.
        CallError: There are no credentials, or Cloud Run does not say where it runs.
    """
    args, environ = context.args, context.environ
    loaded = config.load(args.config, environ)
    for warning in loaded.warnings:
        LOGGER.warning("%s", warning)
    found("config", f"{loaded.source} is valid")
    task = _task(context, loaded.config)
    _tell_emulators(environ)
    identity = Identity(args.impersonate_service_account, args.quota_project)
    clients, account = connect(loaded.config.endpoints, environ, identity)
    found("credentials", account)
    with clients:
        yield Session(loaded.config, clients, task)


def _task(context: Context, loaded: Config) -> Task:
    try:
        shard = cloud_run.shard(context.environ)
    except ValueError as error:
        raise InputError([f"environment: {error}"]) from None
    try:
        region = cloud_run.region(context.environ)
    except OSError as error:
        raise CallError(cloud_run.no_region(error)) from error
    collect = Collect(loaded.collect.objects, loaded.collect.private_connections)
    task = Task(ExporterName(region, loaded.run.name, str(shard.index)), shard, collect)
    return task.for_objects() if getattr(context.args, "collect", None) == "objects" else task


def _tell_emulators(environ: Mapping[str, str]) -> None:
    """Say which emulators are used.

    Raises:
        InputError: A variable holds no address.
    """
    named = emulators(environ)
    bad = [
        f"environment: {name}: {quote(host)} is not an address; write host:port without a scheme, "
        f"such as localhost:8080, or unset it to call Google's own endpoint"
        for name, host in named.items()
        if not _ADDRESS.fullmatch(host)
    ]
    if bad:
        raise InputError(bad)
    if named:
        LOGGER.warning(
            "Not Google's own endpoints: %s %s set, which means plaintext without credentials.",
            " and ".join(f"{name} ({host})" for name, host in named.items()),
            "is" if len(named) == 1 else "are",
        )
