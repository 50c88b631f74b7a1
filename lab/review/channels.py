"""Notification channels: what a plan calls them, and whom a policy notifies in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.markdown import code
from lab.review.plan_values import HIDDEN, values_of
from lab.review.spoken import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.review.plan_values import Leaf

_CHANNEL = "google_monitoring_notification_channel"


def channels_in(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield full name and display name of each channel that the plan knows, looked up or made."""
    state = document.get("prior_state")
    values = state.get("values") if isinstance(state, dict) else None
    # Module by module; the walk has no depth of its own.
    ahead: list[Any] = [
        part.get("root_module")
        for part in (values, document.get("planned_values"))
        if isinstance(part, dict)
    ]
    while ahead:
        module = ahead.pop()
        if not isinstance(module, dict):
            continue
        below = module.get("child_modules")
        ahead += below if isinstance(below, list) else []
        resources = module.get("resources")
        for each in resources if isinstance(resources, list) else []:
            if isinstance(each, dict) and each.get("type") == _CHANNEL:
                known = values_of(each.get("values"), None, each.get("sensitive_values"))
                name, display = known.leaf("name"), known.leaf("display_name")
                if isinstance(name.value, str) and isinstance(display.value, str):
                    yield name.value, HIDDEN if display.hidden else display.value


def _channel(name: str, channels: Mapping[str, str]) -> str:
    """Return a notification channel as Markdown, by its display name where that is known."""
    return f"{code(channels[name])} ({code(name)})" if name in channels else code(name)


def notified(leaf: Leaf, channels: Mapping[str, str]) -> str:
    """Return whom a policy notifies, as Markdown."""
    if leaf.hidden:
        return "notifies channels that are sensitive"
    known = [_channel(each, channels) for each in texts(leaf)]
    if leaf.unknown:
        known.append(_not_yet(leaf))
    return f"notifies {listed(known)}" if known else "notifies nobody"


def texts(leaf: Leaf) -> tuple[str, ...]:
    """Return the texts in a list, without what is unknown."""
    held = leaf.value if isinstance(leaf.value, tuple) else ()
    return tuple(each for each in held if isinstance(each, str))


def renotified(before: Leaf, after: Leaf, names: Mapping[str, str]) -> str:
    """Return whom a policy notifies now that it did not before, and the other way round.

    Args:
        before: The channels that it has.
        after: Those that it will have.
        names: The display names of channels by full name, as far as they are known.
    """
    old, new = texts(before), texts(after)
    if after.unknown and after.value is None:
        now = listed([_channel(each, names) for each in old]) if old else "nobody"
        return f"notifies {_not_yet(after)} (now {now})"
    more = [_channel(each, names) for each in new if each not in old]
    more += [_not_yet(after)] if after.unknown else []
    fewer = [_channel(each, names) for each in old if each not in new]
    words = [f"also notifies {listed(more)}"] if more else []
    words += [f"no longer notifies {listed(fewer)}"] if fewer else []
    words += [] if new or more else ["**notifies nobody**"]
    return "; ".join(words) if more or fewer else "notifies the same channels in another order"


def _not_yet(leaf: Leaf) -> str:
    held = leaf.value if isinstance(leaf.value, tuple) else ()
    count = sum(1 for each in held if each is None)
    if count:
        return f"{count} channel{'s' * (count > 1)} whose name is known after the apply only"
    return "channels that are known after the apply only"
