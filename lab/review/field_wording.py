"""A changed field of an alert policy in words.

The fields: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exporter.durations import format_duration
from lab.markdown import LONGEST, code, escaped, fenced
from lab.wording import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.review.values import PlannedValue

MOST_LINES = 80
"""Lines of a block; more are cut off."""

_PLAIN = re.compile(r"[A-Za-z0-9_.]{1,40}")
_AT_LEAST = re.compile(r"(?<=>=)\s*\((\w+)\)")
_NEVER = "Inf"
"""The number that Terraform puts into a query if the policy that suppresses it is disabled."""


class ChangedField(NamedTuple):
    """A changed field and what its wording needs.

    Attributes:
        path: Its path in the policy, or in its condition.
        before: Its value now.
        after: Its value after apply.
        channels: Display names of notification channels by full name.
        yields_to: The policy that suppresses this one; empty if there is none.
    """

    path: str
    before: PlannedValue
    after: PlannedValue
    channels: Mapping[str, str]
    yields_to: str


class FieldWording(NamedTuple):
    """A changed field in words.

    Attributes:
        rank: Its place in a list, the most important first.
        words: The words, as Markdown.
        block: A block of Markdown with the details; mostly empty.
    """

    rank: int
    words: str
    block: str = ""


_Wording: TypeAlias = Callable[[ChangedField], tuple[str, str]]


def describe_field(field: ChangedField) -> FieldWording:
    """Return a changed field in words."""
    rank, wording = next(
        (rank, wording)
        for rank, (pattern, wording) in enumerate(_WORDINGS)
        if re.fullmatch(pattern, field.path)
    )
    if field.before.sensitive or field.after.sensitive:
        return FieldWording(rank, f"{code(field.path)} changes (sensitive)")
    if field.after.unknown and wording is not _channels:
        now = field.before.value
        was = f" (now {code(as_text(now))})" if now is not None else ""
        return FieldWording(rank, f"{code(field.path)} is known only after apply{was}")
    return FieldWording(rank, *wording(field))


def as_text(value: object) -> str:
    """Return a text as it is, any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def describe_channels(value: PlannedValue, names: Mapping[str, str]) -> str:
    """Return which channels a policy notifies, as Markdown.

    Args:
        value: The policy's channels.
        names: Display names of channels by full name.
    """
    if value.sensitive:
        return "notifies sensitive channels"
    known = [_channel(name, names) for name in value.texts]
    known += [_unknown_channels(value)] if value.unknown else []
    return f"notifies {joined(known)}" if known else "notifies no channel"


def _channel(name: str, names: Mapping[str, str]) -> str:
    return f"{code(names[name])} ({code(name)})" if name in names else code(name)


def _unknown_channels(value: PlannedValue) -> str:
    count = value.value.count(None) if isinstance(value.value, tuple) else 0
    number = f"{count} " if count else ""
    return f"{number}channel{'s' * (count != 1)} known only after apply"


def _channels(field: ChangedField) -> tuple[str, str]:
    before, after, names = field.before, field.after, field.channels
    old, new = before.texts, after.texts
    if after.unknown and after.value is None:
        now = joined([_channel(name, names) for name in old]) if old else "none"
        return f"notifies {_unknown_channels(after)} (now {now})", ""
    added = [_channel(name, names) for name in new if name not in old]
    added += [_unknown_channels(after)] if after.unknown else []
    removed = [_channel(name, names) for name in old if name not in new]
    words = [f"also notifies {joined(added)}"] if added else []
    words += [f"no longer notifies {joined(removed)}"] if removed else []
    words += [] if new or added else ["**notifies no channel**"]
    return "; ".join(words) if added or removed else "notifies the same channels in a new order", ""


def _enabled(field: ChangedField) -> tuple[str, str]:
    return ("no longer alerts" if field.after.value is False else "alerts again"), ""


def _query(field: ChangedField) -> tuple[str, str]:
    before, after = as_text(field.before.value or ""), as_text(field.after.value or "")
    return f"query changes{_suppression(before, after, field.yields_to)}", _diff(before, after)


