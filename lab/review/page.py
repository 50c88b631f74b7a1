"""A review as Markdown for a pull request."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING

from exporter.durations import format_duration
from exporter.text import plural
from lab.markdown import code, details, escaped, fenced, html_code, table
from lab.review.field_changes import condition_lines
from lab.review.field_wording import MOST_LINES, describe_channels
from lab.review.incident_changes import END_CHANGES, ChangeKind, SecondsRange
from lab.review.plan import Action
from lab.review.review import DISABLED, EFFECTS, ENABLED, MOVED, WORSE
from lab.review.values import ABSENT
from lab.wording import first_and_more, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lab.review.incident_changes import IncidentChange
    from lab.review.review import PolicyReview, Review
    from lab.review.values import PlannedValue, PolicyValues

MOST_CHARACTERS = 60_000
"""Length of the page. A comment on GitHub holds 65,536 characters; the rest is for who posts it."""

_MOST_HEADLINES = 3
_SAID_ALREADY = {"query changes", "no longer alerts", "alerts again"}
"""Words for a field that say less than what happens to the policy."""
_MOST_IN_TABLE = 16_000
_MOST_LINES = 20
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
    """Return the review as Markdown: what matters most first, the rest folded.

    What does not fit in a comment on GitHub is left out, and a sentence says so.
    """
    parts = [
        "## Review of the alert policies",
        " ".join(_summary(review)),
        *_headlines(review),
        *(f"> **Note:** {escaped(note)}" for note in review.plan.notes),
    ]
    left = MOST_CHARACTERS - _length(parts)
    dropped = 0
    for part in _folded(review):
        if _length([part]) > left:
            dropped += 1
            continue
        parts.append(part)
        left -= _length([part])
    if dropped:
        parts.append(
            f"{plural(dropped, 'folded part')} left out, because a comment on GitHub holds 65,536 "
            "characters: `datastream-lab review --json` prints everything."
        )
    return "\n\n".join(parts) + "\n"


def _length(parts: Iterable[str]) -> int:
    return sum(len(part) + len("\n\n") for part in parts)


def _folded(review: Review) -> Iterator[str]:
    if review.policies:
        count = len(review.policies)
        title = "1 policy that changes" if count == 1 else f"{count:,} policies that change"
        yield details(title, _table(("policy", "is", "changes"), [*_policy_rows(review)]))
    if rows := _incident_rows(review):
        title = f"{plural(len(review.incidents), 'alert')} that scenarios open differently"
        heading = ("scenario", "policy", "alert", "for", "opens")
        yield details(title, _table(heading, rows))
    if limits := [*_limits(review)]:
        title = "What the scenarios don't show"
        yield details(title, "\n".join(f"- {line}" for line in limits))
    yield from _folded_policies(review)


def _headlines(review: Review) -> Iterator[str]:
    """Yield the most important changes as a numbered list, with their numbers."""
    ranked = sorted(
        (_headline(policy, review) for policy in review.policies), key=lambda each: each[0]
    )
    lines = [f"{number}. {text}" for number, (_, text) in enumerate(ranked[:_MOST_HEADLINES], 1)]
    if lines:
        yield "\n".join(lines)


def _headline(policy: PolicyReview, review: Review) -> tuple[tuple[float, ...], str]:
    """Return a policy's rank, the most important first, and what matters about it."""
    name = policy.change.name
    incidents = [change.incident for change in review.incidents if name in change.policies]
    count = Counter(incident.kind for incident in incidents)
    times = [time for time in review.times if time.policy == name]
    fields = [field.words for field in policy.fields if field.words not in _SAID_ALREADY]
    nobody = [words for words in fields if "notifies no channel" in words]
    words = ["Prometheus rejects its query"] * (name in review.rejected)
    words += [f"{time.title}: worst {time.before} s → {time.after} s" for time in times]
    words += [_incident_summary(incidents)] if incidents else []
    words += (nobody or fields)[:_MOST_NAMES]
    grave = bool(nobody or count[ChangeKind.LOST] or name in review.rejected)
    slower = max([time.after - time.before for time in times], default=0)
    later = max([each.by.most for each in incidents if each.by and each.kind in WORSE], default=0.0)
    rank = (
        not (grave or policy.effect in {Action.REMOVED, DISABLED}),
        -count[ChangeKind.LOST],
        -max(slower, later),
        -len(incidents),
        EFFECTS.index(policy.effect),
    )
    text = f"{code(name)} {_EFFECT_WORDS[policy.effect][0]}"
    return rank, f"{text}: {'; '.join(words)}" if words else text


