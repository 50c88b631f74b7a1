"""What the commands read: the policies and the folders that the command line names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exporter.inputs.input_errors import InputError
from exporter.text import printable
from lab.cli.options import FOLDER, SCENARIOS
from lab.policies.files import read_policies

if TYPE_CHECKING:
    from argparse import Namespace

    from lab.policies.files import Policy


def policies_of(args: Namespace) -> tuple[Policy, ...]:
    """Return the policies of the folders that the command line names, by name.

    Raises:
        InputError: All that is wrong with them, or that there is no folder.
    """
    read: dict[str, Policy] = {}
    for folder in policy_folders(args):
        for policy in read_policies(folder, beside=read.values()):
            other = read.get(policy.name)
            if other:
                raise InputError(
                    [f"{printable(str(policy.path))}: {other.path} has the same name; rename one"]
                )
            read[policy.name] = policy
    return tuple(read[name] for name in sorted(read))


def policy_folders(args: Namespace) -> tuple[Path, ...]:
    """Return the folders that hold the policies.

    Raises:
        InputError: None is named, and there is none where it should be.
    """
    if args.policies:
        return tuple(map(Path, args.policies))
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            return (_short(folder / FOLDER, here),)
    raise InputError(
        [f"there is no folder {FOLDER}, here or in a folder above; name it by --policies FOLDER"]
    )


def scenario_folders(args: Namespace) -> tuple[Path, ...]:
    """Return the folders that hold the scenarios: those named, else one in each of the policies'.

    Raises:
        InputError: There is none, or not where the command line says.
    """
    if args.scenarios:
        wrong = [each for each in args.scenarios if not Path(each).is_dir()]
        if wrong:
            told = [
                f"{printable(each)}: there is no such directory; check the path" for each in wrong
            ]
            raise InputError(told)
        return tuple(map(Path, args.scenarios))
    above = policy_folders(args)
    found = tuple(folder / SCENARIOS for folder in above if (folder / SCENARIOS).is_dir())
    if not found:
        folder = printable(str(above[0]))
        raise InputError([f"{folder}: holds no folder {SCENARIOS}; name it by --scenarios FOLDER"])
    return found


def _short(path: Path, here: Path) -> Path:
    return path.relative_to(here) if path.is_relative_to(here) else path
