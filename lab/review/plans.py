"""Reading a plan of Terraform's as ``terraform show -json`` prints it: its alert policies.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter.inputs.input_errors import InputError
from exporter.text import printable, quote
from lab.review.channels import channels_in
from lab.review.plan_files import STDIN_NAME, WANTED, OtherwiseError, document_of
from lab.review.plan_values import HIDDEN, TooDeepError, Values, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POLICY = "google_monitoring_alert_policy"

STDIN = "-"


class Action(StrEnum):
    """What happens to a policy."""

    REMOVED = "removed"
    CHANGED = "changed"
    REPLACED = "made anew"
    ADDED = "added"
    FORGOTTEN = "let go"
    KEPT = "unchanged"


_ACTIONS = {
    ("no-op",): Action.KEPT,
    ("create",): Action.ADDED,
    ("update",): Action.CHANGED,
    ("delete",): Action.REMOVED,
    ("delete", "create"): Action.REPLACED,
    ("create", "delete"): Action.REPLACED,
    ("create", "forget"): Action.REPLACED,
    ("forget",): Action.FORGOTTEN,
}


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What a plan does with a policy.

    Attributes:
        name: What to call it: its key in ``for_each``, else the resource's name; the whole address
            where two would be called the same.
        address: Its address.
        was_at: The address that it had before, where that was another; else empty.
        action: What happens to it.
        before: What it is; None where it is not there yet.
        after: What it will be; None where it will not be there.
        reason: Terraform's word for why it is removed or made anew; mostly empty.
        notes: What else is to be said of it, a sentence each.
    """

    name: str
    address: str
    was_at: str
    action: Action
    before: Values | None
    after: Values | None
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name of the file that it was made of, by its label ``policy``; else empty."""
        either = self.after or self.before
        return either.text("user_labels.policy") if either else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan does with alert policies.

    Attributes:
        changes: Each policy's, by name; those that stay as they are too.
        channels: The display names of the notification channels that it holds, by full name.
        notes: What limits it, a sentence each.
    """

    changes: tuple[PolicyChange, ...]
    channels: Mapping[str, str]
    notes: tuple[str, ...]


