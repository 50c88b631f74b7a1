"""``make mutants``: does a scenario notice when a policy is changed in one place?

It plays every scenario, changes each policy in one place at a time, and lists the
changes with which every scenario still passes. It exits with 1 where such a survivor is
not in survivors.yaml, or where one in survivors.yaml is noticed.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.documents import packaged
from exporter.mistakes import InputError
from lab.mutate.mutants import mutants
from lab.mutate.noticing import noticed_by, play
from lab.policies.files import Policy, read_policies
from lab.prove.engine import EngineError, NotInstalledError, check_installed
from lab.prove.scenarios import engine_for
from lab.side_by_side import WorkerEndedError
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import read_scenarios
from lab.simulate.simulation import SimulationError
from lab.terminal import show_progress

POLICIES = Path(__file__).parents[2] / "alerting_policies"


def main(arguments: Sequence[str] | None = None) -> int:
    """Find the mutants that no scenario notices and print them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutate", description=__doc__)
    parser.add_argument(
        "--policy",
        action="append",
        metavar="NAME",
        help="change this policy only; repeatable",
    )
    wanted = parser.parse_args(arguments).policy
    try:
        check_installed()
        policies = {policy.name: policy for policy in read_policies(POLICIES)}
        if unknown := {*(wanted or ())} - {*policies}:
            parser.error(f"no such policy: {', '.join(sorted(unknown))}")
        scenarios = read_scenarios(POLICIES / "scenarios", policies)
        return _run([policies[name] for name in wanted or policies], scenarios)
    except (
        InputError,
        NotInstalledError,
        EngineError,
        SimulationError,
        WorkerEndedError,
    ) as error:
        parser.exit(INCOMPLETE, f"{error}\n")
    except KeyboardInterrupt:
        parser.exit(INTERRUPTED, "Interrupted.\n")


def _run(policies: Sequence[Policy], scenarios: Sequence[Scenario]) -> int:
    pairs = [(policy, mutant) for policy in policies for mutant in mutants(policy)]
    survivors, mistakes = 0, 0
    with show_progress(sys.stderr) as progress:
        recordings = [
            *progress.track("playing scenarios", play(scenarios), len(scenarios))
        ]
        played = [*zip(scenarios, recordings, strict=True)]
        with engine_for(recordings) as engine:
            for policy, mutant in progress.track("trying mutants", pairs, len(pairs)):
                name = f"{policy.name}: {mutant.description}"
                excused = any(fits(pattern, name) for pattern in known_survivors())
                noticed = noticed_by(mutant.policy, played, engine)
                survivors += not noticed
                if bool(noticed) is excused:
                    mistakes += 1
                    found = f"{noticed} notices it; remove it from survivors.yaml"
                    with progress.pause():
                        print(
                            f"{name}: {found if noticed else 'no scenario notices'}",
                            flush=True,
                        )
    print(
        f"{len(pairs)} mutants of {len(policies)} policies: scenarios notice "
        f"{len(pairs) - survivors}; {survivors} survive, "
        f"{'see above' if mistakes else 'each with a reason'}."
    )
    return INCOMPLETE if mistakes else OK


@cache
def known_survivors() -> tuple[str, ...]:
    """Return the patterns of survivors.yaml, for names such as ``POLICY: description``."""
    listed = packaged("lab.mutate", "survivors.yaml")["survivors"]
    return tuple(pattern for each in listed for pattern in each["mutants"])


def fits(pattern: str, name: str) -> bool:
    """Return whether a name fits a pattern, in which ``*`` stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


if __name__ == "__main__":
    sys.exit(main())
