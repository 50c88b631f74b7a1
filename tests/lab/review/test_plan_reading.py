"""What is read of a plan, and what is said of all that is none."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from exporter.inputs.input_errors import InputError
from lab.review.plans import Action, plan_of, read_plan
from tests.lab.review.plan_json import change, channels, plan, policy, written
from tests.terraform.module_inputs import INPUTS

if TYPE_CHECKING:
    from pathlib import Path

    from lab.review.plans import PolicyChange
    from tests.lab.review.conftest import Reviewed
    from tests.terraform.terraform_cli import RootModule

_SHOW = "give what `terraform show -json PLANFILE` prints"


def _only(*changes: dict[str, Any]) -> PolicyChange:
    (found,) = plan_of(written(plan(*changes)), "plan.json").changes
    return found


def _refusal(content: bytes) -> str:
    with pytest.raises(InputError) as refused:
        plan_of(content, "plan.json")
    (sentence,) = refused.value.sentences
    return sentence


_EMPTY = f"is empty; did the command that made it fail? If not, {_SHOW}"
_LOG = f"is the log of `terraform plan -json`, which holds no whole policy; {_SHOW}"
_PEOPLE = f"is a plan as people read it; {_SHOW}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", _EMPTY),
        (b" \n", _EMPTY),
        (b"\xff\x00", f"is no JSON; {_SHOW}"),
        (b"{", f"is no JSON; {_SHOW}"),
        (b'{"a": NaN}', f"is no JSON; {_SHOW}"),
        (b"[" * 100_000, f"is nested too deeply; {_SHOW}"),
        (b"Terraform will perform the following actions:", _PEOPLE),
        (b"No changes. Your infrastructure matches the configuration.", _PEOPLE),
        (b"[]", f"is JSON, but no plan; {_SHOW}"),
        (b"{}", f"is JSON, but no plan; {_SHOW}"),
        (b'{"@level":"info"}', _LOG),
        (b'{"@level":"info"}\n{"@level":"info"}', _LOG),
    ],
    ids=range(12),
)
def test_what_is_no_plan_is_refused(content: bytes, said: str) -> None:
    """One sentence says what it is, as far as that shows, and what to give."""
    assert _refusal(content) == f"plan.json: {said}"


def test_a_plan_file_and_a_state_are_told_from_a_plan(applied: RootModule) -> None:
    """What Terraform itself writes beside plans as JSON is known for what it is."""
    file = applied.plan(**INPUTS).path
    with pytest.raises(InputError, match=f"the plan file itself.*`terraform show -json {file}`"):
        read_plan(str(file))
    state = "is a state, which says what there is and not what changes"
    assert state in _refusal(json.dumps(applied.state().json).encode())
    assert state in _refusal((applied.directory / "terraform.tfstate").read_bytes())


@pytest.mark.parametrize("version", ["0.2", "2.0", "1", 1.2, None, "1.x"])
def test_another_format_is_refused(version: Any) -> None:
    """A major version that is not known may mean anything."""
    sentence = _refusal(written(plan(format_version=version)))
    assert "and only 1.x is known here; use Terraform 1.1 or later" in sentence


def test_a_later_minor_version_is_read() -> None:
    """Minor versions add to the format, and take nothing away."""
    document = plan(change("create", after=policy()), format_version="1.17", novelty=[])
    assert len(plan_of(written(document), "plan.json").changes) == 1


def test_a_plan_without_policies_is_refused() -> None:
    """It is most likely the plan of another folder."""
    said = "plans no google_monitoring_alert_policy; give the plan of the folder that makes them"
    assert _refusal(written(plan())) == f"plan.json: {said}"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"resource_changes": {"a": 1}}, "resource_changes is no list"),
        ({"resource_changes": [1]}, "resource_changes[0] is no mapping"),
    ],
)
def test_a_plan_that_is_torn_is_refused(broken: dict[str, Any], said: str) -> None:
    """The place is named."""
    assert said in _refusal(written(plan(**broken)))


def test_a_change_that_is_unknown_is_refused() -> None:
    """What an action does to a policy that nobody knows cannot be reviewed."""
    sentence = _refusal(written(plan(change("explode", before=policy()))))
    assert sentence == 'plan.json: resource_changes[1].change.actions is ["explode"], unknown here'


def test_a_file_that_is_not_there_is_refused(reviewed: Reviewed, tmp_path: Path) -> None:
    """Paths are checked, and the command ends as with any other mistake."""
    with pytest.raises(InputError, match="there is no such file"):
        read_plan(str(tmp_path / "absent.json"))
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(str(tmp_path))
    answer = reviewed(b"PK\x03\x04")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")


def test_a_plan_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` stands for it, and sentences call it so."""
    content = written(plan(change("create", after=policy())))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert len(read_plan("-").changes) == 1
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"PK\x03\x04")))
    with pytest.raises(InputError, match=r"standard input: .*`terraform show -json PLANFILE`"):
        read_plan("-")


