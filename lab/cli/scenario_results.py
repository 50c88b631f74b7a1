"""Prints the result of a scenario, as lines or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from rich.padding import Padding
from rich.text import Text

from exporter.terminal import console
from exporter.text import printable
from lab.prove.comparison import Outcome
from lab.prove.outcomes import lines

if TYPE_CHECKING:
    from lab.prove.comparison import AlertResult
    from lab.prove.scenarios import ScenarioResult

_EXPECTED_FIELDS = {"policy", "of", "count", "opens", "closes", "stays", "may"}
_INDENT = len("PASS  ")


def print_result(result: ScenarioResult, stream: TextIO) -> None:
    """Print a scenario's verdict, and a line for each expected alert and extra incident."""
    out = console(stream)
    style = "green" if result.passed else "bold red"
    title = Text().append("PASS  " if result.passed else "FAIL  ", style)
    title.append(result.scenario.name, "bold").append(f": {printable(result.scenario.title)}")
    out.print(title)
    for outcome, text in lines(result.results):
        right = outcome is Outcome.RIGHT
        line = Text() if right else Text().append(f"{outcome.upper()}: ", "bold red")
        out.print(Padding(line.append(text), (0, 0, 0, _INDENT), expand=False))


def result_json(result: ScenarioResult) -> dict[str, Any]:
    """Return a scenario's result as JSON data; times are seconds after its start."""
    scenario = result.scenario
    return {
        "name": scenario.name,
        "title": scenario.title,
        "what": scenario.what,
        "lasts": scenario.lasts,
        "passed": result.passed,
        "expected": [
            alert.model_dump(include=_EXPECTED_FIELDS)
            | {"found": [_alert_json(each) for each in result.results if each.expected is alert]}
            for alert in scenario.expect
        ],
        "unexpected": [_alert_json(each) for each in result.results if each.expected is None],
    }


def _alert_json(result: AlertResult) -> dict[str, Any]:
    incident = result.incident
    return {
        "outcome": result.outcome,
        "phase": result.phase,
        "incident": {
            "policy": incident.policy,
            "about": incident.about,
            "labels": dict(incident.labels),
            "opened": round(incident.opened, 3),
            "closed": None if incident.closed is None else round(incident.closed, 3),
        }
        if incident
        else None,
    }
