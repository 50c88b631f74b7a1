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

from exporter.documents import packaged
from exporter.process import INCOMPLETE, INTERRUPTED, OK
from lab.mutate.mutants import Mutant, mutants
from lab.mutate.noticing import noticed_by, play
from lab.policies.files import Policy, read_policies
from lab.prove.scenarios import engine_for
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import read_scenarios
from lab.terminal import show_progress

POLICIES = Path(__file__).parents[2] / "alerting_policies"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the mutants that no scenario notices; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutate", description=__doc__)
    parser.add_argument(
        "--policy",
        action="append",
        metavar="NAME",
        help="change this policy only; repeatable",
    )
    wanted = parser.parse_args(arguments).policy
    policies = {policy.name: policy for policy in read_policies(POLICIES)}
    names = wanted or [*policies]
    unknown = sorted({*names} - {*policies})
    if unknown:
        parser.error(f"no such policy: {', '.join(unknown)}")
    scenarios = read_scenarios(POLICIES / "scenarios", policies)
    return _run([policies[name] for name in names], scenarios)


def _run(policies: Sequence[Policy], scenarios: Sequence[Scenario]) -> int:
    every: list[Mutant] = []
    for policy in policies:
        every += mutants(policy)
    survivors = mistakes = 0
    with show_progress(sys.stderr) as progress:
        playing = play(scenarios)
        recordings = [*progress.track("playing scenarios", playing, len(scenarios))]
        played = [*zip(scenarios, recordings, strict=True)]
        with engine_for(recordings) as engine:
            for mutant in progress.track("trying mutants", every, len(every)):
                name = f"{mutant.policy.name}: {mutant.description}"
                excused = any(fits(pattern, name) for pattern in known_survivors())
                noticed = noticed_by(mutant.policy, played, engine)
                found = "no scenario notices"
                if noticed:
                    found = f"{noticed} notices it; remove it from survivors.yaml"
                else:
                    survivors += 1
                if bool(noticed) is excused:
                    mistakes += 1
                    with progress.pause():
                        print(f"{name}: {found}", flush=True)
    print(
        f"{len(every)} mutants of {len(policies)} policies: scenarios notice"
        f" {len(every) - survivors}; {survivors} survive,"
        f" {'see above' if mistakes else 'each with a reason'}."
    )
    return INCOMPLETE if mistakes else OK


@cache
def known_survivors() -> tuple[str, ...]:
    """Return survivors.yaml's patterns of names such as ``POLICY: description``."""
    listed = packaged("lab.mutate", "survivors.yaml")["survivors"]
    return tuple(pattern for each in listed for pattern in each["mutants"])


def fits(pattern: str, name: str) -> bool:
    """Return whether a name fits a pattern, in which ``*`` stands for any text."""
    parts = [re.escape(part) for part in pattern.split("*")]
    return re.fullmatch(".*".join(parts), name) is not None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
