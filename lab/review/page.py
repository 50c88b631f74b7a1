"""Writes a review as Markdown for a comment on GitHub."""

import html
from collections.abc import Iterator, Sequence

from exporter.text import plural
from lab.markdown import code, details, fenced, html_code, table
from lab.promql_durations import format_duration
from lab.prove.outcomes import first_and_more
from lab.review.playing import KINDS
from lab.review.review import WORSE
from lab.review.values import Json

# Length of the page. A comment on GitHub holds 65,536 characters; the rest is for who
# posts it
MOST_CHARACTERS = 60_000
_MOST_ROWS = 40
_MOST_LINES = 80
_MOST_NAMES = 3
_JSON = "`datastream-lab review --json`"


def review_page(review: Json) -> str:
    """Return a review as Markdown; diffs that don't fit in a comment are left out."""
    head = ["## Review of the alert policies", _summary(review)]
    head += [f"> **Note:** {note}" for note in review["notes"]]
    tail = [
        *_incidents(review),
        *_problems(review),
        *_costs(review),
        *_routes(review),
    ]
    left = MOST_CHARACTERS - len("\n\n".join([*head, *tail, ""]))
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


def _summary(review: Json) -> str:
    changed = len(review["policies"])
    total = changed + review["unchanged"]
    policies = f"Policies that change: {changed:,} of {total:,}."
    if not review["scenarios"]:
        return f"{policies} What decides when an alert opens stays the same."
    played = plural(len(review["scenarios"]), "scenario")
    kinds = []
    for kind in KINDS:
        count = review["count"][kind]
        if count:
            kinds.append(_marked(kind, f"{count:,} {kind}"))
    return f"{policies} Alerts in {played}: {', '.join(kinds) or 'all as before'}."


def _marked(kind: str, text: str) -> str:
    return f"**{text}**" if kind in WORSE else text


def _policy(policy: Json) -> str:
    diff = "\n".join(policy["diff"])
    shown = "Only values change that Cloud Monitoring sets."
    if diff:
        shown = fenced("diff", diff, most_lines=_MOST_LINES)
    if " and " in policy["effect"]:
        shown = f"It is replaced: its open incidents close, and open again.\n\n{shown}"
    summary = f"{html_code(policy['name'])}: {html.escape(policy['effect'])}"
    return details(summary, shown)


def _incidents(review: Json) -> Iterator[str]:
    groups: dict[tuple[str, int, str], list[Json]] = {}
    for each in review["incidents"]:
        rank = KINDS.index(each["kind"])
        key = each["scenario"], rank, each["policy"]
        groups.setdefault(key, []).append(each)
    rows = []
    for scenario, rank, policy in sorted(groups):
        group = groups[scenario, rank, policy]
        kind = KINDS[rank]
        rows.append(
            (
                code(scenario),
                code(policy),
                _marked(kind, kind),
                _abouts(group),
                _latest(group, 0),
                _latest(group, 1),
            )
        )
    if rows:
        yield "### Alerts in the scenarios"
        headings = ("scenario", "policy", "alert", "for", "opens now", "opens then")
        yield _table(headings, rows)


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = table(heading, rows[:_MOST_ROWS])
    more = len(rows) - _MOST_ROWS
    return f"{text}\n\n{more:,} more rows: see {_JSON}." if more > 0 else text


def _abouts(group: Sequence[Json]) -> str:
    names = []
    for each in group:
        name = each["about"].rpartition("/")[2]
        names.append(code(name) if name else "everything")
    return first_and_more(names, _MOST_NAMES)


def _latest(group: Sequence[Json], side: int) -> str:
    """Return when the last incident of a row opens, before (0) or after (1)."""
    times = [each["opens"][side] for each in group]
    opens = [time for time in times if time is not None]
    return format_duration(max(opens)) if opens else "never"


def _problems(review: Json) -> Iterator[str]:
    rows = []
    for name, text in review["problems"].items():
        rows.append((code(name), code(text)))
    if rows:
        yield "### To look at"
        yield _table(("policy", "problem"), rows)


def _costs(review: Json) -> Iterator[str]:
    before = review["dollars_a_month"]["before"]
    after = review["dollars_a_month"]["after"]
    yield "### Costs and routes"
    if before == after:
        yield "Alerting as announced costs the same."
        return
    conditions = f"${before['conditions']:.2f} → ${after['conditions']:.2f}"
    stream = f"${before['each_stream']:.2f} → ${after['each_stream']:.2f}"
    yield (
        f"Alerting as announced, a month: {conditions} for conditions, {stream} for"
        " each stream."
    )


def _routes(review: Json) -> Iterator[str]:
    rows = []
    for each in review["routes"]:
        after = code(each["after"])
        if each["after"] == "nobody":
            after = "**nobody**"
        policies = first_and_more(list(map(code, each["policies"])), _MOST_NAMES)
        before = code(each["before"])
        rows.append((code(each["route"]), before, after, policies))
    if rows:
        yield _table(("route", "notified now", "notified then", "policies"), rows)
