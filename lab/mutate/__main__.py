"""``make mutants``: does a scenario catch every policy that is changed in one place?

Exits with 1 where a mutant survives without a reason, or a mutant with a reason is caught.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.cli import INCOMPLETE, INTERRUPTED, OK, USAGE
from exporter.terminal import show_progress
from exporter.documents import InputError
from exporter.documents import hint
from exporter.text import quote
from lab.exit_codes import NO_PROMETHEUS
from lab.mutate import survivors
from lab.mutate.catching import WrongScenarioError, catching, play
from lab.mutate.mutants import mutants
from lab.mutate.survivors import Summary, stale_patterns, summarize
from lab.policies.files import read_policies
from lab.prove.engine import EngineError, NotInstalledError
from lab.side_by_side import WorkerEndedError
from lab.simulate.scenario_files import read_scenarios
from lab.simulate.simulation import SimulationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.mutate.mutants import Mutant
    from lab.policies.files import Policy

POLICIES = Path(__file__).parents[2] / "alerting_policies"
SCENARIOS = POLICIES / "scenarios"

_WIDTH = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Find what catches each mutant and print it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutate", description=__doc__)
    parser.add_argument(
        "--policy", action="append", default=[], metavar="NAME", help="only this policy's mutants"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="also print the scenario that catches each mutant"
    )
    args = parser.parse_args(arguments)
    try:
        return _run(args.policy, verbose=args.verbose)
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return NO_PROMETHEUS
    except (InputError, WrongScenarioError, ValueError) as error:
        print(error, file=sys.stderr)
        return USAGE
    except (EngineError, SimulationError, WorkerEndedError) as error:
        print(error, file=sys.stderr)
        return INCOMPLETE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _run(wanted: Sequence[str], *, verbose: bool) -> int:
    """Try the mutants of these policies, of all policies where none is named."""
    started = time.monotonic()
    policies = read_policies(POLICIES)
    names = [policy.name for policy in policies]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise InputError([f"{quote(name)} is no policy; {hint(name, names)}" for name in unknown])
    reasons = survivors.read()
    made = {policy: mutants(policy) for policy in policies}
    every = [f"{policy.name}: {mutant.description}" for policy in made for mutant in made[policy]]
    chosen = {policy: made[policy] for policy in policies if policy.name in (wanted or names)}
    total = Summary(wrong=stale_patterns(reasons, every))
    for policy, caught in _caught(chosen, names):
        summary = summarize(policy.name, caught, reasons)
        _print(policy.name, summary, caught if verbose else {})
        total.count += summary.count
        total.caught += summary.caught
        total.wrong += summary.wrong
    for sentence in total.wrong:
        print(f"WRONG: {sentence}")
    if total.wrong:
        print(
            f"Write a scenario that catches the survivors, or say in {survivors.FILE} why none can."
        )
    excused = "not all with a reason" if total.wrong else "each with a reason"
    print(
        f"{total.count} mutants of {len(chosen)} policies: {total.caught} caught, "
        f"{total.survive} survive, {excused}; {time.monotonic() - started:.0f} s."
    )
    return INCOMPLETE if total.wrong else OK


def _caught(
    chosen: Mapping[Policy, Sequence[Mutant]], names: Sequence[str]
) -> Iterator[tuple[Policy, dict[str, str | None]]]:
    """Yield each policy with the scenario that catches each mutant, by the mutant's description."""
    scenarios = read_scenarios(SCENARIOS, names)
    pairs = [(policy, mutant) for policy, of_policy in chosen.items() for mutant in of_policy]
    with show_progress(sys.stderr) as progress:
        recordings = [*progress.track("playing scenarios", play(scenarios), len(scenarios))]
        with catching(scenarios, recordings) as catch:
            answers = progress.track("trying mutants", catch(pairs), len(pairs))
            for policy, of_policy in chosen.items():
                caught = {mutant.description: next(answers) for mutant in of_policy}
                with progress.pause():
                    yield policy, caught


def _print(name: str, summary: Summary, caught: Mapping[str, str | None]) -> None:
    """Print the summary of a policy, its survivors, and the caught mutants with their scenario."""
    print(f"{name}: {summary.count} mutants, {summary.caught} caught, {summary.survive} survive")
    for description, scenario in caught.items():
        if scenario:
            print(f"    caught by {scenario}: {description}")
    for reason, descriptions in summary.excused.items():
        for description in descriptions:
            print(f"    survives: {description}")
        print(textwrap.indent(textwrap.fill(" ".join(reason.split()), _WIDTH - 8), " " * 8))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
