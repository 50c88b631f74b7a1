"""``datastream-lab test``: what should page and what does, scenario by scenario."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from exporter.cli.terminal import print_json, show_progress
from exporter.inputs import documents
from exporter.inputs.input_errors import InputError
from exporter.inputs.spelling import nearest
from exporter.text import plural, printable, quote
from lab.cli import verdicts
from lab.cli.inputs import policies_of, scenario_folders
from lab.cli.options import add_json, add_policies, add_scenarios
from lab.prove.scenarios import play_all
from lab.simulate.scenario_files import parse_scenario, read_scenarios

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from lab.policies.files import Policy
    from lab.prove.scenarios import ScenarioResult
    from lab.simulate.scenario import Scenario

HELP = (
    "Plays scenarios: the exporter itself runs through a scripted world on a simulated clock, "
    "Prometheus evaluates the policies, and what pages is held against what should. Exit code 0: "
    "all is as expected; 1: something is not."
)

_ENDING = ".yaml"


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    add_policies(parser)
    parser.add_argument(
        "wanted",
        nargs="*",
        metavar="SCENARIO",
        help="a scenario's name, or the path of its file (default: all)",
    )
    add_scenarios(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Play the scenarios and print how each came out; return the exit code.

    Raises:
        InputError: In the files, or a scenario is not known.
        NotInstalledError: Prometheus is not installed.
    """
    out: TextIO = args.out
    policies = policies_of(args)
    scenarios = chosen_scenarios(args, policies)
    applied = [policy for policy in policies if policy.enabled]
    proven: list[ScenarioResult] = []
    with show_progress(args.err) as progress:
        playing = play_all(scenarios, applied, args.stop)
        for proof in progress.track("playing scenarios", playing, len(scenarios)):
            proven.append(proof)
            if not args.json:
                with progress.pause():
                    verdicts.print_proof(proof, out)
                    out.flush()
    wrong = [proof.scenario.name for proof in proven if not proof.passed]
    played = len(proven) == len(scenarios)
    if args.json:
        held = [verdicts.document(proof) for proof in proven]
        print_json({"right": played and not wrong, "played": played, "scenarios": held}, out)
    if not played:
        LOGGER.warning("Interrupted: %d of %d scenarios were played.", len(proven), len(scenarios))
    if proven:
        LOGGER.log(logging.ERROR if wrong else logging.INFO, "%s", _summary(proven, wrong))
    if not played:
        return INTERRUPTED
    return INCOMPLETE if wrong else OK


def _summary(proven: Sequence[ScenarioResult], wrong: Sequence[str]) -> str:
    due = sum(each.count for proof in proven for each in proof.scenario.expect)
    text = f"{plural(len(proven), 'scenario')}, {plural(due, 'page')} due"
    return f"{text}: {len(wrong)} wrong ({', '.join(wrong)})." if wrong else f"{text}: all right."


def chosen_scenarios(args: Namespace, policies: Sequence[Policy]) -> tuple[Scenario, ...]:
    """Return the scenarios that the command line asks for: those it names, else all.

    Args:
        args: With ``wanted`` and ``scenarios``.
        policies: The policies.

    Raises:
        InputError: In the files, or a scenario is not known.
    """
    names = {policy.name for policy in policies}
    if not args.wanted:
        held = [
            scenario for each in scenario_folders(args) for scenario in read_scenarios(each, names)
        ]
        return tuple(sorted(held, key=lambda scenario: scenario.name))
    known = [] if all(map(_is_path, args.wanted)) else [*_known(args)]
    scenarios: dict[Path, Scenario] = {}
    told: dict[str, None] = {}
    for wanted in args.wanted:
        try:
            for file in _files(wanted, known):
                text = documents.read_file(str(file))
                scenarios[file] = parse_scenario(text, printable(str(file)), names, name=file.stem)
        except InputError as mistakes:
            told |= dict.fromkeys(mistakes.sentences)
    if told:
        raise InputError(told)
    return tuple(scenarios.values())


def _files(wanted: str, known: Sequence[Path]) -> list[Path]:
    """Return the files that a name or a path stands for.

    Raises:
        InputError: There is none of this name.
    """
    if _is_path(wanted):
        return [Path(wanted)]
    files = [file for file in known if file.stem == wanted]
    if not files:
        raise InputError([f"{quote(wanted)} is no scenario; {_hint(wanted, known)}"])
    return files


def _known(args: Namespace) -> Iterator[Path]:
    for folder in scenario_folders(args):
        yield from sorted(folder.glob(f"*{_ENDING}"))


def _is_path(wanted: str) -> bool:
    return wanted.endswith(_ENDING) or os.sep in wanted


def _hint(wanted: str, known: Sequence[Path]) -> str:
    guess = nearest(wanted, [file.stem for file in known])
    if guess:
        return f"did you mean {guess}?"
    folders = sorted({str(file.parent) for file in known})
    return f"name one of the {len(known)} in {' and '.join(folders)}, or the path of a file"
