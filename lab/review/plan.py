"""Reads policies and config of a Terraform plan, as ``terraform show -json`` prints it.

https://developer.hashicorp.com/terraform/internals/json-format
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from exporter import config
from exporter.documents.document import read_bytes
from exporter.documents.mistakes import InputError
from exporter.text import printable
from lab.markdown import code
from lab.review.planned import PlannedPolicy, PolicyChange, playable
from lab.review.values import UNKNOWN, Json, api_form, with_unknown, without_sensitive

POLICY = "google_monitoring_alert_policy"
# Bytes of a plan; those of large organisations have some tens of MiB
MOST_BYTES = 128 << 20

# Stands for a text that the plan doesn't have: it is sensitive, or known after apply
HIDDEN = "(hidden)"
KEPT, FORGOTTEN = "no-op", "forget"
DEFAULT_ROUTE = "default"
_CHANNEL = "google_monitoring_notification_channel"
_NOT_A_PLAN = (
    "is not a Terraform plan as JSON; run `terraform plan -out=PLANFILE`, and pass the"
    " output of `terraform show -json PLANFILE`"
)


class Configs(NamedTuple):
    """The texts of a deployment's configs before and after a plan, or HIDDEN."""

    before: list[str]
    after: list[str]


class Plan(NamedTuple):
    """What a plan does with alert policies and with what is watched."""

    changes: tuple[PolicyChange, ...]  # every policy by name, unchanged ones included
    configs: dict[str, Configs]  # by deployment
    notes: list[str]  # sentences about the plan's limits

    @property
    def is_first(self) -> bool:
        """Whether no policy exists yet, so that there is nothing to compare with."""
        return not any(change.before for change in self.changes)


def read_plan(path: str) -> Plan:
    """Read the plan in a file, or in standard input for ``-``.

    Raise InputError if it is none.
    """
    if path == "-":
        return parse_plan(sys.stdin.buffer.read(MOST_BYTES), "standard input")
    too_large = f"is larger than {MOST_BYTES >> 20} MiB, the most that is read"
    return parse_plan(read_bytes(path, MOST_BYTES, too_large), printable(path))


def parse_plan(content: bytes, file: str) -> Plan:
    """Parse what ``terraform show -json`` prints; InputError if it has no exporter."""
    try:
        # Reads UTF-16 too, which PowerShell's > writes.
        document = json.loads(content)
        if not isinstance(document, dict) or "planned_values" not in document:
            raise InputError(f"{file}: {_NOT_A_PLAN}")
        resources = document.get("resource_changes") or []
        prior = document.get("prior_state", {}).get("values", {})
        looked_up = [*_looked_up(prior.get("root_module", {}))]
        resources, unknown = _named(resources, looked_up)
        changes = tuple(sorted(_changes(resources), key=lambda change: change.name))
        configs = _configs(resources)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        # Anything may come instead of a plan.
        raise InputError(f"{file}: {_NOT_A_PLAN}") from None
    if not changes and not configs:
        raise InputError(
            f"{file}: contains no {POLICY}; run terraform plan where they are made"
        )
    notes = []
    if not configs:
        notes.append("The plan has no config.")
    if unknown:
        notes.append(f"Channels {UNKNOWN}: {', '.join(map(code, unknown))}.")
    # A function's source decides nothing.
    delayed = [
        each
        for each in resources
        if each.get("action_reason") == "read_because_dependency_pending"
        and each["type"] != "archive_file"
    ]
    hidden = any(HIDDEN in each.after for each in configs.values())
    if delayed and (hidden or UNKNOWN in str(changes)):
        notes.append(
            "A `depends_on` delays data, and hides config or channels that come from it"
            " until apply. Remove it, or plan again after this apply."
        )
    if document.get("errored"):
        notes.append("The plan ended with an error, so changes may be missing.")
    elif document.get("complete") is False:
        notes.append("The plan is incomplete: plan again after this apply.")
    return Plan(changes, configs, notes)


def parsed(texts: Iterable[str], side: str) -> list[config.Config]:
    """Return the configs of a side, ``old`` or ``new``; InputError for a mistake."""
    return [config.from_text(text, f"{side} config.yaml", {}) for text in texts]


def _looked_up(module: Json) -> Iterator[Json]:
    """Yield what the data sources of a module and those in it have read, as changes."""
    for each in module.get("resources", []):
        if each["mode"] == "data":
            yield {**each, "change": {"after": each["values"]}}
    for child in module.get("child_modules", []):
        yield from _looked_up(child)


