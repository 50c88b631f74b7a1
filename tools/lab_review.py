"""The review that docs/lab.md shows, of a plan that changes one policy."""

import json
import re
from tempfile import NamedTemporaryFile
from typing import Any

import yaml

from tools import POLICIES, ROOT, lab

SHOWN = ROOT / "docs" / "policies-review.txt"
CHANNEL = "projects/my-project/notificationChannels/1"
SCENARIO = "lags"
CHANGED = "stream-lagging"
# What the module's inputs replace in the JSON of this policy
REPLACED = {" (900)": " (1800)", '"900"': '"1800"', '"900s"': '"1200s"'}


def example() -> str:
    """Return the review as one section, without its title and the diff."""
    text = SHOWN.read_text("utf-8").rstrip()
    _, _, rest = text.partition("\n\n")
    rest = re.sub(r"(?s)```diff\n.*?```", "…", rest)
    return re.sub(r"^### (.+)$", r"**\1**", rest, flags=re.MULTILINE)


def made() -> str:
    """Review the plan; return the output."""
    with NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(plan(), file)
        file.flush()
        return lab.output("review", file.name, "--scenario", SCENARIO)


def plan() -> dict[str, Any]:
    """Return what Terraform plans for this input of the module, after an apply without.

    ``policy_overrides = { stream-lagging = { threshold = 1800, duration = "1200s" } }``
    """
    changes = []
    for file in sorted(POLICIES.glob("*.yaml")):
        before = yaml.safe_load(file.read_text("utf-8"))
        before["notificationChannels"] = [CHANNEL]
        text = json.dumps(before)
        if file.stem == CHANGED:
            for old, new in REPLACED.items():
                text = text.replace(old, new)
        after = json.loads(text)
        changes.append(
            {
                "address": f'google_monitoring_alert_policy.policy["{file.stem}"]',
                "mode": "managed",
                "type": "google_monitoring_alert_policy",
                "name": "policy",
                "index": file.stem,
                "change": {
                    "actions": ["no-op" if before == after else "update"],
                    "before": _as_planned(before),
                    "after": _as_planned(after),
                },
            }
        )
    return {"format_version": "1.2", "planned_values": {}, "resource_changes": changes}


def _as_planned(value: Any) -> Any:
    """Return a policy in the provider's form: snake_case, single blocks as lists."""
    if isinstance(value, list):
        return [_as_planned(item) for item in value]
    if not isinstance(value, dict):
        return value
    planned = {}
    for key, inner in value.items():
        name = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key)
        own_keys = name in {"user_labels", "label_extractors"}
        planned[name] = inner if own_keys else _as_planned(inner)
        if isinstance(inner, dict) and not own_keys:
            planned[name] = [planned[name]]
    return planned
