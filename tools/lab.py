"""The generated parts of docs/lab.md."""

import io
from collections import Counter
from collections.abc import Sequence
from contextlib import chdir

from lab.cli.main import COMMANDS, main
from lab.markdown import fenced, table
from lab.policies.files import read_policies
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import read_files
from tools import ROOT
from tools.policies import FOLDER

SHOWN = ("test", "pause-overruns")  # the command whose output the docs show
PREVIEWED = ("preview", "stream-failed")  # the same, of a notification
TRANSCRIPT = ROOT / "docs" / "policies-test.txt"


def transcript() -> str:
    """Return a command and its output."""
    return console(SHOWN, TRANSCRIPT.read_text("utf-8"))


def preview() -> str:
    """Return the notification of a policy."""
    return console(PREVIEWED, output(*PREVIEWED))


def console(argv: Sequence[str], printed: str) -> str:
    """Return a command and what it printed, as a shell shows them."""
    command = f"$ .venv/bin/datastream-lab {' '.join(argv)}"
    return fenced("console", f"{command}\n{printed.rstrip()}")


def scenarios() -> str:
    """Return every scenario: what happens, and which alerts it expects."""
    names = {policy.name for policy in read_policies(FOLDER)}
    rows = []
    for scenario in read_files(sorted(FOLDER.glob("scenarios/*.yaml")), names):
        name = scenario.name
        link = f"[{name}](../alerting_policies/scenarios/{name}.yaml)"
        rows += [(link, scenario.title, _alerts(scenario))]
    return table(("scenario", "what happens", "alerts"), rows)


def _alerts(scenario: Scenario) -> str:
    """Return the policies that alert and how often, the first to alert first."""
    counts: Counter[str] = Counter()
    optional: set[str] = set()
    for incident in sorted(scenario.expect, key=lambda expected: expected.opens.after):
        counts[incident.policy] += incident.count
        if incident.may:
            optional.add(incident.policy)
    words = []
    for policy, count in counts.items():
        perhaps = "perhaps " if policy in optional else ""
        often = f" ({count})" if count > 1 else ""
        words += [f"{perhaps}{policy}{often}"]
    return ", ".join(words) or "nothing"


def commands() -> str:
    """Return every command and what it is for."""
    return table(
        ("`datastream-lab …`", "what for"),
        ((f"`{name}`", text) for name, text in COMMANDS.items()),
    )


def output(*argv: str) -> str:
    """Run a command in the project's root and return its output.

    Raises:
        RuntimeError: It fails.
    """
    printed = io.StringIO()
    with chdir(ROOT):
        code = main(argv, {}, printed, printed)
    text = "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())
    if code:
        raise RuntimeError(f"{' '.join(argv)} failed with exit code {code}:\n{text}")
    return text
