"""The alert policies in a Terraform plan, as ``terraform show -json`` prints it.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from exporter.documents import InputError, read_bytes
from exporter.text import printable, quote
from lab.review.values import SENSITIVE, NestingError, PolicyValues, flatten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POLICY = "google_monitoring_alert_policy"
STDIN = "-"
MOST_BYTES = 128 << 20
"""Of a plan; those of large organisations have some tens of MiB."""

_CHANNEL = "google_monitoring_notification_channel"
_MODES = {
    "google_cloud_run_v2_worker_pool.exporter": "worker_pool",
    "google_logging_project_sink.log": "function_log_triggers",
    "google_cloudfunctions2_function.exporter": "function",
}
"""How the exporter runs, by a resource of the module that only this mode has."""
_STDIN_NAME = "standard input"
_ZIP = b"PK\x03\x04"
_HUMAN_READABLE = (b"will perform the following actions", b"No changes.")
_SUPPORTED_VERSION = re.compile(r"1\.[0-9]+")
_TOO_LARGE = f"is larger than {MOST_BYTES >> 20} MiB, the most that is read"
_USE_SHOW = "pass the output of `terraform show -json PLANFILE`"
_NOT_A_PLAN = f"is JSON, but not a plan; {_USE_SHOW}"
_PLAN_LOG = f"is the log of `terraform plan -json`, which has no complete policies; {_USE_SHOW}"


class Action(StrEnum):
    """What happens to a policy."""

    REMOVED = "removed"
    CHANGED = "changed"
    REPLACED = "replaced"
    ADDED = "added"
    FORGOTTEN = "forgotten"
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
        name: Its key in ``for_each``, else the resource's name; the address if that is ambiguous.
        address: Its address.
        old_address: Its address before, if it moves; else empty.
        action: What happens to it.
        before: Its values now; None if it does not exist yet.
        after: Its values after apply; None if Terraform no longer manages it then.
        reason: Terraform's code for why it is removed or replaced; mostly empty.
        notes: Further sentences about it.
    """

    name: str
    address: str
    old_address: str
    action: Action
    before: PolicyValues | None
    after: PolicyValues | None
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name of its policy file, from the label ``policy``; else empty."""
        return self._user_label("policy")

    @property
    def route(self) -> str:
        """The route it belongs to, from the label ``route``; empty for the default route."""
        return self._user_label("route")

    def _user_label(self, key: str) -> str:
        values = self.after or self.before
        return values.text(f"user_labels.{key}") if values else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan does with alert policies.

    Attributes:
        changes: Every policy by name, unchanged ones included.
        channels: Display names of the notification channels in the plan, by full name.
        notes: Sentences about the plan's limits.
        mode: How the exporter in the plan runs; ``job`` if the plan doesn't say.
    """

    changes: tuple[PolicyChange, ...]
    channels: Mapping[str, str]
    notes: tuple[str, ...]
    mode: str


class _PlanError(Exception):
    """The input is not a usable plan; ``str()`` says why and what to do."""


def read_plan(path: str) -> Plan:
    """Read the plan in a file, or from standard input if the path is ``-``.

    Raises:
        InputError: It cannot be read, is something else, or contains no policy.
    """
    if path == STDIN:
        return parse_plan(sys.stdin.buffer.read(MOST_BYTES + 1), _STDIN_NAME)
    return parse_plan(read_bytes(path, MOST_BYTES, _TOO_LARGE), printable(path))


def parse_plan(content: bytes, file: str) -> Plan:
    """Parse the output of ``terraform show -json``.

    Args:
        content: The whole output.
        file: Its name in error messages.

    Raises:
        InputError: It is something else, or contains no policy.
    """
    try:
        document = _load(content, file)
        changes = _with_unique_names(_join_moved([*_changes(document.get("resource_changes"))]))
    except _PlanError as error:
        raise InputError([f"{file}: {error}"]) from None
    except (RecursionError, NestingError):
        raise InputError([f"{file}: is nested too deeply; {_USE_SHOW}"]) from None
    if not changes:
        raise InputError([f"{file}: contains no {POLICY}; plan the directory that creates them"])
    return Plan(changes, dict(_channels(document)), tuple(_plan_notes(document)), _mode(document))


def _load(content: bytes, file: str) -> dict[str, object]:
    if content.startswith(_ZIP):
        plan_file = "PLANFILE" if file == _STDIN_NAME else file
        raise _PlanError(
            "is the binary plan file, which only Terraform can read; pass the output of "
            f"`terraform show -json {plan_file}`"
        )
    if len(content) > MOST_BYTES:
        raise _PlanError(_TOO_LARGE)
    if not content.strip():
        raise _PlanError(f"is empty; check the command that wrote it, and {_USE_SHOW}")
    try:
        document = json.loads(content, parse_constant=_reject_constant)
    except ValueError:
        raise _PlanError(_describe_text(content)) from None
    if not isinstance(document, dict):
        raise _PlanError(_NOT_A_PLAN)
    if "planned_values" not in document and "resource_changes" not in document:
        raise _PlanError(_describe_object(document))
    version = document.get("format_version")
    if not isinstance(version, str) or not _SUPPORTED_VERSION.fullmatch(version):
        raise _PlanError(
            f"format_version is {quote(version)}, but only 1.x is supported; use Terraform 1.1 or "
            "later, or a newer datastream-lab"
        )
    return document


def _reject_constant(name: str) -> None:
    raise ValueError(name)


def _describe_text(content: bytes) -> str:
    if b'"@level"' in content[:1000]:
        return _PLAN_LOG
    if any(words in content for words in _HUMAN_READABLE):
        return f"is a plan in Terraform's human-readable format; {_USE_SHOW}"
    return f"is not JSON; {_USE_SHOW}"