def _named(
    resources: list[Json], looked_up: list[Json]
) -> tuple[list[Json], list[str]]:
    """Return resources that call channels by display names and numbers.

    Also the display names of the channels whose names aren't known yet.
    """
    text, unknown = json.dumps(resources), []
    for each in (*resources, *looked_up):
        # What is sensitive, or known after apply, has True.
        if each["type"] == _CHANNEL and "'display_name': True" not in str(each):
            values = each["change"]["after"] or each["change"]["before"]
            display = f"{values.get('display_name')}"
            if name := values.get("name"):
                # A comma would divide it in two.
                plain = f"{display.replace(',', '')} ({name.rpartition('/')[2]})"
                text = text.replace(json.dumps(name), json.dumps(plain))
            else:
                unknown.append(display)
    return json.loads(text), unknown


def _changes(resources: list[Json]) -> Iterator[PolicyChange]:
    policies = []
    for resource in resources:
        is_managed = (resource["type"], resource["mode"]) == (POLICY, "managed")
        # What an apply that failed halfway left over is not the policy itself.
        if not is_managed or "deposed" in resource:
            continue
        key = str(resource["name"])
        index = resource.get("index")
        if isinstance(index, int):
            key = f"{key}[{index}]"
        elif index:
            key = str(index)
        policies.append((_deployment(resource), key, resource))
    keys = Counter(key for _, key, _ in policies)
    several = {each for each, key, _ in policies if keys[key] > 1}
    same = Counter((each, key) for each, key, _ in policies)
    for each, key, resource in policies:
        deployment = f"{each}: " if each in several else ""
        is_alone = same[each, key] == 1
        name = f"{deployment}{key}" if is_alone else str(resource["address"])
        change = resource["change"]
        side = "after" if change["after"] else "before"
        labels = without_sensitive(change[side], change, side).get("user_labels")
        if not isinstance(labels, dict):
            labels = {}
        file = str(labels.get("policy") or key.rpartition("/")[2])
        route = str(labels.get("route", DEFAULT_ROUTE))
        action = " and ".join(map(str, change["actions"]))
        before = _planned(change, "before", deployment, file)
        # A forgotten policy stays in Cloud Monitoring.
        after = before
        if action != FORGOTTEN:
            after = _planned(change, "after", deployment, file)
        alert = f"{deployment}{file}"
        yield PolicyChange(name, deployment, alert, route, action, before, after)


def _deployment(resource: Json) -> str:
    """Return the key of a resource's module in ``for_each``, or else its name."""
    module = str(resource.get("module_address", ""))
    keys = re.findall(r'\["?(.*?)"?\]', module)
    return "/".join(keys) or module.rpartition(".")[2]


def _configs(resources: list[Json]) -> dict[str, Configs]:
    """Return the configs of each deployment's exporter, before and after."""
    found: dict[str, Configs] = {}
    for resource in resources:
        change = resource["change"]
        # The function's source, which has the word, is data.
        if resource["mode"] == "data" or config.WHOLE not in str(change):
            continue
        own = found.setdefault(_deployment(resource), Configs([], []))
        for side, texts in own._asdict().items():
            if change.get(side):
                values = without_sensitive(change[side], change, side)
                texts.append(next(_config_texts(values), HIDDEN))
    return found


def _config_texts(values: Any) -> Iterator[str]:
    """Yield the text of config in a resource's environment."""
    match values:
        case {"name": config.WHOLE, "value": str(text)} | {config.WHOLE: str(text)}:
            yield text
        case dict():
            yield from _config_texts(list(values.values()))
        case list():
            for value in values:
                yield from _config_texts(value)


def _planned(
    change: Json, side: str, deployment: str, file: str
) -> PlannedPolicy | None:
    if not change[side]:
        return None
    values = with_unknown(change[side], change.get(f"{side}_unknown"))
    shown = api_form(without_sensitive(values, change, side))
    full = api_form(values)
    if shown.get("conditions") != full.get("conditions"):
        return PlannedPolicy(shown, None, "its condition is sensitive")
    try:
        return PlannedPolicy(shown, playable(full, deployment, file), "")
    except ValueError as error:
        return PlannedPolicy(shown, None, str(error))