def _suppression(before: str, after: str, other: str) -> str:
    """Say what a query's change means for the policy that suppresses it."""
    numbers = zip(_AT_LEAST.findall(before), _AT_LEAST.findall(after), strict=False)
    changed = {pair for pair in numbers if pair[0] != pair[1]}
    rest = [_AT_LEAST.sub("", text).split() for text in (before, after)]
    if not other or rest[0] != rest[1] or len(changed) != 1:
        return ""
    ((old, new),) = changed
    if new == _NEVER:
        return f": {code(other)} is off and no longer suppresses it"
    if old == _NEVER:
        return f": {code(other)} suppresses it again, from {code(new)} on"
    return f": {code(other)} suppresses it from {code(new)} on (was {code(old)})"


def _text_change(label: str) -> _Wording:
    def wording(field: ChangedField) -> tuple[str, str]:
        before, after = as_text(field.before.value or ""), as_text(field.after.value or "")
        return f"{label} changes", _diff(before, after)

    return wording


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.rstrip().splitlines(), after.rstrip().splitlines(), n=2, lineterm=""
    )
    # The first two lines name files, the third is the first place.
    shown = ["…" if line.startswith("@@") else line for line in [*lines][3:]]
    return fenced("diff", "\n".join(shown), most_lines=MOST_LINES)


def _scalar(value: PlannedValue) -> str:
    text = as_text(value.value)
    return text if _PLAIN.fullmatch(text) else code(text)


def _code(value: PlannedValue) -> str:
    return code(as_text(value.value))


def _duration(value: PlannedValue) -> str:
    return _code(value) if value.seconds is None else format_duration(value.seconds)


def _prompts(value: PlannedValue) -> str:
    return escaped(joined(value.texts).lower()) if value.texts else "none"


def _arrow(
    label: str = "", shown: Callable[[PlannedValue], str] = _code, absent: str = "none"
) -> _Wording:
    """Return what words a change as ``label before → after``, with a diff if a value is long.

    Args:
        label: The field's name in words; its path if empty.
        shown: Formats a value.
        absent: What stands for no value.
    """

    def wording(field: ChangedField) -> tuple[str, str]:
        name = label or code(field.path)
        sides = (field.before, field.after)
        texts = ["" if side.value is None else as_text(side.value) for side in sides]
        if max(map(len, texts)) > LONGEST:
            return f"{name} changes", _diff(*texts)
        before, after = (absent if side.value is None else shown(side) for side in sides)
        return f"{name} {before} → {after}", ""

    return wording


def _label(field: ChangedField) -> tuple[str, str]:
    return _arrow(f"label {code(field.path.removeprefix('user_labels.'))}", _scalar)(field)


_PROMQL = "condition_prometheus_query_language"
_WORDINGS: tuple[tuple[str, _Wording], ...] = (
    ("enabled", _enabled),
    ("severity", _arrow("severity", _scalar)),
    ("user_labels[.]threshold", _arrow("threshold", _scalar)),
    (f"{_PROMQL}[.]duration", _arrow("retest window", _duration, "0s")),
    (f"{_PROMQL}[.]query", _query),
    ("condition_matched_log[.]filter", _text_change("log filter")),
    (f"{_PROMQL}[.]evaluation_interval", _arrow("evaluation interval", _duration, "30s")),
    ("condition_matched_log[.]label_extractors[.].*", _arrow()),
    ("notification_channels", _channels),
    (
        r"alert_strategy[.]notification_channel_strategy\[0\][.]renotify_interval",
        _arrow("renotification interval", _duration),
    ),
    (
        "alert_strategy[.]notification_rate_limit[.]period",
        _arrow("least time between notifications", _duration),
    ),
    ("alert_strategy[.]auto_close", _arrow("auto-close time without data", _duration, "168h")),
    ("alert_strategy[.]notification_prompts", _arrow("notifies when", _prompts)),
    ("project", _arrow("project", _scalar)),
    ("documentation[.]subject", _arrow("notification subject")),
    ("documentation[.]content", _text_change("notification text")),
    ("display_name", _arrow("display name")),
    ("user_labels[.].*", _label),
    (r"(?s:.*)", _arrow()),
)
"""Patterns of paths, the most important first. The last one matches every path."""
