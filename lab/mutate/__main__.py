"""``make mutants``: is every policy that is changed in one place caught by a scenario?

Exits with 1 where a mutant survives without a reason, or one with a reason does not survive.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK, USAGE
from exporter.inputs.input_errors import InputError
from exporter.inputs.spelling import hint
from exporter.text import quote
from lab.mutate import survivors
from lab.mutate.catching import NotRightError, catching, recordings
from lab.mutate.changing import mutants
from lab.mutate.survivors import Verdict, idle, verdict
from lab.policies.files import read_policies
from lab.prove.engine import MISSING, EngineError, NotInstalledError
from lab.simulate.scenario_files import read_scenarios
from lab.terminal import progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.mutate.changing import Mutant
    from lab.policies.files import Policy

POLICIES = Path(__file__).parents[2] / "alerting_policies"
SCENARIOS = POLICIES / "scenarios"

_WIDTH = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Look for what catches each mutant, print what came of them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutate", description=__doc__)
    parser.add_argument(
        "--policy", action="append", default=[], metavar="NAME", help="this policy's alone"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="print the scenario that catches each mutant too"
    )
    args = parser.parse_args(arguments)
    try:
        return _run(args.policy, verbose=args.verbose)
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return MISSING
    except (InputError, NotRightError, ValueError, EngineError) as error:
        print(error, file=sys.stderr)
        return USAGE
    except BrokenProcessPool:
        print("a process was ended from outside; is there too little memory?", file=sys.stderr)
        return INCOMPLETE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _run(wanted: Sequence[str], *, verbose: bool) -> int:
    """Do it for the policies that are wanted, for all where none is named."""
    started = time.monotonic()
    policies = read_policies(POLICIES)
    names = [policy.name for policy in policies]
    told = [
        f"{quote(each)} is no policy; {hint(each, names)}" for each in wanted if each not in names
    ]
    if told:
        raise InputError(told)
    reasons = survivors.read()
    made = {policy: mutants(policy) for policy in policies}
    every = [f"{policy.name}: {each.words}" for policy, held in made.items() for each in held]
    chosen = {policy: held for policy, held in made.items() if policy.name in (wanted or names)}
    total = Verdict(wrong=idle(reasons, every))
    for policy, caught in _caught(chosen, names):
        found = verdict(policy.name, caught, reasons)
        _print(policy.name, found, caught if verbose else {})
        total.count += found.count
        total.caught += found.caught
        total.wrong += found.wrong
    for sentence in total.wrong:
        print(f"WRONG: {sentence}")
    if total.wrong:
        print(f"Let a scenario catch what survives, or say in {survivors.FILE} why none can.")
    excused = "all for a reason" if not total.wrong else "not all for a reason"
    print(
        f"{total.count} mutants of {len(chosen)} policies: {total.caught} caught, "
        f"{total.survive} survive, {excused}; {time.monotonic() - started:.0f} s."
    )
    return INCOMPLETE if total.wrong else OK


def _caught(
    chosen: Mapping[Policy, Sequence[Mutant]], names: Sequence[str]
) -> Iterator[tuple[Policy, dict[str, str | None]]]:
    """Yield each policy with the scenario that catches each of its mutants, by their words."""
    scenarios = read_scenarios(SCENARIOS, names)
    recorded = []
    with progress(sys.stderr, "playing scenarios", len(scenarios)) as steps:
        for each in recordings(scenarios):
            recorded.append(each)
            steps.done()
    total = sum(map(len, chosen.values()))
    with (
        catching(scenarios, recorded) as ask,
        progress(sys.stderr, "trying mutants", total) as steps,
    ):
        for policy, held in chosen.items():
            found = {}
            for mutant, by in zip(held, ask(policy, held), strict=True):
                found[mutant.words] = by
                steps.done()
            with steps.aside():
                yield policy, found


def _print(name: str, found: Verdict, caught: Mapping[str, str | None]) -> None:
    """Print what came of the mutants of a policy, and those that are caught with who does."""
    print(f"{name}: {found.count} mutants, {found.caught} caught, {found.survive} survive")
    for words, by in caught.items():
        if by:
            print(f"    caught by {by}: {words}")
    for reason, held in found.excused.items():
        for words in held:
            print(f"    survives: {words}")
        print(textwrap.indent(textwrap.fill(" ".join(reason.split()), _WIDTH - 8), " " * 8))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
