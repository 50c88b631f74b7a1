"""Reading plans: any input is read, or refused with a sentence."""

import io
import json

import pytest

from exporter.documents.mistakes import InputError
from lab.review.plan import parse_plan, read_plan
from lab.review.planned import notified
from lab.review.values import Json
from tests.lab.review.plan_json import ADDRESS, change, created, plan, planned, policy
from tests.tables import rows


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04",
        b"[" * 100_000,
        b'{"format_version": "1.0", "values": {}}',
        json.dumps(plan() | {"resource_changes": ["x"]}).encode(),
        json.dumps(plan({"type": "google_monitoring_alert_policy"})).encode(),
    ],
    ids=["plan file", "nested", "state", "no resource", "no change"],
)
def test_other_input_is_refused(content: bytes) -> None:
    """A plan file, a state or other JSON is refused with what to pass instead."""
    with pytest.raises(InputError) as refused:
        parse_plan(content, "plan.json")
    assert str(refused.value).startswith("plan.json: ")
    assert str(refused.value).endswith(
        "pass the output of `terraform show -json PLANFILE`"
    )
    # A plan without policies is probably that of another directory.
    with pytest.raises(InputError, match="run terraform plan where they are"):
        planned()


def test_a_plan_is_read_from_standard_input_as_powershell_writes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``-`` reads standard input, also UTF-16, which PowerShell's ``>`` writes."""
    content = json.dumps(plan(created())).encode("utf-16")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert len(read_plan("-").changes) == 1


@rows
def test_a_policy_is_named_by_its_key(address: str, name: str) -> None:
    """A policy's name is its for_each key, or the resource's name."""
    new = change("create", after=policy(), address=address)
    (found,) = planned(new).changes
    assert found.name == name
    assert found.alert == "failed"


@rows
def test_policies_with_the_same_key_have_their_deployment(
    modules: list[str], names: list[str]
) -> None:
    """Policies with the same key are named by their modules, or by their addresses."""
    one, two = (
        change("create", after=policy(), address=f"module.{each}.{ADDRESS}")
        for each in modules
    )
    others = (one | {"mode": "data"}, one | {"deposed": "1a2b3c4d"})
    found = planned(one, two, *others).changes
    assert [each.name for each in found] == names


@rows
def test_channels_have_names_or_a_note_says_why_not(
    resources: list[Json], channels: list[str], unknown: list[bool], said: list[str]
) -> None:
    """A channel is its display name and number, or its full name; some are hidden."""
    after = policy(notification_channels=channels)
    found = planned(
        change("create", after=after, notification_channels=unknown), *resources
    )
    assert [notified(found.changes[0].after), *found.notes] == said
