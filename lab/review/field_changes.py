"""The fields of a policy that a plan changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.markdown import code, fenced
from lab.review.field_wording import MOST_LINES, ChangedField, as_text, describe_field
from lab.review.values import split_condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from lab.review.values import PlannedValue, PolicyValues

# Set by Cloud Monitoring or the provider, or meaningful to Terraform only.
_COMPUTED = re.compile(
    r"(?:name|id|creation_record|deletion_policy|timeouts|conditions\[[0-9]+\]\.name)(?:[.\[].*)?"
)
# A channel strategy repeats the policy's channels.
_REPEATED = re.compile(
    r"alert_strategy\.notification_channel_strategy\[[0-9]+\]\.notification_channel_names"
)
_DEFAULTS = {"enabled": True, "disable_metric_validation": False}
_TRAILING_SPACE_IGNORED = ("query", "filter", "content")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field, or a whole condition, that a plan changes.

    Attributes:
        path: Its path in the resource, such as ``alert_strategy.auto_close``.
        before: Its value now; None if absent.
        after: Its value after apply; None if absent.
        words: The change in words, as Markdown.
        block: A block of Markdown with the details; mostly empty.
    """

    path: str
    before: JsonValue
    after: JsonValue
    words: str
    block: str = ""


def field_changes(
    before: PolicyValues, after: PolicyValues, channels: Mapping[str, str]
) -> tuple[FieldChange, ...]:
    """Return what changes about a policy, the most important first.

    Args:
        before: Its values now.
        after: Its values after apply.
        channels: Display names of notification channels by full name.
    """
    before = _match_conditions(before, after)
    whole = [*_condition_changes(before, after)]
    replaced = tuple(f"{change.path}." for change in whole)
    ranked = [
        (rank, change)
        for rank, change in _ranked_changes(before, after, channels)
        if not change.path.startswith(replaced)
    ]
    ranked.sort(key=lambda item: item[0])
    return (*whole, *(change for _, change in ranked))


def condition_lines(values: PolicyValues, condition: str) -> list[str]:
    """Return all fields of a condition as lines of text, its name first."""
    found: list[str] = []
    fields = values.below(condition)
    for path in sorted(fields, key=lambda path: (path != "display_name", path)):
        if path == "name":
            continue
        key = re.sub(r"^condition_(prometheus_query_language|matched_log)\.", "", path)
        first, *more = as_text(fields[path].shown).rstrip().splitlines() or [""]
        if more:
            found += [f"{key}:", *(f"    {line}" for line in (first, *more))]
        else:
            found.append(f"{key}: {first}")
    return found


def _match_conditions(before: PolicyValues, after: PolicyValues) -> PolicyValues:
    """Return the old values, each condition at the place of the new one with the same name."""
    old, new = before.conditions(), after.conditions()
    if len(old) <= 1 and len(new) <= 1:
        return before
    by_name = {after.text(f"{path}.display_name"): path for path in new}
    places = (f"conditions[{number}]" for number in range(len(old) + len(new)))
    free = [place for place in places if place not in new]
    return before.with_conditions_renamed(
        {path: by_name.pop(before.text(f"{path}.display_name"), "") or free.pop(0) for path in old}
    )


def _condition_changes(before: PolicyValues, after: PolicyValues) -> Iterator[FieldChange]:
    """Yield the conditions that are added, removed, or get another type."""
    if after.get("conditions").unknown:
        return
    old, new = before.conditions(), after.conditions()
    for path in dict.fromkeys((*old, *new)):
        was = condition_lines(before, path) if path in old else []
        will = condition_lines(after, path) if path in new else []
        name = code((after if will else before).text(f"{path}.display_name"))
        if path not in old:
            words = f"condition {name} is added"
        elif path not in new:
            words = f"condition {name} is removed"
        elif before.condition_types(path) != after.condition_types(path):
            words = f"condition {name} changes its type"
        else:
            continue
        diff = "\n".join([*(f"-{line}" for line in was), *(f"+{line}" for line in will)])
        block = fenced("diff", diff, most_lines=MOST_LINES)
        yield FieldChange(path, [*was] or None, [*will] or None, words, block)


def _ranked_changes(
    before: PolicyValues, after: PolicyValues, channels: Mapping[str, str]
) -> Iterator[tuple[int, FieldChange]]:
    several = max(len(before.conditions()), len(after.conditions())) > 1
    yields_to = after.text("user_labels.yields_to")
    for path in sorted({*before.by_path, *after.by_path}):
        old, new = before.get(path), after.get(path)
        # A field inside an unknown one is covered by that.
        covered = new.unknown and path not in after.by_path
        if covered or _COMPUTED.fullmatch(path) or _REPEATED.match(path) or _same(path, old, new):
            continue
        condition, field = split_condition(path)
        rank, words, block = describe_field(ChangedField(field, old, new, channels, yields_to))
        if condition and field == "display_name":
            words = f"condition's {words}"
        if condition and several:
            name = after.text(f"{condition}.display_name")
            words = f"condition {code(name or condition)}: {words}"
        yield rank, FieldChange(path, old.shown, new.shown, words, block)


def _same(path: str, before: PlannedValue, after: PlannedValue) -> bool:
    if after.unknown:
        return False
    if before.seconds is not None and before.seconds == after.seconds:
        return True
    key = path.rpartition(".")[2]
    old, new = (
        _DEFAULTS.get(key) if side.value is None else side.value for side in (before, after)
    )
    if key in _TRAILING_SPACE_IGNORED and isinstance(old, str) and isinstance(new, str):
        return old.rstrip() == new.rstrip()
    return old == new