def read_plan(path: str) -> Plan:
    """Return the plan in a file, or on standard input where the path is ``-``.

    Raises:
        InputError: It cannot be read, is something else, or holds no policy.
    """
    if path == STDIN:
        return plan_of(sys.stdin.buffer.read(), STDIN_NAME)
    name = printable(path)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError([f"{name}: there is no such file; check the path"]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([f"{name}: cannot be read ({reason}); check the path"]) from None
    return plan_of(content, name)


def plan_of(content: bytes, file: str) -> Plan:
    """Return the plan that ``terraform show -json`` printed.

    Args:
        content: All of it.
        file: What to call it in sentences.

    Raises:
        InputError: In one sentence, where it is something else or holds no policy.
    """
    try:
        document = document_of(content, file)
        notes = [*_notes(document)]
        changes = _named(_joined([*_changes(document.get("resource_changes") or [])]))
    except OtherwiseError as error:
        raise InputError([f"{file}: {error}"]) from None
    except (RecursionError, TooDeepError):
        raise InputError([f"{file}: is nested too deeply; {WANTED}"]) from None
    if not changes:
        raise InputError(
            [f"{file}: plans no {POLICY}; give the plan of the folder that makes them"]
        )
    return Plan(changes, dict(channels_in(document)), tuple(notes))


def _notes(document: dict[str, Any]) -> Iterator[str]:
    if document.get("errored"):
        yield "The plan ended with an error: it does not hold all that would change."
    elif document.get("complete") is False:
        yield "The plan is not complete: another one will be needed after its apply."


def _changes(resources: object) -> Iterator[PolicyChange]:
    if not isinstance(resources, list):
        raise OtherwiseError(f"resource_changes is no list; {WANTED}")
    for index, resource in enumerate(resources):
        if not isinstance(resource, dict):
            raise OtherwiseError(f"resource_changes[{index}] is no mapping; {WANTED}")
        if resource.get("type") == POLICY and resource.get("mode") == "managed":
            yield _change(resource, f"resource_changes[{index}]")


def _change(resource: dict[str, Any], place: str) -> PolicyChange:
    change = resource.get("change")
    if not isinstance(change, dict):
        raise OtherwiseError(f"{place}.change is no mapping; {WANTED}")
    actions = change.get("actions")
    # What a JSON list holds may be anything.
    action = _ACTIONS.get(tuple(map(str, actions))) if isinstance(actions, list) else None
    if action is None:
        raise OtherwiseError(f"{place}.change.actions is {quote(actions)}, unknown here")
    before, after = change.get("before"), change.get("after")
    address = _text(resource, "address") or f"{POLICY}.{_text(resource, 'name')}"
    was_at = _text(resource, "previous_address")
    return PolicyChange(
        name=_name(resource),
        address=address,
        was_at=was_at if was_at != address else "",
        action=action,
        before=None
        if not isinstance(before, dict)
        else values_of(before, None, change.get("before_sensitive")),
        after=None
        if action in {Action.REMOVED, Action.FORGOTTEN}
        else values_of(after or {}, change.get("after_unknown"), change.get("after_sensitive")),
        reason=_text(resource, "action_reason"),
        notes=tuple(_notes_of(resource, change)),
    )


def _notes_of(resource: dict[str, Any], change: dict[str, Any]) -> Iterator[str]:
    if change.get("importing"):
        yield "It exists already: Terraform takes it over."
    if "deposed" in resource:
        yield "It is what an earlier apply, which failed halfway, left over."


def _text(of: dict[str, Any], key: str) -> str:
    found = of.get(key)
    return found if isinstance(found, str) else ""


def _name(resource: dict[str, Any]) -> str:
    index, name = resource.get("index"), _text(resource, "name")
    if isinstance(index, str) and index:
        return index
    return name if index is None else f"{name}[{index}]"


def _named(changes: list[PolicyChange]) -> tuple[PolicyChange, ...]:
    """Return the changes by name, each with one of its own."""
    count = Counter(each.name for each in changes)
    own = [replace(each, name=each.address) if count[each.name] > 1 else each for each in changes]
    return tuple(sorted(own, key=lambda each: each.name))


def _joined(changes: list[PolicyChange]) -> list[PolicyChange]:
    """Return the changes, a policy that is removed here and added there as one.

    That is what Terraform plans where a resource got another address and no ``moved`` block says
    so. Policies are the same where project and name are.
    """
    removed = _alone(changes, Action.REMOVED)
    added = _alone(changes, Action.ADDED)
    both = removed.keys() & added.keys()
    pairs = {added[key].address: removed[key] for key in both}
    gone = {removed[key].address for key in both}
    return [
        replace(
            each,
            action=Action.REPLACED,
            was_at=pairs[each.address].address,
            before=pairs[each.address].before,
            notes=(
                *each.notes,
                "Terraform removes it at its old address; a `moved` block would keep it.",
            ),
        )
        if each.action is Action.ADDED and each.address in pairs
        else each
        for each in changes
        if not (each.action is Action.REMOVED and each.address in gone)
    ]


def _alone(changes: list[PolicyChange], action: Action) -> dict[tuple[str, str], PolicyChange]:
    """Return the changes of a kind by project and name, as far as they have these alone."""
    found: dict[tuple[str, str], list[PolicyChange]] = {}
    for each in changes:
        values = each.after or each.before
        if each.action is action and values and not each.notes:
            name = values.text("user_labels.policy") or values.text("display_name")
            if name not in {"", HIDDEN}:
                found.setdefault((values.text("project"), name), []).append(each)
    return {key: of[0] for key, of in found.items() if len(of) == 1}
