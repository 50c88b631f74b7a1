"""What a changed field of an alert policy means, in the words of whom it pages.

The fields: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lab.markdown import LONGEST, code, fenced
from lab.review.channels import renotified, texts
from lab.review.spoken import listed, seconds_of, spoken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.review.plan_values import Leaf

MOST_LINES = 80
"""Lines of a block in the review; more are cut off."""

_PLAIN = re.compile(r"[A-Za-z0-9_.]{1,40}")
_AT_LEAST = re.compile(r"(?<=>=)\s*(\w+)")
_OFF = "Inf"
"""What Terraform has a query compare with where the policy that it yields to is off."""


class Around(NamedTuple):
    """What words need to know beside the field.

    Attributes:
        channels: The display names of notification channels by full name.
        yields_to: The policy that the query keeps quiet for; empty where there is none.
    """

    channels: Mapping[str, str]
    yields_to: str = ""


class Said(NamedTuple):
    """What a changed field means.

    Attributes:
        rank: How far down the list it belongs.
        words: The words, as Markdown.
        block: More of it, as a block of Markdown; mostly empty.
    """

    rank: int
    words: str
    block: str = ""


def said(field: str, before: Leaf, after: Leaf, around: Around) -> Said:
    """Return what a changed field means.

    Args:
        field: Its path in the policy, or in its condition.
        before: What was there.
        after: What will be there.
        around: What else there is to know.
    """
    rank, (_, words) = next(
        (place, row) for place, row in enumerate(_WORDS) if re.fullmatch(row[0], field)
    )
    if before.hidden or after.hidden:
        return Said(rank, f"{code(field)} changes, and is sensitive")
    if after.unknown and words is not _channels:
        now = f" (now {code(plain(before.value))})" if before.value is not None else ""
        return Said(rank, f"{code(field)} is known after the apply only{now}")
    told = words(_Field(field, before, after, around))
    return Said(rank, *told) if isinstance(told, tuple) else Said(rank, told)


def plain(value: Any) -> str:
    """Return a value as text; one that is no text as JSON would have it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


class _Field(NamedTuple):
    path: str
    before: Leaf
    after: Leaf
    around: Around


_Words: TypeAlias = Callable[[_Field], str | tuple[str, str]]


def _named(value: Any) -> str:
    """Return a value that needs no quotes where it is a plain word or number."""
    text = plain(value)
    return text if _PLAIN.fullmatch(text) else code(text)


def _from_to(of: _Field) -> str:
    before, after = ("none" if leaf.value is None else _named(leaf.value) for leaf in of[1:3])
    return f"{before} → {after}"


def _time(leaf: Leaf) -> str:
    seconds = seconds_of(leaf.value)
    return code(plain(leaf.value)) if seconds is None else spoken(seconds)


def _enabled(of: _Field) -> str:
    return "pages no more" if of.after.value is False else "pages again"


def _severity(of: _Field) -> str:
    return f"severity {_from_to(of)}"


def _threshold(of: _Field) -> str:
    return f"threshold {_from_to(of)}"


def _retest_window(of: _Field) -> str:
    # Left out, it is none at all.
    none = [leaf.value is None or seconds_of(leaf.value) == 0 for leaf in (of.before, of.after)]
    if none[1]:
        return f"pages at once instead of after {_time(of.before)}"
    if none[0]:
        return f"waits {_time(of.after)} before it pages instead of paging at once"
    return f"waits {_time(of.after)} instead of {_time(of.before)} before it pages"


def _interval(of: _Field) -> str:
    before = "30 s" if of.before.value is None else _time(of.before)
    after = "30 s" if of.after.value is None else _time(of.after)
    return f"looks every {after} instead of every {before}"


def _query(of: _Field) -> tuple[str, str]:
    texts_ = plain(of.before.value or ""), plain(of.after.value or "")
    return f"query changes{_yielding(*texts_, of.around.yields_to)}", _diff(*texts_)


def _yielding(before: str, after: str, other: str) -> str:
    """Say what a query's change means for the policy that it keeps quiet for."""
    numbers = zip(_AT_LEAST.findall(before), _AT_LEAST.findall(after), strict=False)
    changed = {pair for pair in numbers if pair[0] != pair[1]}
    rest = [_AT_LEAST.sub("", text).split() for text in (before, after)]
    if not other or rest[0] != rest[1] or len(changed) != 1:
        return ""
    ((old, new),) = changed
    if new == _OFF:
        return f": it no longer keeps quiet for {code(other)}, which is off"
    if old == _OFF:
        return f": it keeps quiet again for {code(other)}, from {code(new)} on"
    return f": it keeps quiet for {code(other)} from {code(new)} on, not from {code(old)} on"


