"""Any plan, however mangled, is reviewed or refused with an error message."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.documents import InputError
from lab.review.incident_changes import ChangeKind, IncidentChange, SecondsRange
from lab.review.page import review_page
from lab.review.review import review_json
from tests.lab.review.plan_json import change, channels, on_log, plan, policy, reviewed, written
from tests.mangling import mangle, values

_LABELS = {"policy": "failed", "yields_to": "many", "threshold": "5"}
_ADDRESS = 'module.a.google_monitoring_alert_policy.policy["b"]'
_GOOD = plan(
    change(
        "update", before=policy(user_labels=_LABELS), after=policy(query="a >= (5)"), sensitive={}
    ),
    change("create", after=policy(conditions=[on_log("severity>=ERROR", who="EXTRACT(a)")])),
    change("delete", before=policy(), address=_ADDRESS),
    prior_state=channels([("projects/p/notificationChannels/1", "On-call")]),
)
_WORDS = sorted(
    {
        *("", "a", "60s", "1e9s", "\ud800", "|", "`", ">= (Inf)", ">= (5)", "1.2", "true"),
        *("managed", "google_monitoring_alert_policy", "conditions"),
        *("update", "delete", "create", "no-op", "forget"),
        *policy(),
        *policy()["conditions"][0],
        *_GOOD,
        *_GOOD["resource_changes"][1],
        *_GOOD["resource_changes"][1]["change"],
    }
)
_VALUES = values(_WORDS)
_LATER = IncidentChange(
    ChangeKind.LATER, "x", SecondsRange(1, 2), SecondsRange(3, 4), SecondsRange(2, 2), 1, 1
)


def _check(content: bytes) -> None:
    try:
        made = reviewed(content, [_LATER])
    except InputError:
        return
    assert review_page(made).encode().startswith(b"## Review")
    json.dumps(review_json(made))


@given(st.data())
def test_a_plan_with_other_values_in_it(data: st.DataObject) -> None:
    """A plan with any values in some places is reviewed or refused."""
    document = json.loads(written(_GOOD))
    mangle(document, _VALUES, data)
    _check(written(document))


@given(_VALUES, _VALUES, _VALUES, _VALUES)
def test_a_policy_of_any_values(before: Any, after: Any, unknown: Any, sensitive: Any) -> None:
    """Any values in place of a policy and its marks are reviewed or refused."""
    changed = change("update")
    changed["change"] |= {
        "before": before,
        "after": after,
        "after_unknown": unknown,
        "before_sensitive": sensitive,
        "after_sensitive": sensitive,
    }
    _check(written(plan(changed)))


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    """Any bytes are reviewed or refused."""
    _check(content)


@given(st.data())
def test_a_truncated_file(data: st.DataObject) -> None:
    """A plan that is cut off, by a full disk or a broken pipe, is refused."""
    content = written(_GOOD)
    _check(content[: data.draw(st.integers(0, len(content)))])
