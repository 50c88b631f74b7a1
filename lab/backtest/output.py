"""A back-test's result as JSON and as tables."""

from datetime import UTC, datetime
from typing import Any, TextIO

from exporter.text import capitalized, plural
from lab.backtest.backtest import BacktestResult
from lab.policies.model import DAY, SEVERITIES, SEVERITY_STYLES
from lab.promql_durations import format_duration
from lab.terminal import print_table


def backtest_json(result: BacktestResult) -> dict[str, Any]:
    """Return the result as JSON: incidents by severity, then policy, then time.

    An incident that was open at the start has no ``opened``.
    """
    severities = {policy.name: policy.severity for policy in result.policies}
    start, since = result.period.start, result.history_start
    incidents = [
        {
            "policy": each.policy,
            "severity": severities[each.policy],
            "opened": _time(start + each.opened) if each.opened else None,
            "closed": None if each.closed is None else _time(start + each.closed),
            "about": each.about or None,
            "labels": each.labels,
        }
        for each in sorted(
            result.incidents,
            key=lambda each: (SEVERITIES.index(severities[each.policy]), each.policy),
        )
    ]
    alerted = {incident.policy for incident in result.incidents}
    return {
        "from": _time(start),
        "until": _time(result.period.end),
        "history_starts": None if since is None else _time(since),
        "incidents": incidents,
        "quiet": [
            name
            for name in severities
            if name not in alerted | result.not_evaluated.keys()
        ],
        "not_evaluated": result.not_evaluated,
    }


def print_backtest(result: BacktestResult, out: TextIO) -> None:
    """Print the incidents, and the policies that were not evaluated."""
    found = backtest_json(result)
    if found["history_starts"]:
        since = found["history_starts"]
        out.write(
            f"The exporter's history starts at {since}. Earlier alerts are unknown.\n\n"
        )
    if found["incidents"]:
        rows = [
            (
                each["policy"],
                (each["severity"], SEVERITY_STYLES[each["severity"]]),
                each["opened"] or "before the start",
                each["closed"] or ("still open", "bold red"),
                each["about"]
                or ", ".join(map("=".join, each["labels"].items()))
                or "-",
            )
            for each in found["incidents"]
        ]
        print_table(("policy", "severity", "opened", "closed", "about"), rows, out)
    else:
        out.write("No policy would have alerted.\n")
    if found["quiet"]:
        out.write(f"\nWould not have alerted: {', '.join(found['quiet'])}.\n")
    if found["not_evaluated"]:
        out.write("\nCould not be evaluated\n")
        print_table(("policy", "why"), found["not_evaluated"].items(), out)


def backtest_summary(result: BacktestResult) -> str:
    """Return the result in one line."""
    count, still_open = (
        len(result.incidents),
        sum(each.closed is None for each in result.incidents),
    )
    seconds = result.period.end - result.period.start
    lasts = (
        format_duration(round(seconds))
        if seconds % DAY
        else plural(round(seconds / DAY), "day")
    )
    return (
        f"{capitalized(plural(count, 'incident'))} in {lasts}, {still_open or 'none'}"
        f" still open; {len(result.not_evaluated) or 'none'} of {len(result.policies)}"
        " policies could not be evaluated. Times are ± one evaluation interval (30 s"
        " to 5 min)."
    )


def _time(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%SZ}"
