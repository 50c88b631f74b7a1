"""A review as Markdown for a pull request."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from exporter.inputs.durations import format_duration
from exporter.text import plural
from lab.markdown import code, details, escaped, fenced, html_code, table
from lab.review.field_changes import condition_lines
from lab.review.field_wording import MOST_LINES, describe_channels
from lab.review.incident_changes import END_CHANGES, ChangeKind, SecondsRange
from lab.review.plan import Action
from lab.review.review import DISABLED, EFFECTS, ENABLED, MOVED, WORSE
from lab.review.values import ABSENT
from lab.wording import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lab.review.incident_changes import IncidentChange
    from lab.review.review import PolicyReview, Review
    from lab.review.values import PlannedValue, PolicyValues

MOST_CHARACTERS = 60_000
"""Length of the page: a comment on GitHub holds 65,536 characters."""

_MOST_IN_TABLE = 16_000
_MOST_OPEN_ROWS = 20
_MOST_FIELDS = 12
_MOST_NAMES = 3
_CLOSE_SECONDS = 120.0
"""A range of times that is no longer than this is shown as its end."""

# Singular and plural.
_EFFECT_WORDS: Mapping[str, tuple[str, str]] = {
    Action.REMOVED: ("is removed", "are removed"),
    DISABLED: ("is switched off", "are switched off"),
    Action.FORGOTTEN: ("is forgotten", "are forgotten"),
    Action.CHANGED: ("changes", "change"),
    Action.REPLACED: ("is replaced", "are replaced"),
    ENABLED: ("is switched on", "are switched on"),
    Action.ADDED: ("is added", "are added"),
    MOVED: ("only moves to a new address", "only move to new addresses"),
}
_KIND_WORDS: Mapping[ChangeKind, tuple[str, str]] = {
    ChangeKind.LOST: ("is lost", "are lost"),
    ChangeKind.LATER: ("comes later", "come later"),
    ChangeKind.GAINED: ("is gained", "are gained"),
    ChangeKind.SOONER: ("comes sooner", "come sooner"),
    ChangeKind.REOPENED: ("comes once more", "come once more"),
    ChangeKind.MERGED: ("merges with another", "merge with others"),
}

# Terraform's codes: https://developer.hashicorp.com/terraform/internals/json-format
_REASONS = {
    "delete_because_each_key": "its key is no longer in `for_each`",
    "delete_because_no_module": "its module is no longer in the configuration",
    "delete_because_no_resource_config": "its resource is no longer in the configuration",
    "replace_because_cannot_update": "Cloud Monitoring cannot change that in place",
    "replace_because_tainted": "its last apply failed halfway",
    "replace_by_request": "requested with `-replace`",
}


def review_page(review: Review) -> str:
    """Return the review as Markdown. What does not fit in a GitHub comment is left out."""
    head = [
        "## Review of the alert policies",
        " ".join(_summary(review)),
        *(f"> **Note:** {escaped(note)}" for note in review.plan.notes),
    ]
    if review.policies:
        head.append(_short_table(("policy", "is", "changes"), [*_policy_rows(review)]))
    open_tables, folded_tables = _incident_tables(review)
    limits = [*_limits(review)]
    left = MOST_CHARACTERS - _length([*head, *open_tables, *limits])
    folded_tables, left = _fitting(folded_tables, left)
    folded = [*_folded_policies(review)]
    kept, _ = _fitting(folded, left)
    if len(kept) < len(folded):
        dropped = plural(len(folded) - len(kept), "folded part")
        kept.append(f"{dropped} left out to keep this short; see `--json`.")
    return "\n\n".join([*head, *kept, *open_tables, *folded_tables, *limits]) + "\n"


def _summary(review: Review) -> Iterator[str]:
    count = Counter(policy.effect for policy in review.policies)
    parts = [(count[effect], _EFFECT_WORDS[effect]) for effect in EFFECTS if count[effect]]
    if review.unchanged:
        parts.append((review.unchanged, ("stays the same", "stay the same")))
    yield f"{joined(_counted(parts, 'policy', 'policies'))}."
    if review.incidents:
        yield f"In {plural(len(review.titles), 'scenario')}, {_incident_summary(review)}."
    elif review.played:
        yield f"No scenario alerts differently ({plural(len(review.titles), 'scenario')} played)."
    elif review.unplayed:
        yield "The scenarios cannot show what that does."
    else:
        yield "No scenario alerts differently: what decides when an alert opens stays the same."


def _incident_summary(review: Review) -> str:
    count = review.count
    kinds = [kind for kind in _KIND_WORDS if count[kind]]
    parts = [(count[kind], _KIND_WORDS[kind]) for kind in kinds]
    if ends := sum(count[kind] for kind in END_CHANGES):
        parts.append((ends, ("ends at another time", "end at another time")))
    words = _counted(parts, "alert", "alerts")
    for index, kind in enumerate(kinds):
        moved = [
            change.incident.by.most
            for change in review.incidents
            if change.incident.kind is kind and change.incident.by
        ]
        words[index] += f" (by up to {format_duration(max(moved))})" if moved else ""
        words[index] = f"**{words[index]}**" if kind in WORSE else words[index]
    return joined(words)


def _counted(parts: list[tuple[int, tuple[str, str]]], one: str, several: str) -> list[str]:
    """Return phrases such as ``1 policy changes``; only the first one names the thing."""
    words: list[str] = []
    for number, (singular, plural_verb) in parts:
        thing = "" if words else f" {one if number == 1 else several}"
        words.append(f"{number:,}{thing} {singular if number == 1 else plural_verb}")
    return words


def _length(parts: Iterable[str]) -> int:
    return sum(len(part) + len("\n\n") for part in parts)


def _fitting(parts: Sequence[str], left: int) -> tuple[list[str], int]:
    """Return the parts that fit in so many characters, and how many characters remain."""
    kept: list[str] = []
    for part in parts:
        if _length([part]) <= left:
            kept.append(part)
            left -= _length([part])
    return kept, left


def _short_table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lengths = itertools.accumulate(sum(map(len, row)) + 3 * len(row) for row in rows)
    fit = sum(1 for length in lengths if length <= _MOST_IN_TABLE)
    kept = [*rows[:fit]]
    if fit < len(rows):
        kept.append((f"and {len(rows) - fit:,} more (see `--json`)", *[""] * (len(heading) - 1)))
    return table(heading, kept)


def _policy_rows(review: Review) -> Iterator[tuple[str, ...]]:
    for policy in review.policies:
        words = "<br>".join(_policy_words(policy, review.plan.channels))
        yield code(policy.change.name), policy.effect, words


def _policy_words(policy: PolicyReview, channels: Mapping[str, str]) -> Iterator[str]:
    change = policy.change
    if change.action is Action.ADDED and change.after:
        yield _at_a_glance(change.after, channels)
    elif change.action is Action.REMOVED and change.before:
        yield f"no longer alerts; was {_at_a_glance(change.before, channels)}"
    elif change.action is Action.FORGOTTEN:
        yield "stays in Cloud Monitoring and keeps alerting, but Terraform no longer manages it"
    for field in policy.fields[:_MOST_FIELDS]:
        yield field.words
    more = len(policy.fields) - _MOST_FIELDS
    if more > 0:
        yield f"and {more} more fields"
    if change.action is Action.CHANGED and not policy.fields:
        yield "only fields that Cloud Monitoring sets"
    if change.action is Action.REPLACED:
        yield "its open incidents close, and open again if the condition is still true"
    if change.old_address:
        yield f"moves from {code(change.old_address)} to {code(change.address)}"
    if change.reason in _REASONS:
        yield f"({_REASONS[change.reason]})"
    yield from change.notes


def _at_a_glance(values: PolicyValues, channels: Mapping[str, str]) -> str:
    severity = values.text("severity")
    words = [severity if severity.isalpha() else code(severity)] if severity else []
    if values.get("enabled").value is False:
        words.append("switched off")
    for condition in values.conditions():
        if values.below(f"{condition}.condition_prometheus_query_language"):
            path = f"{condition}.condition_prometheus_query_language.duration"
            words.append(f"retest window {_retest_window(values.get(path))}")
        elif values.below(f"{condition}.condition_matched_log"):
            words.append("alerts on a log entry")
    words.append(describe_channels(values.get("notification_channels"), channels))
    return "; ".join(words)


def _retest_window(value: PlannedValue) -> str:
    if value == ABSENT:
        return "0s"
    if value.sensitive or value.seconds is None:
        return code(value.shown)
    return format_duration(value.seconds)


def _folded_policies(review: Review) -> Iterator[str]:
    for policy in review.policies:
        blocks = [field.block for field in policy.fields if field.block]
        after, title = policy.change.after, "diff"
        if policy.change.action is Action.ADDED and after:
            title = "condition"
            blocks = [
                fenced("text", "\n".join(condition_lines(after, path)), most_lines=MOST_LINES)
                for path in after.conditions()
            ]
        if blocks:
            yield details(f"{html_code(policy.change.name)}: {title}", "\n\n".join(blocks))


class _IncidentRow(NamedTuple):
    """A row of the table of incidents: those of a scenario that change in the same way."""

    scenario: str
    kind: ChangeKind
    cells: tuple[str, ...]


def _incident_tables(review: Review) -> tuple[list[str], list[str]]:
    """Return the tables of incidents that are open, and those that are folded."""
    rows = _incident_rows(review)
    if not rows:
        return [], []
    heading = "### Scenarios that alert differently"
    if len(rows) <= _MOST_OPEN_ROWS:
        return [heading, _incident_table(rows, review)], []
    worse = [row for row in rows if row.kind in WORSE]
    rest = [row for row in rows if row.kind not in WORSE]
    visible = [heading, _incident_table(worse, review)] if worse else [heading]
    if not rest:
        return visible, []
    title = f"{plural(len(rest), 'row')} of alerts that are gained, come sooner or end differently"
    return visible, [details(title, _incident_table(rest, review))]


def _incident_table(rows: Sequence[_IncidentRow], review: Review) -> str:
    lines = []
    last = ""
    for row in rows:
        title = "" if row.scenario == last else escaped(review.titles.get(row.scenario, ""))
        last = row.scenario
        lines.append((f"{code(row.scenario)}{f': {title}' if title else ''}", *row.cells))
    return _short_table(("scenario", "policy", "alert", "for", "opens"), lines)


def _incident_rows(review: Review) -> list[_IncidentRow]:
    """Return the rows by scenario, the most important first."""
    groups: dict[tuple[str, ChangeKind, tuple[str, ...], bool], list[IncidentChange]] = {}
    for change in review.incidents:
        incident = change.incident
        depends = incident.phases < incident.all_phases
        key = change.scenario, incident.kind, change.policies, depends
        groups.setdefault(key, []).append(incident)
    order = [*ChangeKind]
    return [
        _IncidentRow(
            key[0],
            key[1],
            (_first_names(key[2]), _kind(key[1], group), _resources(group), _when(key[1], group)),
        )
        for key, group in sorted(
            groups.items(), key=lambda item: (item[0][0], order.index(item[0][1]), *item[0][2:])
        )
    ]


def _first_names(names: Sequence[str]) -> str:
    text = ", ".join(code(name) if name else "everything" for name in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{text} and {more:,} more" if more > 0 else text


def _kind(kind: ChangeKind, incidents: Sequence[IncidentChange]) -> str:
    words = f"**{kind}**" if kind in WORSE else str(kind)
    by = _combined(incident.by for incident in incidents)
    if not by:
        return words
    least, most = format_duration(by.least), format_duration(by.most)
    return f"{words} by {least}" + (f" to {most}" if least != most else "")


def _resources(incidents: Sequence[IncidentChange]) -> str:
    full = sorted({incident.about for incident in incidents}, key=_natural)
    short = [name.rpartition("/")[2] for name in full]
    text = _first_names(short if len(set(short)) == len(full) else full)
    return f"{text} ({len(incidents):,} alerts)" if len(incidents) > len(full) else text


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers in names by value, 2 before 10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [
        (int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts
    ]


def _when(kind: ChangeKind, incidents: Sequence[IncidentChange]) -> str:
    was = _times(_combined(incident.before for incident in incidents))
    will = _times(_combined(incident.after for incident in incidents))
    if kind in END_CHANGES:
        after_scenario = "after the scenario"
        text = f"ends {will or after_scenario} (was {was or after_scenario})"
    elif will:
        text = f"{will} (was {was})" if was else will
    else:
        text = f"was {was}"
    phases, all_phases = max(incident.phases for incident in incidents), incidents[0].all_phases
    if all(incident.phases == incident.all_phases for incident in incidents):
        return text
    return f"{text}; only in {phases} of {all_phases} evaluation phases"


def _times(seconds: SecondsRange | None) -> str:
    if seconds is None:
        return ""
    if seconds.most - seconds.least <= _CLOSE_SECONDS:
        return f"by {format_duration(seconds.most)}"
    return f"between {format_duration(seconds.least)} and {format_duration(seconds.most)}"


def _combined(ranges: Iterable[SecondsRange | None]) -> SecondsRange | None:
    known = [seconds for seconds in ranges if seconds]
    if not known:
        return None
    return SecondsRange(min(each.least for each in known), max(each.most for each in known))


def _limits(review: Review) -> Iterator[str]:
    rejected = [
        f"{code(policy)}: Prometheus rejects the query, so it would never alert: {code(error)}"
        for policy, error in review.rejected.items()
    ]
    unplayed = [
        f"{code(each.policy)}: the scenarios cannot show what changes: {escaped(each.reason)}"
        for each in review.unplayed
    ]
    lines = [*_first_lines(rejected), *_first_lines(unplayed)]
    if review.silent:
        names = ", ".join(_first_lines([code(name) for name in review.silent]))
        lines.append(f"No scenario covers {names}: nothing alerts there, before or after.")
    if review.played:
        lines.append(
            "The scenarios show when incidents open and close. They do not show who is notified, "
            "what a notification says or how often it repeats. Times count from the start of a "
            "scenario."
        )
    if lines:
        yield "\n".join(f"- {line}" for line in lines)


def _first_lines(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _MOST_OPEN_ROWS
    rest = [f"and {more:,} more (see `--json`)"] if more > 0 else []
    return [*lines[:_MOST_OPEN_ROWS], *rest]
