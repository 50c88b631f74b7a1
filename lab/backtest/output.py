"""A back-test's result as JSON and as tables."""

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from exporter.text import capitalized, plural, utc_time
from lab.backtest.backtest import BacktestResult
from lab.policies.model import DAY, SEVERITIES
from lab.promql_durations import format_duration
from lab.terminal import print_table


def backtest_json(result: BacktestResult, notes: Sequence[str]) -> dict[str, Any]:
    """Return the result as JSON: incidents by severity, then policy, then time.

    ``notes`` say what the history can't.
    An incident that was open at the start has no ``opened``; its seconds, and those of
    one that is still open, are those in the period.
    """
    severities = {policy.name: policy.severity for policy in result.policies}
    start, end = result.period
    since = result.history_start
    incidents = []
    for incident in result.incidents:
        opened, closed = incident.opened, incident.closed
        incidents.append(
            {
                "policy": incident.policy,
                "plan": incident.side,
                "severity": severities[incident.policy],
                "opened": utc_time(start + opened) if opened else None,
                "closed": closed and utc_time(start + closed),
                "seconds": (closed or end - start) - opened,
                "about": incident.about or None,
                "labels": incident.labels,
            }
        )
    incidents.sort(
        key=lambda each: (SEVERITIES.index(each["severity"]), each["policy"])
    )
    alerted = {incident.policy for incident in result.incidents}
    quiet = severities.keys() - alerted - result.not_evaluated.keys()
    return {
        "from": utc_time(start),
        "until": utc_time(end),
        "history_starts": since and utc_time(since),
        "notes": notes,
        "alerts": [each._asdict() for each in result.alerts],
        "incidents": incidents,
        "quiet": sorted(quiet),
        "not_evaluated": result.not_evaluated,
    }


def print_backtest(found: Mapping[str, Any], out: TextIO) -> None:
    """Print the incidents, and the policies that were not evaluated, of the JSON."""
    if since := found["history_starts"]:
        out.write(
            f"The exporter's history starts at {since}. Earlier alerts are unknown.\n\n"
        )
    out.writelines(f"{note}\n\n" for note in found["notes"])
    if found["alerts"]:
        counts = [[*map(str, each.values())] for each in found["alerts"]]
        print_table(("policy", "before", "after", "notified"), counts, out)
        out.write("\n")
    if found["incidents"]:
        rows: list[Any] = []
        for each in found["incidents"]:
            labels = ", ".join(map("=".join, each["labels"].items()))
            rows.append(
                (
                    each["policy"],
                    each["plan"],
                    each["severity"],
                    each["opened"] or "before the start",
                    each["closed"] or "still open",
                    each["about"] or labels or "-",
                )
            )
        headings = ("policy", "plan", "severity", "opened", "closed", "about")
        print_table(headings, rows, out)
    else:
        out.write("No policy would have alerted.\n")
    if found["quiet"]:
        out.write(f"\nWould not have alerted: {', '.join(found['quiet'])}.\n")
    if found["not_evaluated"]:
        out.write("\nCould not be evaluated\n")
        print_table(("policy", "why"), found["not_evaluated"].items(), out)


def backtest_summary(result: BacktestResult) -> str:
    """Return the result in one line."""
    seconds = round(result.period.end - result.period.start)
    lasts = format_duration(seconds)
    if seconds % DAY == 0:
        lasts = plural(seconds // DAY, "day")
    return (
        f"{capitalized(plural(len(result.incidents), 'incident'))} in {lasts},"
        f" {sum(each.closed is None for each in result.incidents) or 'none'} still"
        f" open; {len(result.not_evaluated) or 'none'} of {len(result.policies)}"
        " policies could not be evaluated. Times are ± the"
        " policy's evaluation interval."
    )
