"""The policies as a plan would leave them, to be played like those of the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.documents import InputError
from lab.review.triggers import UnsupportedTriggerError, trigger_if_enabled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.policies.files import Policy
    from lab.review.plan import PolicyChange
    from lab.review.triggers import Trigger


def planned_policies(changes: Iterable[PolicyChange]) -> tuple[Policy, ...]:
    """Return every policy after a plan, by the name of its policy file.

    A file that has several policies on metrics, one for each route, is returned as often. So a
    stream that two routes alert for has two incidents. Policies on logs differ by project only,
    and a project's log is seen by its own copy: equal ones are returned once.

    Raises:
        InputError: The lab can't evaluate a policy.
    """
    found: dict[tuple[str, Trigger, str], Policy] = {}
    sentences = []
    for change in changes:
        if change.after is None:
            continue
        try:
            trigger = trigger_if_enabled(change.after)
        except UnsupportedTriggerError as error:
            sentences.append(f"{change.address}: can't be played: {error}")
            continue
        name = change.label or change.name.rpartition("/")[2]
        copy = "" if trigger.filter is not None else change.name
        enabled = change.after.get("enabled").value is not False
        found[name, trigger, copy] = trigger.as_policy(name, enabled=enabled)
    if sentences:
        raise InputError(sentences)
    return tuple(found.values())
