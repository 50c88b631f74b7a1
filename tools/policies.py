"""The table of the alert policies, from their files."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.inputs import durations
from lab.markdown import table
from lab.policies.files import read_policies
from lab.policies.model import SEVERITIES

if TYPE_CHECKING:
    from lab.policies.files import Policy

FOLDER = Path(__file__).parent.parent / "alerting_policies"


def policies() -> str:
    """Return every policy, the severest first: what it pages for, and how soon."""
    read = read_policies(FOLDER, house_rules=True)
    return table(
        ("policy", "pages for", "severity", "hold", "threshold"),
        (
            (
                f"[{policy.name}](../{FOLDER.name}/{policy.path.name})",
                _first_sentence(policy.header.catches),
                policy.severity,
                _retest_window(policy),
                policy.threshold or "",
            )
            for policy in sorted(read, key=lambda each: SEVERITIES.index(each.severity))
        ),
    )


def _first_sentence(text: str) -> str:
    return re.split(r"\.(?:\s|$)", text, maxsplit=1)[0]


def _retest_window(policy: Policy) -> str:
    if policy.is_log:
        return "one entry is enough"
    return (
        durations.text(timedelta(seconds=policy.retest_window)) if policy.retest_window else "none"
    )
