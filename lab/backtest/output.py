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
    incidents = [
        {
            "policy": each.policy,
            "plan": each.side,
            "severity": severities[each.policy],
            "opened": utc_time(start + each.opened) if each.opened else None,
            "closed": each.closed and utc_time(start + each.closed),
            "seconds": (each.closed or end - start) - each.opened,
            "about": each.about or None,
            "labels": each.labels,
        }
        for each in result.incidents
    ]
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
        rows = [
            (
                each["policy"],
                each["plan"],
                each["severity"],
                each["opened"] or "before the start",
                each["closed"] or "still open",
                each["about"]
                or f"{', '.join(map('='.join, each['labels'].items()))}"
                or "-",
            )
            for each in found["incidents"]
        ]
        headings = ("policy", "plan", "severity", "opened", "closed", "about")
        print_table(headings, rows, out)
    else:
        evaluated = f"{len(found['quiet'])} policies that could be evaluated"
        out.write(f"None of the {evaluated} would have alerted.\n")
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
    text = f"{capitalized(plural(len(result.incidents), 'incident'))} in {lasts}"
    if still_open := sum(each.closed is None for each in result.incidents):
        text += f", {still_open} still open"
    if count := len(result.not_evaluated):
        text += f"; {count} of {len(result.policies)} policies could not be evaluated"
    return text
