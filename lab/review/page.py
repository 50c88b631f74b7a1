"""Writes a review as Markdown for a comment on GitHub."""

import html
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from exporter.inputs.durations import format_duration
from exporter.text import plural, printable
from lab.markdown import code, details, fenced, table
from lab.review.playing import ENDS, GAINED, KINDS, LATER, LOST
from lab.wording import first_and_more

MOST_CHARACTERS = 60_000
"""Length of the page. A comment on GitHub holds 65,536 characters; the rest is for who posts it."""

_MOST_ROWS = 80
_MOST_LINES = 80
_MOST_NAMES = 3


def review_page(review: dict[str, Any]) -> str:
    """Return a review as Markdown. What doesn't fit in a comment is left out, and the page says so."""
    head = ["## Review of the alert policies", _summary(review)]
    head += [f"> **Note:** {note}" for note in review["notes"]]
    tail = [*_incidents(review), *_problems(review), *_costs_and_routes(review)]
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
        diffs.append(f"{plural(left_out, 'more diff')}: see `datastream-lab review --json`.")
    return "\n\n".join([*head, *diffs, *tail]) + "\n"


def _summary(review: dict[str, Any]) -> str:
    count = review["count"]
    changed, same = len(review["policies"]), review["unchanged"]
    policies = f"{plural(changed, 'change')} of policies, {same:,} unchanged."
    if not review["scenarios"]:
        return f"{policies} What decides when an alert opens stays the same."
    played = plural(len(review["scenarios"]), "scenario")
    kinds = [
        f"**{count[kind]:,} {kind}**" if kind in {LOST, LATER} else f"{count[kind]:,} {kind}"
        for kind in KINDS
        if count[kind]
    ]
    return f"{policies} Alerts in {played}: {', '.join(kinds) or 'all as before'}."


def _policy(policy: dict[str, Any]) -> str:
    name = f"<code>{html.escape(printable(policy['name']))}</code>"
    action = "switched " + policy["switched"] if policy["switched"] else policy["action"]
    diff = "\n".join(policy["diff"])
    shown = (
        fenced("diff", diff, most_lines=_MOST_LINES)
        if diff
        else ("Only values change that Cloud Monitoring sets.")
    )
    if policy["action"] in {"delete and create", "create and delete"}:
        shown = f"It is replaced: its open incidents close, and open again.\n\n{shown}"
    return details(f"{name}: {html.escape(action)}", shown)


def _incidents(review: dict[str, Any]) -> Iterator[str]:
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for each in review["incidents"]:
        groups[each["scenario"], KINDS.index(each["kind"]), each["policy"]].append(each)
    rows = [
        (code(scenario), code(policy), _kind(group), _abouts(group), _times(group))
        for (scenario, _, policy), group in sorted(groups.items(), key=lambda item: item[0])
    ]
    if rows:
        yield "### Alerts in the scenarios"
        yield table(("scenario", "policy", "alert", "for", "opens"), rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        yield f"{len(rows) - _MOST_ROWS:,} more rows: see `datastream-lab review --json`."


def _kind(group: Sequence[dict[str, Any]]) -> str:
    kind = group[0]["kind"]
    return f"**{kind}**" if kind in {LOST, LATER} else str(kind)


def _abouts(group: Sequence[dict[str, Any]]) -> str:
    names = [each["about"].rpartition("/")[2] for each in group]
    return first_and_more([code(name) if name else "everything" for name in names], _MOST_NAMES)


def _times(group: Sequence[dict[str, Any]]) -> str:
    """Return when the incidents of a row open at the latest, after and before."""
    key = "closes" if group[0]["kind"] == ENDS else "opens"
    was, will = (
        max((each[key][side] for each in group if each[key][side] is not None), default=None)
        for side in (0, 1)
    )
    words = [f"by {format_duration(will)}"] if will is not None else []
    words += [f"was by {format_duration(was)}"] if was is not None else []
    return ("ends " if key == "closes" else "") + "; ".join(words or ["after the scenario"])


def _problems(review: dict[str, Any]) -> Iterator[str]:
    if problems := review["problems"]:
        yield "### To look at"
        lines = [f"- {code(name)}: {code(text)}" for name, text in problems.items()]
        yield "\n".join(lines[:_MOST_ROWS])


def _costs_and_routes(review: dict[str, Any]) -> Iterator[str]:
    before, after = review["dollars_a_month"]["before"], review["dollars_a_month"]["after"]
    yield "### Costs and routes"
    if before == after:
        yield "Alerting as announced costs the same."
    else:
        yield (
            f"Alerting as announced, a month: ${before['conditions']:.2f} → "
            f"${after['conditions']:.2f} for conditions, ${before['each_stream']:.2f} → "
            f"${after['each_stream']:.2f} for the points of each stream."
        )
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
        yield table(("route", "notified now", "notified after", "policies"), rows[:_MOST_ROWS])
