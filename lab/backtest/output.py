"""A back-test's result as tables and as JSON."""

from datetime import UTC, datetime
from typing import TextIO

from pydantic import JsonValue

from exporter.cli.tables import Cell, print_table
from exporter.text import capitalized, plural
from lab.backtest.backtest import DAY, BacktestResult
from lab.policies.model import SEVERITIES
from lab.prove.incidents import Incident
from lab.wording import short

_SEVERITY_STYLES = {"CRITICAL": "bold red", "ERROR": "yellow"}


def severity_cell(severity: str) -> Cell:
    """Return a table's cell for an alert's severity."""
    return severity, _SEVERITY_STYLES.get(severity, "")


def print_backtest(result: BacktestResult, out: TextIO) -> None:
    """Print gaps in the history, the incidents, and the policies that were not evaluated."""
    if result.history_start is not None:
        since = _time(result.history_start)
        out.write(f"The exporter's history starts at {since}. Earlier alerts are unknown.\n\n")
    if result.gaps:
        out.write("The exporter wrote nothing in these periods, so alerts in them are unknown.\n")
        gaps = [
            (exporter, _time(gap.start), _time(gap.end), short(gap.end - gap.start))
            for exporter, gap in result.gaps
        ]
        print_table(("exporter", "from", "until", "for"), gaps, out)
        out.write("\n")
    if result.incidents:
        rows = []
        for severity, incident in _by_severity(result):
            before, closed = not incident.opened, incident.closed
            opened = "before the start" if before else _time(result.period.start + incident.opened)
            lasted: Cell = ("still open", "bold red")
            if closed is not None:
                lasted = short(closed - incident.opened) + (" or more" if before else "")
            labels = ", ".join(f"{key}={value}" for key, value in sorted(incident.labels.items()))
            about = incident.about or labels or "-"
            rows.append((incident.policy, severity_cell(severity), opened, lasted, about))
        print_table(("policy", "severity", "opened", "lasted", "about"), rows, out)
    else:
        out.write("No policy would have alerted.\n")
    if quiet := _quiet(result):
        out.write(f"\nWould not have alerted: {', '.join(quiet)}.\n")
    if result.not_evaluated:
        out.write("\nCould not be evaluated\n")
        print_table(("policy", "why"), result.not_evaluated.items(), out)


def backtest_summary(result: BacktestResult) -> str:
    """Return the result in one line."""
    count, still_open = len(result.incidents), sum(each.closed is None for each in result.incidents)
    days, rest = divmod(result.period.end - result.period.start, DAY)
    lasts = short(days * DAY + rest) if rest else plural(int(days), "day")
    return (
        f"{capitalized(plural(count, 'incident'))} in {lasts}, {still_open or 'none'} still open; "
        f"{len(_quiet(result))} of {len(result.policies)} policies would not have alerted, "
        f"{len(result.not_evaluated) or 'none'} could not be evaluated. "
        "Times are ± one evaluation interval (30 s to 5 min)."
    )


def backtest_json(result: BacktestResult) -> dict[str, JsonValue]:
    """Return the result as JSON; an incident that was open at the start has no ``opened``."""
    start = result.period.start
    return {
        "from": _time(start),
        "until": _time(result.period.end),
        "history_starts": _time(result.history_start) if result.history_start else None,
        "silent": [
            {"exporter": exporter, "from": _time(gap.start), "until": _time(gap.end)}
            for exporter, gap in result.gaps
        ],
        "incidents": [
            {
                "policy": each.policy,
                "severity": severity,
                "about": each.about or None,
                "labels": {**each.labels},
                "opened": _time(start + each.opened) if each.opened else None,
                "closed": None if each.closed is None else _time(start + each.closed),
            }
            for severity, each in _by_severity(result)
        ],
        "quiet": [*_quiet(result)],
        "not_evaluated": {**result.not_evaluated},
    }


def _quiet(result: BacktestResult) -> list[str]:
    """Return the policies that were evaluated and would not have alerted."""
    others = {incident.policy for incident in result.incidents} | result.not_evaluated.keys()
    return [policy.name for policy in result.policies if policy.name not in others]


def _by_severity(result: BacktestResult) -> list[tuple[str, Incident]]:
    """Return the incidents with their severity: by severity, then policy, then time."""
    severities = {policy.name: policy.severity for policy in result.policies}
    found = [(severities[incident.policy], incident) for incident in result.incidents]
    return sorted(found, key=lambda each: (SEVERITIES.index(each[0]), each[1].policy))


def _time(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%SZ}"
