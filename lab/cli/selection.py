"""The arguments that several commands share, and the files that they select."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import documents
from exporter.documents import InputError
from exporter.documents import nearest
from exporter.text import printable, quote
from lab.emulator.world import default_world, read_world
from lab.policies.files import read_policies
from lab.simulate.scenario_files import parse_scenario, read_scenarios

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from lab.emulator.world import World
    from lab.policies.files import Policy
    from lab.simulate.scenario import Scenario

POLICIES_FOLDER = "alerting_policies"
SCENARIOS_FOLDER = "scenarios"
_ENDING = ".yaml"


def add_policies(parser: ArgumentParser) -> None:
    """Add ``--policies``."""
    parser.add_argument(
        "--policies",
        action="append",
        metavar="FOLDER",
        help=f"the policies' folder (default: {POLICIES_FOLDER}, here or in a folder above); "
        f"repeat it to use the policies of several folders together",
    )


def add_scenarios(parser: ArgumentParser) -> None:
    """Add ``--scenarios``."""
    parser.add_argument(
        "--scenarios",
        action="append",
        metavar="FOLDER",
        help=f"the scenarios' folder (default: {SCENARIOS_FOLDER} in the policies' folder); repeat "
        f"it for several",
    )


def add_scenario_names(parser: ArgumentParser) -> None:
    """Add the scenarios to play, and ``--scenarios``."""
    parser.add_argument(
        "wanted",
        nargs="*",
        metavar="SCENARIO",
        help="a scenario's name or file (default: all scenarios)",
    )
    add_scenarios(parser)


def add_json(parser: ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_html(parser: ArgumentParser) -> None:
    """Add ``--html``."""
    parser.add_argument(
        "--html",
        type=_writable,
        metavar="FILE",
        help="also write a page of timelines: the state of each stream, and the incidents",
    )


def _writable(name: str) -> Path:
    """Return the path of a file to write; fail before minutes of work if that is impossible."""
    file = Path(name)
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise ArgumentTypeError(
            f"{quote(name)} can't be written; name a file in an existing folder"
        )
    return file


def add_world(parser: ArgumentParser) -> None:
    """Add ``--world``."""
    parser.add_argument(
        "--world",
        metavar="FILE",
        help="the world file: what exists, what changes, what fails (default: one company's fleet)",
    )


def selected_world(args: Namespace) -> tuple[World, str]:
    """Return the world, and the name to use for it in messages.

    Raises:
        InputError: The world file is invalid.
    """
    return (
        (read_world(args.world), args.world) if args.world else (default_world(), "default world")
    )


def selected_policies(args: Namespace) -> tuple[Policy, ...]:
    """Return the policies of all selected folders, by name.

    Raises:
        InputError: A policy is invalid, two have the same name, or there is no folder.
    """
    policies: dict[str, Policy] = {}
    for folder in _policy_folders(args):
        for policy in read_policies(folder, others=policies.values()):
            if other := policies.get(policy.name):
                path = printable(str(policy.path))
                raise InputError([f"{path}: {other.path} has the same name; rename one"])
            policies[policy.name] = policy
    return tuple(policies[name] for name in sorted(policies))


def selected_scenarios(
    args: Namespace, names: Sequence[str], policies: Sequence[Policy]
) -> tuple[Scenario, ...]:
    """Return the scenarios with the given names or paths, or all scenarios.

    Args:
        args: The command line.
        names: Names or paths of scenarios; empty for all.
        policies: The policies that scenarios may name.

    Raises:
        InputError: A scenario is invalid or doesn't exist.
    """
    policy_names = {policy.name for policy in policies}
    if not names:
        scenarios = [
            scenario
            for folder in _scenario_folders(args)
            for scenario in read_scenarios(folder, policy_names)
        ]
        return tuple(sorted(scenarios, key=lambda scenario: scenario.name))
    known = [] if all(map(_is_path, names)) else _scenario_files(args)
    parsed: dict[Path, Scenario] = {}
    sentences: dict[str, None] = {}
    for name in names:
        try:
            for file in _matching_files(name, known):
                text, label = documents.read_file(str(file)), printable(str(file))
                parsed[file] = parse_scenario(text, label, policy_names, name=file.stem)
        except InputError as error:
            sentences |= dict.fromkeys(error.sentences)
    if sentences:
        raise InputError(sentences)
    return tuple(parsed.values())


def _policy_folders(args: Namespace) -> tuple[Path, ...]:
    if args.policies:
        return tuple(map(Path, args.policies))
    here = Path.cwd()
    for parent in (here, *here.parents):
        folder = parent / POLICIES_FOLDER
        if folder.is_dir():
            return (folder.relative_to(here) if folder.is_relative_to(here) else folder,)
    missing = f"there is no folder {POLICIES_FOLDER}, here or in a folder above"
    raise InputError([f"{missing}; name it with --policies FOLDER"])


def _scenario_folders(args: Namespace) -> tuple[Path, ...]:
    if args.scenarios:
        missing = [folder for folder in args.scenarios if not Path(folder).is_dir()]
        if missing:
            raise InputError(
                f"{printable(folder)}: there is no such directory; check the path"
                for folder in missing
            )
        return tuple(map(Path, args.scenarios))
    parents = _policy_folders(args)
    folders = tuple(each / SCENARIOS_FOLDER for each in parents)
    if found := tuple(folder for folder in folders if folder.is_dir()):
        return found
    without = f"{printable(str(parents[0]))}: has no folder {SCENARIOS_FOLDER}"
    raise InputError([f"{without}; name it with --scenarios FOLDER"])


def _scenario_files(args: Namespace) -> list[Path]:
    folders = _scenario_folders(args)
    return [file for folder in folders for file in sorted(folder.glob(f"*{_ENDING}"))]


def _matching_files(name: str, known: Sequence[Path]) -> list[Path]:
    if _is_path(name):
        return [Path(name)]
    if files := [file for file in known if file.stem == name]:
        return files
    if guess := nearest(name, [file.stem for file in known]):
        hint = f"did you mean {guess}?"
    elif known:
        folders = " and ".join(sorted({str(file.parent) for file in known}))
        hint = (
            f"name one of the {len(known)} in {folders} (`datastream-lab test --list` shows them), "
            f"or the path of a file"
        )
    else:
        hint = "the folder has no scenario, so name the path of a file"
    raise InputError([f"{quote(name)} is not a scenario; {hint}"])


def _is_path(name: str) -> bool:
    return name.endswith(_ENDING) or os.sep in name