def _describe_object(document: dict[str, object]) -> str:
    if "@level" in document:
        return _PLAN_LOG
    if "values" in document or {"serial", "lineage"} & document.keys():
        return (
            "is a state, which does not say what changes; run `terraform plan -out=PLANFILE`, and "
            "pass the output of `terraform show -json PLANFILE`"
        )
    return _NOT_A_PLAN


def _plan_notes(document: dict[str, object]) -> Iterator[str]:
    if document.get("errored"):
        yield "The plan ended with an error, so changes may be missing."
    elif document.get("complete") is False:
        yield "The plan is incomplete: plan again after this apply."


def _mode(document: dict[str, object]) -> str:
    resources = [each for each in _list(document.get("resource_changes")) if isinstance(each, dict)]
    names = {f"{_text(each, 'type')}.{_text(each, 'name')}" for each in resources}
    return next((mode for name, mode in _MODES.items() if name in names), "job")


def _changes(resources: object) -> Iterator[PolicyChange]:
    if not isinstance(resources or [], list):
        raise _PlanError(f"resource_changes is not a list; {_USE_SHOW}")
    for index, resource in enumerate(_list(resources)):
        if not isinstance(resource, dict):
            raise _PlanError(f"resource_changes[{index}] is not an object; {_USE_SHOW}")
        if resource.get("type") == POLICY and resource.get("mode") == "managed":
            yield _policy_change(resource, f"resource_changes[{index}]")


def _policy_change(resource: dict[str, object], place: str) -> PolicyChange:
    change = resource.get("change")
    if not isinstance(change, dict):
        raise _PlanError(f"{place}.change is not an object; {_USE_SHOW}")
    actions = change.get("actions")
    action = _ACTIONS.get(tuple(map(str, actions))) if isinstance(actions, list) else None
    if action is None:
        raise _PlanError(f"{place}.change.actions is {quote(actions)}, which is not supported")
    before, after = change.get("before"), None
    if action not in {Action.REMOVED, Action.FORGOTTEN}:
        after = flatten(
            change.get("after"), change.get("after_unknown"), change.get("after_sensitive")
        )
    address = _text(resource, "address") or f"{POLICY}.{_text(resource, 'name')}"
    old_address = _text(resource, "previous_address")
    notes = []
    if change.get("importing"):
        notes.append("It already exists: Terraform imports it.")
    if "deposed" in resource:
        notes.append("It is left over from an earlier apply that failed halfway.")
    return PolicyChange(
        name=_resource_name(resource),
        address=address,
        old_address=old_address if old_address != address else "",
        action=action,
        before=flatten(before, None, change.get("before_sensitive"))
        if isinstance(before, dict)
        else None,
        after=after,
        reason=_text(resource, "action_reason"),
        notes=tuple(notes),
    )


def _resource_name(resource: dict[str, object]) -> str:
    index, name = resource.get("index"), _text(resource, "name")
    if isinstance(index, str) and index:
        return index
    return name if index is None else f"{name}[{index}]"


def _with_unique_names(changes: list[PolicyChange]) -> tuple[PolicyChange, ...]:
    count = Counter(change.name for change in changes)
    unique = [
        replace(change, name=change.address) if count[change.name] > 1 else change
        for change in changes
    ]
    return tuple(sorted(unique, key=lambda change: change.name))


def _join_moved(changes: list[PolicyChange]) -> list[PolicyChange]:
    """Return the changes, with a removal and an addition of the same policy joined.

    Terraform plans both if a resource's address changes without a ``moved`` block. Policies are
    the same if their project and name are.
    """
    removed = _by_identity(changes, Action.REMOVED)
    added = _by_identity(changes, Action.ADDED)
    pairs = {added[key].address: removed[key] for key in removed.keys() & added.keys()}
    joined = {old.address for old in pairs.values()}
    result = []
    for change in changes:
        old = pairs.get(change.address) if change.action is Action.ADDED else None
        if old:
            advice = "Terraform deletes it at its old address; a `moved` block would keep it."
            result.append(
                replace(
                    change,
                    action=Action.REPLACED,
                    old_address=old.address,
                    before=old.before,
                    notes=(*change.notes, advice),
                )
            )
        elif change.action is not Action.REMOVED or change.address not in joined:
            result.append(change)
    return result


def _by_identity(
    changes: list[PolicyChange], action: Action
) -> dict[tuple[str, str], PolicyChange]:
    """Return the changes of an action by project and name, ambiguous ones left out."""
    found: dict[tuple[str, str], list[PolicyChange]] = {}
    for change in changes:
        values = change.after or change.before
        if change.action is action and values and not change.notes:
            name = values.text("user_labels.policy") or values.text("display_name")
            if name not in {"", SENSITIVE}:
                found.setdefault((values.text("project"), name), []).append(change)
    return {key: same[0] for key, same in found.items() if len(same) == 1}


def _channels(document: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the full name and display name of each channel that was read or is managed."""
    state = document.get("prior_state")
    values = state.get("values") if isinstance(state, dict) else None
    modules = [
        part.get("root_module")
        for part in (values, document.get("planned_values"))
        if isinstance(part, dict)
    ]
    while modules:
        module = modules.pop()
        if not isinstance(module, dict):
            continue
        modules += _list(module.get("child_modules"))
        for resource in _list(module.get("resources")):
            if isinstance(resource, dict) and resource.get("type") == _CHANNEL:
                known = flatten(resource.get("values"), None, resource.get("sensitive_values"))
                name, display = known.get("name").value, known.text("display_name")
                if isinstance(name, str) and display:
                    yield name, display


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(mapping: dict[str, object], key: str) -> str:
    found = mapping.get(key)
    return found if isinstance(found, str) else ""