def _summary(review: Review) -> Iterator[str]:
    count = Counter(policy.effect for policy in review.policies)
    parts = [(count[effect], _EFFECT_WORDS[effect]) for effect in EFFECTS if count[effect]]
    if review.unchanged:
        parts.append((review.unchanged, ("stays the same", "stay the same")))
    yield f"{joined(_counted(parts, 'policy', 'policies'))}."
    if review.incidents:
        incidents = [change.incident for change in review.incidents]
        yield f"In {plural(len(review.titles), 'scenario')}, {_incident_summary(incidents)}."
    elif review.played:
        yield f"No scenario alerts differently ({plural(len(review.titles), 'scenario')} played)."
    elif review.unplayed:
        yield "The scenarios cannot show what that does."
    else:
        yield "No scenario alerts differently: what decides when an alert opens stays the same."


def _incident_summary(incidents: Sequence[IncidentChange]) -> str:
    count = Counter(incident.kind for incident in incidents)
    kinds = [kind for kind in _KIND_WORDS if count[kind]]
    parts = [(count[kind], _KIND_WORDS[kind]) for kind in kinds]
    if ends := sum(count[kind] for kind in END_CHANGES):
        parts.append((ends, ("ends at another time", "end at another time")))
    words = _counted(parts, "alert", "alerts")
    for index, kind in enumerate(kinds):
        moved = [each.by.most for each in incidents if each.kind is kind and each.by]
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


def _table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table, cut where it gets too long."""
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
    yield from _first([field.words for field in policy.fields], _MOST_FIELDS, " fields")
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


def _incident_rows(review: Review) -> list[tuple[str, ...]]:
    """Return a row for the incidents that change alike, by scenario, the most important first."""
    groups: dict[tuple[str, int, tuple[str, ...], bool], list[IncidentChange]] = {}
    for change in review.incidents:
        incident = change.incident
        rank = [*ChangeKind].index(incident.kind)
        key = change.scenario, rank, change.policies, incident.phases < incident.all_phases
        groups.setdefault(key, []).append(incident)
    rows: list[tuple[str, ...]] = []
    last = ""
    for (scenario, _, policies, _), group in sorted(groups.items(), key=lambda item: item[0]):
        title = "" if scenario == last else escaped(review.titles.get(scenario, ""))
        last = scenario
        kind = group[0].kind
        rows.append(
            (
                f"{code(scenario)}{f': {title}' if title else ''}",
                _first_names(policies),
                _kind(kind, group),
                _resources(group),
                _when(kind, group),
            )
        )
    return rows


def _first_names(names: Sequence[str]) -> str:
    return first_and_more([code(name) if name else "everything" for name in names], _MOST_NAMES)


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
    yield from (*_first(rejected), *_first(unplayed))
    if review.silent:
        names = first_and_more([code(name) for name in review.silent], _MOST_LINES)
        yield f"No scenario covers {names}: nothing alerts there, before or after."
    if review.played:
        yield (
            "The scenarios show when incidents open and close. They do not show who is notified, "
            "what a notification says or how often it repeats. Times count from the start of a "
            "scenario."
        )


def _first(lines: Sequence[str], most: int = _MOST_LINES, of: str = " (see `--json`)") -> list[str]:
    more = len(lines) - most
    return [*lines[:most], *([f"and {more:,} more{of}"] if more > 0 else [])]
