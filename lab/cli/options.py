"""The options that several commands have, and the files that they name.

Every mistake in a file or a name is an InputError.
"""

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, TextIO

from exporter.documents.mistakes import InputError, nearest
from exporter.process import Signals
from exporter.text import printable, quote
from lab.emulator.world import World, default_world, read_world
from lab.policies.files import POLICIES, Policy, read_policies, shipped_policies
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import read_files

_SCENARIOS = "scenarios"


class LabContext(NamedTuple):
    """What a command works with."""

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    signals: Signals

    @property
    def stop(self) -> Event:
        """Set by a signal: the command should end soon."""
        return self.signals.stop


def writable(name: str) -> Path:
    """Return the path of a file to write; fail now rather than after minutes."""
    file = Path(name)
    target = file if file.exists() else file.parent
    if file.is_dir() or not os.access(target, os.W_OK):
        raise ArgumentTypeError(
            f"{quote(name)} can't be written; name a file in an existing folder"
        )
    return file


# How argparse adds each option
_OPTIONS: dict[str, dict[str, Any]] = {
    "policies": {
        "action": "append",
        "metavar": "FOLDER",
        "help": (
            f"the policies' folder (default: {POLICIES}, here or in a folder above,"
            " or those that come with this version); repeatable"
        ),
    },
    "scenarios": {
        "action": "append",
        "metavar": "FOLDER",
        "help": (
            f"the scenarios' folder (default: {_SCENARIOS} in the policies' folder); "
            "repeatable"
        ),
    },
    "world": {
        "metavar": "FILE",
        "help": (
            "the world file: what exists, changes and fails (default: one company's"
            " fleet)"
        ),
    },
    "json": {"action": "store_true", "help": "print JSON"},
}


def add_options(parser: Any, *names: str) -> None:
    """Add options that several commands have to a parser, or a group of one."""
    for name in names:
        parser.add_argument(f"--{name}", **_OPTIONS[name])


def selected_world(args: Namespace) -> tuple[World, str]:
    """Return the world, and its name in messages."""
    if args.world:
        return read_world(args.world), args.world
    return default_world(), "default world"


def selected_policies(args: Namespace) -> tuple[Policy, ...]:
    """Return the policies of all selected folders, sorted by name."""
    policies: dict[str, Policy] = {}
    for folder in _policy_folders(args):
        for policy in read_policies(folder):
            if other := policies.get(policy.name):
                path = printable(str(policy.path))
                raise InputError(f"{path}: {other.path} has the same name; rename one")
            policies[policy.name] = policy
    return tuple(policies[name] for name in sorted(policies))


def selected_scenarios(
    args: Namespace, names: Sequence[str], policies: Iterable[Policy]
) -> tuple[Scenario, ...]:
    """Return the scenarios with these names; without any, all scenarios."""
    folders = [Path(folder) for folder in args.scenarios or ()]
    folders = folders or [folder / _SCENARIOS for folder in _policy_folders(args)]
    known = dict.fromkeys(file for folder in folders for file in folder.glob("*.yaml"))
    if not known:
        where = printable(" and ".join(map(str, folders)))
        raise InputError(
            f"{where}: holds no scenario; name a folder with --scenarios FOLDER"
        )
    every = sorted({file.stem for file in known})
    wanted = dict.fromkeys(names or every)
    sentences = []
    for name in wanted:
        if name in every:
            continue
        guess = nearest(name, every)
        advice = "`datastream-lab test --list` shows all"
        if guess:
            advice = f"did you mean {guess}?"
        sentences.append(f"{quote(name)} is not a scenario; {advice}")
    if sentences:
        raise InputError(*sentences)
    files = [file for name in wanted for file in known if file.stem == name]
    return read_files(files, {policy.name for policy in policies})


def _policy_folders(args: Namespace) -> list[Path]:
    if args.policies:
        return [Path(folder) for folder in args.policies]
    for parent in (Path(), *Path.cwd().parents):
        folder = parent / POLICIES
        if folder.is_dir():
            return [folder]
    return [shipped_policies()]
