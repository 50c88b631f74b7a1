"""No plan, however mangled, ends in anything but a review or sentences."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.inputs.input_errors import InputError
from lab.review import review_data, review_page
from lab.review.comparing import Effect, Kind, Span
from lab.review.effects import Found, questions
from lab.review.plans import plan_of
from lab.review.reviewing import review
from tests.lab.review.plan_json import change, channels, on_log, plan, policy, written
from tests.mangling import values

_LABELS = {"policy": "failed", "yields_to": "many", "threshold": "5"}
_ADDRESS = 'module.a.google_monitoring_alert_policy.policy["b"]'
_GOOD = plan(
    change(
        "update", before=policy(user_labels=_LABELS), after=policy(query="a >= 5"), sensitive={}
    ),
    change("create", after=policy(conditions=[on_log("severity>=ERROR", who="EXTRACT(a)")])),
    change("delete", before=policy(), address=_ADDRESS),
    prior_state=channels([("projects/p/notificationChannels/1", "On-call")]),
)
_WORDS = sorted(
    {
        *("", "a", "60s", "1e9s", "\ud800", "|", "`", ">= Inf", ">= 5", "1.2", "true"),
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


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        found += [place for key, held in value.items() for place in _places(held, (*path, key))]
    elif isinstance(value, list):
        found += [
            place for index, held in enumerate(value) for place in _places(held, (*path, index))
        ]
    return found


_PLACES = [place for place in _places(_GOOD) if place]


def _with(place: tuple[str | int, ...], value: Any, document: Any) -> Any:
    """Return the document with another value at a place, as far as there is that place."""
    if not place:
        return value
    first, *rest = place
    if isinstance(document, dict) and first in document:
        return {**document, first: _with((*rest,), value, document[first])}
    if isinstance(document, list) and isinstance(first, int) and first < len(document):
        changed = _with((*rest,), value, document[first])
        return [*document[:first], changed, *document[first + 1 :]]
    return document


def _reviewed(content: bytes) -> None:
    try:
        read = plan_of(content, "plan.json")
    except InputError:
        return
    asked, unclear = questions(read.changes)
    effect = Effect(Kind.LATER, "x", Span(1, 2), Span(3, 4), Span(2, 2), 1, 1)
    found = [Found("s", number, (effect,), paged=True) for number in range(len(asked))]
    made = review(read, asked, unclear, {"s": "S"}, found)
    assert review_page.page(made).encode().startswith(b"## Review")
    json.dumps(review_data.document(made))


@given(st.lists(st.tuples(st.sampled_from(_PLACES), _VALUES), min_size=1, max_size=4))
def test_a_plan_with_other_values_in_it(changes: list[tuple[tuple[str | int, ...], Any]]) -> None:
    """Whatever stands where a value should."""
    document: Any = _GOOD
    for place, value in changes:
        document = _with(place, value, document)
    _reviewed(written(document))


@given(_VALUES, _VALUES, _VALUES, _VALUES)
def test_a_policy_of_any_values(before: Any, after: Any, unknown: Any, sensitive: Any) -> None:
    """Whatever stands in the place of a policy, and of what marks its values."""
    changed = change("update")
    changed["change"] |= {
        "before": before,
        "after": after,
        "after_unknown": unknown,
        "before_sensitive": sensitive,
        "after_sensitive": sensitive,
    }
    _reviewed(written(plan(changed)))


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    """Whatever a file holds."""
    _reviewed(content)


@given(st.data())
def test_a_torn_file(data: st.DataObject) -> None:
    """As a full disk or a broken pipe leaves it."""
    content = written(_GOOD)
    _reviewed(content[: data.draw(st.integers(0, len(content)))])