def _filter(of: _Field) -> tuple[str, str]:
    before, after = plain(of.before.value or ""), plain(of.after.value or "")
    return "filter of log entries changes", _diff(before, after)


def _content(of: _Field) -> tuple[str, str]:
    before, after = plain(of.before.value or ""), plain(of.after.value or "")
    return "text of the page changes", _diff(before, after)


def _diff(before: str, after: str) -> str:
    _old, _new, *lines = [
        *difflib.unified_diff(
            before.rstrip().splitlines(), after.rstrip().splitlines(), n=2, lineterm=""
        )
    ] or ["", ""]
    shown = ["…" if line.startswith("@@") else line for line in lines][1:]
    return fenced("diff", "\n".join(shown), most_lines=MOST_LINES)


def _channels(of: _Field) -> str:
    return renotified(of.before, of.after, of.around.channels)


def _renotify(of: _Field) -> str:
    if of.after.value is None:
        return f"no longer reminds of an open incident (did every {_time(of.before)})"
    before = f" instead of every {_time(of.before)}" if of.before.value is not None else ""
    return f"reminds of an open incident every {_time(of.after)}{before}"


def _auto_close(of: _Field) -> str:
    before, after = ("7 d" if leaf.value is None else _time(leaf) for leaf in (of.before, of.after))
    return f"closes by itself after {after} without data instead of {before}"


def _rate(of: _Field) -> str:
    if of.after.value is None:
        return "notifies however often it happens"
    before = f" instead of every {_time(of.before)}" if of.before.value is not None else ""
    return f"notifies at most every {_time(of.after)}{before}"


def _prompts(of: _Field) -> str:
    before, after = (listed(texts(leaf)) if texts(leaf) else "none" for leaf in of[1:3])
    return f"notifies when an incident is {after.lower()}, not {before.lower()}"


def _label(of: _Field) -> str:
    return f"label {code(of.path.rpartition('user_labels.')[2])} {_from_to(of)}"


def _called(of: _Field) -> str:
    return f"is called {code(plain(of.after.value))}, not {code(plain(of.before.value))}"


def _condition_called(of: _Field) -> str:
    return f"its condition {_called(of)}"


def _subject(of: _Field) -> str | tuple[str, str]:
    return _exchange("subject of the page", of)


def _project(of: _Field) -> str:
    return f"project {_from_to(of)}"


def _otherwise(of: _Field) -> str | tuple[str, str]:
    return _exchange(code(of.path), of)


def _exchange(what: str, of: _Field) -> str | tuple[str, str]:
    """Return one value for another; long ones as a block, that what is different can be seen."""
    values = [None if leaf.value is None else plain(leaf.value) for leaf in of[1:3]]
    if any(value is not None and len(value) > LONGEST for value in values):
        return f"{what} changes", _diff(values[0] or "", values[1] or "")
    before, after = ("none" if value is None else code(value) for value in values)
    return f"{what}: {before} → {after}"


_METRIC = "condition_prometheus_query_language"
_WORDS: tuple[tuple[str, _Words], ...] = (
    ("enabled", _enabled),
    ("severity", _severity),
    ("user_labels[.]threshold", _threshold),
    (f"{_METRIC}[.]duration", _retest_window),
    (f"{_METRIC}[.]query", _query),
    ("condition_matched_log[.]filter", _filter),
    (f"{_METRIC}[.]evaluation_interval", _interval),
    ("condition_matched_log[.]label_extractors[.].*", _otherwise),
    ("notification_channels", _channels),
    (r"alert_strategy[.]notification_channel_strategy\[0\][.]renotify_interval", _renotify),
    ("alert_strategy[.]notification_rate_limit[.]period", _rate),
    ("alert_strategy[.]auto_close", _auto_close),
    ("alert_strategy[.]notification_prompts", _prompts),
    ("project", _project),
    ("documentation[.]subject", _subject),
    ("documentation[.]content", _content),
    ("display_name", _called),
    ("user_labels[.].*", _label),
    (r"(?s:.*)", _otherwise),
)
"""The fields, what matters most first. What no other row knows is the last one's."""
