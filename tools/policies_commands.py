"""What the docs show of ``datastream-lab``.

Scenarios and times to page are played and measured by Prometheus, which takes a while, and which
``make lint`` does not need. So what was found is kept in two files beside the docs, and tests play
and measure anew what they hold. ``python -m tools.policies_commands`` writes them.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import chdir
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cli.main import COMMANDS, main
from lab.markdown import fenced, table
from lab.policies.files import read_policies
from lab.simulate.scenario import Deployment, ExpectedIncident, ScenarioFile
from lab.simulate.scenario_files import read_scenarios

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lab.simulate.scenario import Scenario

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "alerting_policies"
SCENARIOS = FOLDER / "scenarios"

PROGRAM = ".venv/bin/datastream-lab"
SHOWN = ("test", "pause-overruns")
"""The command whose answer the docs show."""

TRANSCRIPT = ROOT / "docs" / "policies-test.txt"
TIMES = ROOT / "docs" / "time-to-page.json"

_MODES = ("scheduled", "continuous")
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


def transcript() -> str:
    """Return a command and what it answers."""
    answer = TRANSCRIPT.read_text("utf-8").rstrip()
    return fenced("console", f"$ {PROGRAM} {' '.join(SHOWN)}\n{answer}")


def time_to_page() -> str:
    """Return how long each page takes: worst, usual and at most."""
    times: dict[str, dict[str, Any]] = {}
    for each in json.loads(TIMES.read_text("utf-8"))["times"]:
        times.setdefault(each["change"], {})[each["mode"]] = each
    return table(
        ("what happens", "a script that looks every 5 min", *_MODES),
        (
            (change, _polling(by_mode), *(_time(by_mode[mode]) for mode in _MODES))
            for change, by_mode in times.items()
        ),
    )


def _polling(by_mode: dict[str, Any]) -> str:
    seconds = by_mode[_MODES[0]]["polling_seconds"]
    return "never" if seconds is None else f"{seconds} s"


def _time(each: dict[str, Any]) -> str:
    worst, usual, bound = (each[f"{key}_seconds"] for key in ("worst", "median", "bound"))
    return f"{worst} s (median {usual} s, bound {bound} s)"


def scenarios() -> str:
    """Return every scenario: what happens, and what pages."""
    names = {policy.name for policy in read_policies(FOLDER)}
    return table(
        ("scenario", "what happens", "what pages"),
        (
            (
                f"[{scenario.name}](../alerting_policies/scenarios/{scenario.name}.yaml)",
                scenario.title,
                _pages(scenario),
            )
            for scenario in read_scenarios(SCENARIOS, names)
        ),
    )


def _pages(scenario: Scenario) -> str:
    """Return the policies that page, each with how often, in the order of their first page."""
    counts: dict[str, int] = {}
    optional: set[str] = set()
    for each in sorted(scenario.expect, key=lambda expected: expected.opens.after):
        counts[each.policy] = counts.get(each.policy, 0) + each.count
        if each.may:
            optional.add(each.policy)
    words = [
        f"{'perhaps ' if policy in optional else ''}{policy}{f' ({count})' if count > 1 else ''}"
        for policy, count in counts.items()
    ]
    return ", ".join(words) or "nothing"


def scenario_keys() -> str:
    """Return every key of a scenario file but those of its world."""
    parts: tuple[tuple[str, type[BaseModel]], ...] = (
        ("", ScenarioFile),
        ("exporters[].", Deployment),
        ("expect[].", ExpectedIncident),
    )
    return table(
        ("key", "meaning"),
        (
            (f"`{prefix}{key}`", meaning.replace("``", "`"))
            for prefix, model in parts
            for key, meaning in _attributes(model)
        ),
    )


def _attributes(model: type[BaseModel]) -> list[tuple[str, str]]:
    """Return the keys of a part and what its docstring says of each."""
    _, _, told = cleandoc(str(model.__doc__)).partition("Attributes:\n")
    found = {key: " ".join(words.split()) for key, words in _ATTRIBUTE.findall(told)}
    return [(field.alias or key, found[key]) for key, field in model.model_fields.items()]


def commands() -> str:
    """Return every command and what it is for."""
    return table(
        ("`datastream-lab …`", "what for"),
        ((f"`{name}`", command.help) for name, command in COMMANDS.items()),
    )


def answered(*argv: str) -> tuple[int, str]:
    """Return the exit code of a command that is run in the project's root, and all it says."""
    shown = io.StringIO()
    with chdir(ROOT):
        code = main(argv, {}, shown, shown)
    return code, "".join(f"{line.rstrip()}\n" for line in shown.getvalue().splitlines())


def found() -> dict[Path, str]:
    """Play and measure; return what the files are to hold.

    Raises:
        RuntimeError: A command fails.
    """
    told = {}
    for path, argv in (
        (TRANSCRIPT, SHOWN),
        (TIMES, ("time-to-page", "--json")),
    ):
        code, told[path] = answered(*argv)
        if code:
            raise RuntimeError(f"{' '.join(argv)} answered with exit code {code}:\n{told[path]}")
    return told


if __name__ == "__main__":
    for file, content in found().items():
        file.write_text(content, "utf-8")
        sys.stderr.write(f"{file.relative_to(ROOT)} is written anew\n")
