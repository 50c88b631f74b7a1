"""What a back-test found, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from exporter.cli.tables import Cell, print_table
from exporter.inputs.durations import format_duration
from exporter.text import plural
from lab.policies.model import SEVERITIES

if TYPE_CHECKING:
    from lab.backtest.backtesting import Backtest
    from lab.policies.files import Policy
    from lab.prove.incidents import Incident

GOOD_TO = "± 30 s, as the second at which Cloud Monitoring evaluates is not known"

_DAY = 86_400
_SEVERITY_STYLES = {"CRITICAL": "bold red", "ERROR": "yellow"}
_MOST_GAPS = 20


def severity_cell(severity: str) -> Cell:
    """Return a table's cell for an alert's severity."""
    return severity, _SEVERITY_STYLES.get(severity, "")


def print_backtest(found: Backtest, out: TextIO) -> None:
    """Print when nothing is known, what would have paged, and what could not be judged."""
    if found.begins is not None:
        out.write(
            f"The exporter's history begins at {moment(found.begins)} UTC: nothing is known of "
            "what was before.\n\n"
        )
    _print_gaps(found, out)
    if found.incidents:
        severities = {policy.name: policy.severity for policy in found.policies}
        print_table(
            ("policy", "severity", "opened (UTC)", "lasted", "about"),
            (
                (
                    each.policy,
                    severity_cell(severities[each.policy]),
                    opened(each, found),
                    (lasted(each), "bold red" if each.closed is None else ""),
                    about(each),
                )
                for each in grouped(found)
            ),
            out,
        )
    else:
        out.write("No policy would have paged.\n")
    if found.quiet:
        out.write(f"\nWould not have paged: {_listed(found.quiet)}.\n")
    if found.unjudged:
        out.write("\nCould not be judged\n")
        print_table(
            ("policy", "why"), ((each.policy.name, each.reason) for each in found.unjudged), out
        )


def _print_gaps(found: Backtest, out: TextIO) -> None:
    if not found.gaps:
        return
    out.write("The exporter was silent: of these times nothing is known.\n")
    longest = sorted(found.gaps, key=lambda gap: gap.start - gap.end)[:_MOST_GAPS]
    print_table(
        ("exporter", "from (UTC)", "until", "for"),
        (
            (
                gap.exporter,
                moment(gap.start),
                moment(gap.end),
                format_duration(round(gap.end - gap.start)),
            )
            for gap in found.gaps
            if gap in longest
        ),
        out,
    )
    more = len(found.gaps) - len(longest)
    out.write(f"and {more:,} shorter ones\n\n" if more else "\n")


def grouped(found: Backtest) -> list[Incident]:
    """Return the incidents policy by policy, those of the severest first, oldest first."""
    severities = {policy.name: SEVERITIES.index(policy.severity) for policy in found.policies}
    return sorted(
        found.incidents, key=lambda each: (severities[each.policy], each.policy, each.opened)
    )


def opened(incident: Incident, found: Backtest) -> str:
    """Return in words when an incident opened."""
    if incident.opened <= 0:
        return "open at the beginning"
    return moment(found.start + incident.opened)


def lasted(incident: Incident) -> str:
    """Return in words how long an incident was open."""
    if incident.closed is None:
        return "still open"
    text = format_duration(incident.closed - incident.opened)
    return f"{text} or more" if incident.opened <= 0 else text


def about(incident: Incident) -> str:
    """Return what an incident is about, by its labels where these name nothing."""
    if incident.about:
        return incident.about
    return ", ".join(f"{key}={value}" for key, value in sorted(incident.labels.items())) or "-"


def summary(found: Backtest) -> str:
    """Return all of it in a line."""
    count, still = len(found.incidents), sum(each.closed is None for each in found.incidents)
    text = plural(count, "incident")
    if count:
        text += f" of {_policies(len({each.policy for each in found.incidents}))}"
    text += f" in {span_in_days(found.end - found.start)}"
    text += f", {still or 'none'} still open" if count else ""
    text += f"; {_policies(len(found.quiet))} would not have paged"
    if found.unjudged:
        text += f", {len(found.unjudged)} could not be judged"
    return f"{text}. Times are {GOOD_TO}."


def document(found: Backtest, project: str) -> dict[str, Any]:
    """Return it as plain data; times in UTC.

    Args:
        found: What was found.
        project: The metrics project; empty where the series came from a file alone.
    """
    policies = {policy.name: policy for policy in found.policies}
    counts = Counter(each.policy for each in found.incidents)
    return {
        "project": project or None,
        "from": _written(found.start),
        "until": _written(found.end),
        "history_begins": None if found.begins is None else _written(found.begins),
        "silent": [
            {
                "exporter": gap.exporter,
                "from": _written(gap.start),
                "until": _written(gap.end),
                "seconds": round(gap.end - gap.start, 3),
            }
            for gap in found.gaps
        ],
        "incidents": [
            {
                "policy": each.policy,
                "severity": policies[each.policy].severity,
                "about": each.about or None,
                "labels": dict(each.labels),
                "open_at_the_beginning": each.opened <= 0,
                "opened": _written(found.start + each.opened),
                "closed": None if each.closed is None else _written(found.start + each.closed),
                "seconds": round((each.closed or found.end - found.start) - each.opened, 3),
            }
            for each in grouped(found)
        ],
        "policies": [
            {"name": policy.name, "severity": policy.severity, "incidents": counts[policy.name]}
            for policy in found.policies
        ],
        "not_judged": [
            {"policy": each.policy.name, "reason": each.reason} for each in found.unjudged
        ],
    }


def moment(unix: float) -> str:
    """Return a moment as a person reads it, in UTC."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M:%S}"


def span_in_days(seconds: float) -> str:
    """Return a time in days, if it is whole ones."""
    days, rest = divmod(round(seconds), _DAY)
    return plural(days, "day") if days and not rest else format_duration(round(seconds))


def _written(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _listed(policies: tuple[Policy, ...]) -> str:
    return ", ".join(policy.name for policy in policies)


def _policies(count: int) -> str:
    return "1 policy" if count == 1 else f"{count or 'no'} policies"
