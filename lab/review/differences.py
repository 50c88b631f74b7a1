"""What is different about a policy between now and after the apply, field by field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.markdown import code, fenced
from lab.review.field_words import MOST_LINES, Around, plain, said
from lab.review.plan_values import HIDDEN, UNKNOWN, Leaf, Values
from lab.review.spoken import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONDITION = re.compile(r"conditions\[[0-9]+\]")

# What Cloud Monitoring and the provider fill in, and what concerns Terraform alone.
_FILLED_IN = re.compile(
    r"(?:name|id|creation_record|deletion_policy|timeouts|conditions\[[0-9]+\]\.name)(?:[.\[].*)?"
)
# A channel strategy repeats the policy's channels.
_REPEATED = re.compile(
    r"alert_strategy\.notification_channel_strategy\[[0-9]+\]\.notification_channel_names"
)
_LEFT_OUT = {"enabled": True, "disable_metric_validation": False}
"""What holds where nothing is said."""

_TRIMMED = ("query", "filter", "content")


class Difference(NamedTuple):
    """One thing that is different.

    Attributes:
        field: The path in the resource, such as ``alert_strategy.auto_close``.
        before: What is there; None where nothing is.
        after: What will be there; likewise.
        words: The same in words, as Markdown.
        block: More of it, as a block of Markdown; empty where the words say all.
    """

    field: str
    before: Any
    after: Any
    words: str
    block: str = ""


def differences(
    before: Values, after: Values, channels: Mapping[str, str]
) -> tuple[Difference, ...]:
    """Return what is different between two policies, what matters most first.

    Args:
        before: What it is.
        after: What it will be.
        channels: The display names of channels by full name, as far as they are known.
    """
    before = _renumbered(before, after)
    whole = [*_whole_conditions(before, after)]
    told = [
        each
        for each in _fields(before, after, channels)
        if not each[1].field.startswith(tuple(f"{one.field}." for one in whole))
    ]
    ranked = sorted(told, key=lambda each: each[0])
    return (*whole, *(difference for _, difference in ranked))


def conditions(values: Values) -> tuple[str, ...]:
    """Return the paths of a policy's conditions."""
    found = (_CONDITION.match(path) for path in values.leaves)
    return tuple(dict.fromkeys(each[0] for each in found if each))


def kinds(values: Values, condition: str) -> tuple[str, ...]:
    """Return the kinds of a condition, such as ``condition_threshold``: one, if all is well."""
    below = (re.split(r"[.\[]", path)[0] for path in values.below(condition))
    return tuple(dict.fromkeys(each for each in below if each.startswith("condition_")))


def shown(leaf: Leaf) -> Any:
    """Return a value as data that may be shown."""
    if leaf.hidden:
        return HIDDEN
    if leaf.unknown and leaf.value is None:
        return UNKNOWN
    if isinstance(leaf.value, tuple):
        return [UNKNOWN if each is None and leaf.unknown else each for each in leaf.value]
    return leaf.value


def lines(values: Values, condition: str) -> list[str]:
    """Return all that a condition says, as lines of text."""
    found: list[str] = []
    below = values.below(condition)
    for path in sorted(below, key=lambda each: (each != "display_name", each)):
        if path == "name":
            continue
        # What kind it is can be seen by what it says.
        key = re.sub(r"^condition_(prometheus_query_language|matched_log)\.", "", path)
        first, *more = plain(shown(below[path])).rstrip().splitlines() or [""]
        found += [f"{key}:", f"    {first}", *(f"    {line}" for line in more)] if more else []
        found += [] if more else [f"{key}: {first}"]
    return found


def _renumbered(before: Values, after: Values) -> Values:
    """Return the old values, each condition with the number that it has in the new ones."""
    old, new = conditions(before), conditions(after)
    if len(old) <= 1 and len(new) <= 1:
        return before
    left = {after.text(f"{each}.display_name"): each for each in new}
    free = [f"conditions[{number}]" for number in range(len(old) + len(new))]
    free = [each for each in free if each not in new]
    number = {
        each: left.pop(before.text(f"{each}.display_name"), "") or free.pop(0) for each in old
    }
    return Values(
        {
            _CONDITION.sub(lambda found: number[found[0]], path, count=1)
            if _CONDITION.match(path)
            else path: leaf
            for path, leaf in before.leaves.items()
        }
    )


def _whole_conditions(before: Values, after: Values) -> Iterator[Difference]:
    """Yield the conditions that are on one side alone, or of another kind."""
    if after.leaf("conditions").unknown:
        return
    old, new = conditions(before), conditions(after)
    for each in dict.fromkeys((*old, *new)):
        was = lines(before, each) if each in old else None
        will = lines(after, each) if each in new else None
        name = code((after if will else before).text(f"{each}.display_name"))
        if was is None:
            words = f"condition {name} is added"
        elif will is None:
            words = f"condition {name} is removed"
        elif kinds(before, each) != kinds(after, each):
            words = f"condition {name} is of another kind"
        else:
            continue
        block = [f"-{line}" for line in was or ()] + [f"+{line}" for line in will or ()]
        yield Difference(
            each, was, will, words, fenced("diff", "\n".join(block), most_lines=MOST_LINES)
        )


def _fields(
    before: Values, after: Values, channels: Mapping[str, str]
) -> Iterator[tuple[int, Difference]]:
    several = max(len(conditions(before)), len(conditions(after))) > 1
    around = Around(channels, after.text("user_labels.yields_to"))
    for path in sorted({*before.leaves, *after.leaves}):
        old, new = before.leaf(path), after.leaf(path)
        # What is unknown as a whole is told once.
        told = new.unknown and path not in after.leaves
        if told or _FILLED_IN.fullmatch(path) or _REPEATED.match(path) or _same(path, old, new):
            continue
        condition = _CONDITION.match(path)
        field = path.removeprefix(f"{condition[0]}.") if condition else path
        rank, words, block = said(field, old, new, around)
        if condition and several:
            name = after.text(f"{condition[0]}.display_name")
            words = f"condition {code(name or condition[0])}: {words}"
        yield rank, Difference(path, shown(old), shown(new), words, block)


def _same(path: str, before: Leaf, after: Leaf) -> bool:
    if after.unknown:
        return False
    last = path.rpartition(".")[2]
    values = [_LEFT_OUT.get(last) if leaf.value is None else leaf.value for leaf in (before, after)]
    if last in _TRIMMED:
        values = [each.rstrip() if isinstance(each, str) else each for each in values]
    seconds = [seconds_of(each) for each in values]
    return values[0] == values[1] or (None not in seconds and seconds[0] == seconds[1])
