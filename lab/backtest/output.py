"""A back-test's result as tables and as JSON."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from exporter.terminal import Cell, print_table
from exporter.text import capitalized, plural
from lab.policies.model import SEVERITIES
from lab.wording import short

if TYPE_CHECKING:
    from pydantic import JsonValue

    from lab.backtest.backtest import BacktestResult
    from lab.prove.incidents import Incident

ACCURACY = (
    "Times are ± one evaluation interval (30 s to 5 min): the second at which Cloud Monitoring "
    "evaluates is unknown."
)

_DAY = 86_400
_SEVERITY_STYLES = {"CRITICAL": "bold red", "ERROR": "yellow"}
_MOST_GAPS = 20


def print_backtest(result: BacktestResult, out: TextIO) -> None:
    """Print gaps in the history, the incidents, and the policies that were not evaluated."""
    if result.history_start is not None:
        out.write(
            f"The exporter's history starts at {_time(result.history_start)} UTC. Earlier alerts "
            "are unknown.\n\n"
        )
    _print_gaps(result, out)
    if result.incidents:
        severities = {policy.name: policy.severity for policy in result.policies}
        print_table(
            ("policy", "severity", "opened (UTC)", "lasted", "about"),
            (
                (
                    incident.policy,
                    severity_cell(severities[incident.policy]),
                    opened_text(incident, result),
                    (lasted_text(incident), "bold red" if incident.closed is None else ""),
                    _about(incident),
                )
                for incident in _by_severity(result)
            ),
            out,
        )
    else:
        out.write("No policy would have alerted.\n")
    if result.quiet:
        names = ", ".join(policy.name for policy in result.quiet)
        out.write(f"\nWould not have alerted: {names}.\n")
    if result.not_evaluated:
        out.write("\nCould not be evaluated\n")
        rows = [(each.policy.name, each.reason) for each in result.not_evaluated]
        print_table(("policy", "why"), rows, out)


def severity_cell(severity: str) -> Cell:
    """Return a table's cell for an alert's severity."""
    return severity, _SEVERITY_STYLES.get(severity, "")


def _print_gaps(result: BacktestResult, out: TextIO) -> None:
    if not result.gaps:
        return
    out.write("The exporter wrote nothing in these periods, so alerts in them are unknown.\n")
    longest = sorted(result.gaps, key=lambda gap: gap.start - gap.end)[:_MOST_GAPS]
    print_table(
        ("exporter", "from (UTC)", "until", "for"),
        (
            (
                gap.exporter,
                _time(gap.start),
                _time(gap.end),
                short(gap.end - gap.start),
            )
            for gap in result.gaps
            if gap in longest
        ),
        out,
    )
    more = len(result.gaps) - len(longest)
    out.write(f"and {more:,} shorter ones\n\n" if more else "\n")


def _by_severity(result: BacktestResult) -> list[Incident]:
    """Return the incidents by severity, then policy, then time."""
    ranks = {policy.name: SEVERITIES.index(policy.severity) for policy in result.policies}
    return sorted(
        result.incidents,
        key=lambda incident: (ranks[incident.policy], incident.policy, incident.opened),
    )


def opened_text(incident: Incident, result: BacktestResult) -> str:
    """Return when an incident opened, in UTC."""
    return "before the start" if incident.opened <= 0 else _time(result.start + incident.opened)


def lasted_text(incident: Incident) -> str:
    """Return how long an incident was open."""
    if incident.closed is None:
        return "still open"
    text = short(incident.closed - incident.opened)
    return f"{text} or more" if incident.opened <= 0 else text


def _about(incident: Incident) -> str:
    """Return the resource of an incident; its labels if they identify none."""
    labels = ", ".join(f"{key}={value}" for key, value in sorted(incident.labels.items()))
    return incident.about or labels or "-"


def backtest_summary(result: BacktestResult) -> str:
    """Return the result in one line."""
    count, still_open = len(result.incidents), sum(each.closed is None for each in result.incidents)
    text = plural(count, "incident")
    if count:
        text += f" of {_policies(len({each.policy for each in result.incidents}))}"
    text += f" in {_period(result.end - result.start)}"
    text += f", {still_open or 'none'} still open" if count else ""
    others = [f"{_policies(len(result.quiet))} would not have alerted"] if result.quiet else []
    if not_evaluated := len(result.not_evaluated):
        how_many = not_evaluated if others else _policies(not_evaluated)
        others.append(f"{how_many} could not be evaluated")
    text += f"; {', '.join(others)}" if others else ""
    return f"{capitalized(text)}. {ACCURACY}"


def backtest_json(result: BacktestResult, project: str) -> dict[str, JsonValue]:
    """Return the result as JSON; times in UTC.

    Args:
        result: The result.
        project: The metrics project; empty if the series came from a file only.
    """
    severities = {policy.name: policy.severity for policy in result.policies}
    counts = Counter(incident.policy for incident in result.incidents)
    start, end = result.history_start, result.end - result.start
    return {
        "project": project or None,
        "from": _timestamp(result.start),
        "until": _timestamp(result.end),
        "history_starts": None if start is None else _timestamp(start),
        "silent": [
            {
                "exporter": gap.exporter,
                "from": _timestamp(gap.start),
                "until": _timestamp(gap.end),
                "seconds": round(gap.end - gap.start, 3),
            }
            for gap in result.gaps
        ],
        "incidents": [
            {
                "policy": each.policy,
                "severity": severities[each.policy],
                "about": each.about or None,
                "labels": {**each.labels},
                "open_at_start": each.opened <= 0,
                "opened": _timestamp(result.start + each.opened),
                "closed": None if each.closed is None else _timestamp(result.start + each.closed),
                "seconds": round((each.closed or end) - each.opened, 3),
            }
            for each in _by_severity(result)
        ],
        "policies": [
            {"name": policy.name, "severity": policy.severity, "incidents": counts[policy.name]}
            for policy in result.policies
        ],
        "not_evaluated": [
            {"policy": each.policy.name, "reason": each.reason} for each in result.not_evaluated
        ],
    }


def _time(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M:%S}"


def _timestamp(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _period(seconds: float) -> str:
    days, rest = divmod(round(seconds), _DAY)
    return plural(days, "day") if days and not rest else short(seconds)


def _policies(count: int) -> str:
    return "1 policy" if count == 1 else f"{count} policies"