def test_a_plan_that_powershell_redirected_is_read() -> None:
    """``>`` writes UTF-16 there, with a mark at the beginning."""
    content = json.dumps(plan(change("create", after=policy()))).encode("utf-16")
    assert len(plan_of(content, "plan.json").changes) == 1


@pytest.mark.parametrize(
    ("actions", "action"),
    [
        (["no-op"], Action.KEPT),
        (["create"], Action.ADDED),
        (["update"], Action.CHANGED),
        (["delete"], Action.REMOVED),
        (["delete", "create"], Action.REPLACED),
        (["create", "delete"], Action.REPLACED),
        (["forget"], Action.FORGOTTEN),
    ],
)
def test_an_action_says_what_happens(actions: list[str], action: Action) -> None:
    """Each of Terraform's actions is known; an after is there where a policy will be."""
    found = _only(change(*actions, before=policy(), after=policy()))
    assert found.action is action
    assert (found.after is None) is (action in {Action.REMOVED, Action.FORGOTTEN})


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("google_monitoring_alert_policy.disk_full", "disk_full"),
        ("google_monitoring_alert_policy.disk_full[2]", "disk_full[2]"),
        ('module.a.module.b["x"].google_monitoring_alert_policy.policy["stream-failed"]',
         "stream-failed"),
        ('google_monitoring_alert_policy.policy["orders-prod/stream-changed"]',
         "orders-prod/stream-changed"),
    ],
)  # fmt: skip
def test_a_policy_is_called_by_its_key(address: str, name: str) -> None:
    """In whatever module it lies, and however it is made."""
    found = _only(change("create", after=policy(), address=address))
    assert (found.name, found.address) == (name, address)


def test_policies_of_one_key_are_called_by_their_addresses() -> None:
    """Two modules may use the same keys."""
    addresses = {f'module.{each}.google_monitoring_alert_policy.policy["a"]' for each in "xy"}
    changes = [change("update", before=policy(), after=policy(), address=at) for at in addresses]
    assert {each.name for each in plan_of(written(plan(*changes)), "").changes} == addresses


def test_data_and_other_resources_are_left_out() -> None:
    """Only what Terraform manages, and only policies."""
    kept = change("no-op", before=policy(), after=policy())
    looked_up = {**kept, "mode": "data", "address": "data.google_monitoring_alert_policy.x"}
    assert _only(kept, looked_up).address == "google_monitoring_alert_policy.failed"


def test_a_policy_that_moves_keeps_what_it_is() -> None:
    """A ``moved`` block leaves the old address beside the new one."""
    old = "google_monitoring_alert_policy.old"
    found = _only(change("no-op", before=policy(), after=policy(), previous_address=old))
    assert (found.action, found.was_at) == (Action.KEPT, old)


def test_a_policy_without_a_moved_block_is_one_that_is_made_anew() -> None:
    """Removed at one address, added at another: told as one, with the mend."""
    old, new = (f"google_monitoring_alert_policy.{each}" for each in ("old", "new"))
    found = _only(
        change("delete", before=policy(project="orders-prod"), address=old),
        change("create", after=policy(project="orders-prod"), address=new),
    )
    assert (found.action, found.was_at, found.address) == (Action.REPLACED, old, new)
    assert found.before
    assert found.notes == (
        "Terraform removes it at its old address; a `moved` block would keep it.",
    )


def test_two_policies_of_one_name_are_not_taken_for_each_other() -> None:
    """Where it is not clear which one goes where, they are added and removed."""
    old = [
        change("delete", before=policy(), address=f"google_monitoring_alert_policy.old_{each}")
        for each in range(2)
    ]
    new = change("create", after=policy(project="orders-prod"))
    found = plan_of(written(plan(*old, new)), "").changes
    assert sorted(each.action for each in found) == ["added", "removed", "removed"]


def test_what_an_apply_left_over_is_no_policy_that_moves() -> None:
    """A deposed object is removed, and said to be what it is."""
    deposed = change("delete", before=policy(project="orders-prod"), deposed="1a2b3c4d")
    found = _only(deposed)
    assert found.action is Action.REMOVED
    assert found.notes == ("It is what an earlier apply, which failed halfway, left over.",)


def test_a_policy_that_is_taken_over_is_said_to_exist() -> None:
    """An import is no creation."""
    imported = change("update", before=policy(), after=policy(severity="ERROR"))
    imported["change"]["importing"] = {"id": "projects/orders-prod/alertPolicies/1"}
    assert _only(imported).notes == ("It exists already: Terraform takes it over.",)


def test_channels_are_known_by_their_display_names() -> None:
    """Those that were looked up or made, in any module."""
    held = [("projects/p/notificationChannels/1", "On-call")]
    document = plan(change("create", after=policy()), prior_state=channels(held))
    assert plan_of(written(document), "").channels == dict(held)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"errored": True}, "The plan ended with an error"),
        ({"complete": False}, "The plan is not complete"),
    ],
)
def test_a_plan_with_limits_says_so(broken: dict[str, Any], said: str) -> None:
    """What is not in it cannot be reviewed, and whoever reads the review knows."""
    (note,) = plan_of(written(plan(change("create", after=policy()), **broken)), "").notes
    assert note.startswith(said)
