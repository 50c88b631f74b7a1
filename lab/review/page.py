"""Writes a review as Markdown for a comment on GitHub."""

import html
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from exporter.text import plural
from lab.markdown import code, details, fenced, html_code, table
from lab.promql_durations import format_duration
from lab.prove.outcomes import first_and_more
from lab.review.playing import KINDS
from lab.review.review import WORSE

# Length of the page. A comment on GitHub holds 65,536 characters; the rest is for who
# posts it
MOST_CHARACTERS = 60_000
_MOST_ROWS = 40
_MOST_LINES = 80
_MOST_NAMES = 3
_JSON = "`datastream-lab review --json`"


def review_page(review: dict[str, Any]) -> str:
    """Return a review as Markdown; diffs that don't fit in a comment are left out."""
    head = ["## Review of the alert policies", _summary(review)]
    head += [f"> **Note:** {note}" for note in review["notes"]]
    tail = [*_incidents(review), *_problems(review), *_costs(review), *_routes(review)]
    left = MOST_CHARACTERS - sum(len(part) + 2 for part in (*head, *tail))
    diffs = []
    left_out = 0
    for policy in review["policies"]:
        part = _policy(policy)
        if len(part) + 2 > left:
            left_out += 1
        else:
            diffs.append(part)
            left -= len(part) + 2
    if left_out:
        diffs.append(f"{plural(left_out, 'more diff')}: see {_JSON}.")
    return "\n\n".join([*head, *diffs, *tail]) + "\n"


def _summary(review: dict[str, Any]) -> str:
    count = review["count"]
    changed, same = len(review["policies"]), review["unchanged"]
    policies = f"Policies that change: {changed:,} of {changed + same:,}."
    if not review["scenarios"]:
        return f"{policies} What decides when an alert opens stays the same."
    played = plural(len(review["scenarios"]), "scenario")
    kinds = [
        f"**{count[kind]:,} {kind}**" if kind in WORSE else f"{count[kind]:,} {kind}"
        for kind in KINDS
        if count[kind]
    ]
    return f"{policies} Alerts in {played}: {', '.join(kinds) or 'all as before'}."


def _policy(policy: dict[str, Any]) -> str:
    diff = "\n".join(policy["diff"])
    shown = "Only values change that Cloud Monitoring sets."
    if diff:
        shown = fenced("diff", diff, most_lines=_MOST_LINES)
    if " and " in policy["effect"]:
        shown = f"It is replaced: its open incidents close, and open again.\n\n{shown}"
    return details(
        f"{html_code(policy['name'])}: {html.escape(policy['effect'])}", shown
    )


def _incidents(review: dict[str, Any]) -> Iterator[str]:
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for each in review["incidents"]:
        groups[each["scenario"], KINDS.index(each["kind"]), each["policy"]].append(each)
    rows = [
        (
            code(scenario),
            code(policy),
            f"**{KINDS[kind]}**" if KINDS[kind] in WORSE else KINDS[kind],
            _abouts(group),
            _latest(group, 0),
            _latest(group, 1),
        )
        for (scenario, kind, policy), group in sorted(
            groups.items(), key=lambda item: item[0]
        )
    ]
    if rows:
        yield "### Alerts in the scenarios"
        yield _table(
            ("scenario", "policy", "alert", "for", "opens now", "opens then"), rows
        )


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = table(heading, rows[:_MOST_ROWS])
    more = len(rows) - _MOST_ROWS
    return f"{text}\n\n{more:,} more rows: see {_JSON}." if more > 0 else text


def _abouts(group: Sequence[dict[str, Any]]) -> str:
    names = [each["about"].rpartition("/")[2] for each in group]
    return first_and_more(
        [code(name) if name else "everything" for name in names], _MOST_NAMES
    )


def _latest(group: Sequence[dict[str, Any]], side: int) -> str:
    """Return when the last incident of a row opens, before (0) or after (1)."""
    opens = [each["opens"][side] for each in group if each["opens"][side] is not None]
    return format_duration(max(opens)) if opens else "never"


def _problems(review: dict[str, Any]) -> Iterator[str]:
    if rows := [(code(name), code(text)) for name, text in review["problems"].items()]:
        yield "### To look at"
        yield _table(("policy", "problem"), rows)


def _costs(review: dict[str, Any]) -> Iterator[str]:
    before, after = (
        review["dollars_a_month"]["before"],
        review["dollars_a_month"]["after"],
    )
    yield "### Costs and routes"
    if before == after:
        yield "Alerting as announced costs the same."
        return
    conditions, stream = (
        f"${before[key]:.2f} → ${after[key]:.2f}"
        for key in ("conditions", "each_stream")
    )
    yield (
        f"Alerting as announced, a month: {conditions} for conditions, {stream} for"
        " each stream."
    )


def _routes(review: dict[str, Any]) -> Iterator[str]:
    rows = [
        (
            code(each["route"]),
            code(each["before"]),
            "**nobody**" if each["after"] == "nobody" else code(each["after"]),
            first_and_more(list(map(code, each["policies"])), _MOST_NAMES),
        )
        for each in review["routes"]
    ]
    if rows:
        yield _table(("route", "notified now", "notified then", "policies"), rows)
