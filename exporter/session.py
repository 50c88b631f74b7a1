"""What a process needs for its runs: config, clients, and what it is to do in each."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from exporter import config
from exporter.gcp import cloud_run
from exporter.gcp.clients import Clients, Identity, connect, emulators
from exporter.gcp.deadline import Deadline
from exporter.inputs.input_errors import InputError
from exporter.log.lines import LOGGER
from exporter.measure.samples import ExporterName
from exporter.read.reader import Collect
from exporter.task import Task
from exporter.text import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exporter.config import Config

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Session:
    """What a process needs for its runs.

    Attributes:
        config: The config.
        clients: The clients on its endpoints.
        task: What this process does in each run.
        deadline: Of a process that makes one run, from when it began to load config.
    """

    config: Config
    clients: Clients
    task: Task
    deadline: Deadline


@contextmanager
def session(
    environ: Mapping[str, str],
    file: str | None = None,
    identity: Identity | None = None,
    found: Callable[[str, str], None] = lambda _subject, _text: None,
    stop: Event | None = None,
) -> Iterator[Session]:
    """Load config, name the task and connect.

    Args:
        environ: The environment.
        file: The config file that was asked for, if one was.
        identity: The account to call as, if not the default credentials alone.
        found: Told of each part that is in place: its name, and what it is.
        stop: Ends it early.

    Raises:
        InputError: In config or in the environment.
        CallError: There are no credentials.
    """
    started = time.monotonic()
    loaded = config.load(file, environ)
    deadline = Deadline(started + loaded.config.run.deadline.total_seconds(), stop or Event())
    for warning in loaded.warnings:
        LOGGER.warning("%s", warning)
    found("config", f"{loaded.source} is valid")
    task = _task(environ, loaded.config)
    _tell_emulators(environ)
    endpoints = loaded.config.endpoints
    clients, account = connect(endpoints, environ, identity or Identity(), deadline)
    found("credentials", account)
    with clients:
        yield Session(loaded.config, clients, task, deadline)


def _task(environ: Mapping[str, str], loaded: Config) -> Task:
    try:
        shard = cloud_run.shard(environ)
    except ValueError as error:
        raise InputError([f"environment: {error}"]) from None
    region = cloud_run.Region(environ, loaded.run.location)
    collect = Collect(loaded.collect.objects, loaded.collect.private_connections)
    name = ExporterName(None, loaded.run.name, str(shard.index))
    return Task(name, shard, collect, region=region)


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
            "Emulators take Google's place, without credentials or encryption: %s.",
            " and ".join(f"{name} is {host}" for name, host in named.items()),
        )
