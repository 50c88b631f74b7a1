"""Reading plans, and the error messages for other input."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from exporter.documents import InputError
from lab.prove.time_to_page import MODES
from lab.review.plan import Action, parse_plan, read_plan
from tests.lab.review.plan_json import change, channels, only_change, plan, policy, written
from tests.terraform.module_inputs import INPUTS
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.review.conftest import Reviewed
    from tests.terraform.terraform_cli import RootModule

TERRAFORM = REPOSITORY / "terraform"
_SHOW = "pass the output of `terraform show -json PLANFILE`"


def _refusal(content: bytes) -> str:
    with pytest.raises(InputError) as refused:
        parse_plan(content, "plan.json")
    (sentence,) = refused.value.sentences
    return sentence


_EMPTY = f"is empty; check the command that wrote it, and {_SHOW}"
_LOG = f"is the log of `terraform plan -json`, which has no complete policies; {_SHOW}"
_PEOPLE = f"is a plan in Terraform's human-readable format; {_SHOW}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", _EMPTY),
        (b" \n", _EMPTY),
        (b"\xff\x00", f"is not JSON; {_SHOW}"),
        (b"{", f"is not JSON; {_SHOW}"),
        (b'{"a": NaN}', f"is not JSON; {_SHOW}"),
        (b"[" * 100_000, f"is nested too deeply; {_SHOW}"),
        (b"Terraform will perform the following actions:", _PEOPLE),
        (b"No changes. Your infrastructure matches the configuration.", _PEOPLE),
        (b"[]", f"is JSON, but not a plan; {_SHOW}"),
        (b"{}", f"is JSON, but not a plan; {_SHOW}"),
        (b'{"@level":"info"}', _LOG),
        (b'{"@level":"info"}\n{"@level":"info"}', _LOG),
    ],
    ids=range(12),
)
def test_other_input_is_refused(content: bytes, said: str) -> None:
    """The error message says what the input is and what to pass instead."""
    assert _refusal(content) == f"plan.json: {said}"


def test_a_binary_plan_and_a_state_are_refused(applied: RootModule) -> None:
    """Terraform's other files are recognised and named."""
    file = applied.plan(**INPUTS).path
    with pytest.raises(InputError, match=f"the binary plan file.*`terraform show -json {file}`"):
        read_plan(str(file))
    state = "is a state, which does not say what changes"
    assert state in _refusal(json.dumps(applied.state().json).encode())
    assert state in _refusal((applied.directory / "terraform.tfstate").read_bytes())


@pytest.mark.parametrize("version", ["0.2", "2.0", "1", 1.2, None, "1.x"])
def test_another_format_is_refused(version: Any) -> None:
    """An unknown major version is refused."""
    sentence = _refusal(written(plan(format_version=version)))
    assert "but only 1.x is supported; use Terraform 1.1 or later" in sentence


def test_a_later_minor_version_is_read() -> None:
    """A later minor version only adds keys."""
    document = plan(change("create", after=policy()), format_version="1.17", novelty=[])
    assert len(parse_plan(written(document), "plan.json").changes) == 1


def test_a_plan_without_policies_is_refused() -> None:
    """A plan without policies is probably that of another directory."""
    said = "contains no google_monitoring_alert_policy; plan the directory that creates them"
    assert _refusal(written(plan())) == f"plan.json: {said}"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"resource_changes": {"a": 1}}, "resource_changes is not a list"),
        ({"resource_changes": [1]}, "resource_changes[0] is not an object"),
    ],
)
def test_a_malformed_plan_is_refused(broken: dict[str, Any], said: str) -> None:
    """The error message names the place."""
    assert said in _refusal(written(plan(**broken)))


def test_an_unknown_action_is_refused() -> None:
    """An action that this version does not know cannot be reviewed."""
    sentence = _refusal(written(plan(change("explode", before=policy()))))
    assert (
        sentence
        == 'plan.json: resource_changes[1].change.actions is ["explode"], which is not supported'
    )


def test_a_file_that_is_not_there_is_refused(reviewed: Reviewed, tmp_path: Path) -> None:
    """A missing or unreadable file ends the command with exit code 2."""
    with pytest.raises(InputError, match="there is no such file"):
        read_plan(str(tmp_path / "absent.json"))
    with pytest.raises(InputError, match="is a directory"):
        read_plan(str(tmp_path))
    answer = reviewed(b"PK\x03\x04")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")


def test_a_plan_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads standard input, and error messages say so."""
    content = written(plan(change("create", after=policy())))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert len(read_plan("-").changes) == 1
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"PK\x03\x04")))
    with pytest.raises(InputError, match=r"standard input: .*`terraform show -json PLANFILE`"):
        read_plan("-")


def test_a_plan_that_powershell_redirected_is_read() -> None:
    """PowerShell's ``>`` writes UTF-16 with a byte order mark."""
    content = json.dumps(plan(change("create", after=policy()))).encode("utf-16")
    assert len(parse_plan(content, "plan.json").changes) == 1


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
    """Each of Terraform's actions maps to what happens to the policy."""
    found = only_change(change(*actions, before=policy(), after=policy()))
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
def test_a_policy_is_named_by_its_key(address: str, name: str) -> None:
    """The name is the ``for_each`` key or the resource's name, in any module."""
    found = only_change(change("create", after=policy(), address=address))
    assert (found.name, found.address) == (name, address)


def test_policies_with_the_same_key_are_named_by_address() -> None:
    """Two modules can use the same keys."""
    addresses = {f'module.{each}.google_monitoring_alert_policy.policy["a"]' for each in "xy"}
    changes = [change("update", before=policy(), after=policy(), address=at) for at in addresses]
    assert {each.name for each in parse_plan(written(plan(*changes)), "").changes} == addresses


def test_data_and_other_resources_are_left_out() -> None:
    """Only alert policies that Terraform manages are reviewed."""
    kept = change("no-op", before=policy(), after=policy())
    looked_up = {**kept, "mode": "data", "address": "data.google_monitoring_alert_policy.x"}
    assert only_change(kept, looked_up).address == "google_monitoring_alert_policy.failed"


@pytest.mark.parametrize(
    ("resources", "mode"),
    [
        ([], "job"),
        (["google_cloud_run_v2_job.exporter"], "job"),
        (["google_cloud_run_v2_worker_pool.exporter"], "worker_pool"),
        (["google_cloudfunctions2_function.exporter"], "function"),
        (
            ["google_cloudfunctions2_function.exporter", "google_logging_project_sink.log"],
            "function_log_triggers",
        ),
        (["google_cloud_run_v2_worker_pool.other"], "job"),
    ],
)
def test_the_modules_resources_say_how_the_exporter_runs(resources: list[str], mode: str) -> None:
    """The time to page is measured in the mode that the plan has."""
    others = [
        {"mode": "managed", **dict(zip(("type", "name"), each.split("."), strict=True))}
        for each in resources
    ]
    document = plan(change("create", after=policy()), *others)
    assert parse_plan(written(document), "").mode == mode
    assert mode in MODES
    declared = "\n".join(path.read_text("utf-8") for path in TERRAFORM.glob("*.tf"))
    for each in resources:
        type_, name = each.split(".")
        assert (f'resource "{type_}" "{name}"' in declared) is (name != "other")


def test_a_policy_that_moves_keeps_what_it_is() -> None:
    """With a ``moved`` block a policy keeps its values and has an old address."""
    old = "google_monitoring_alert_policy.old"
    found = only_change(change("no-op", before=policy(), after=policy(), previous_address=old))
    assert (found.action, found.old_address) == (Action.KEPT, old)


def test_a_move_without_a_moved_block_is_a_replacement() -> None:
    """A removal and an addition of the same policy become one replacement with advice."""
    old, new = (f"google_monitoring_alert_policy.{each}" for each in ("old", "new"))
    found = only_change(
        change("delete", before=policy(project="orders-prod"), address=old),
        change("create", after=policy(project="orders-prod"), address=new),
    )
    assert (found.action, found.old_address, found.address) == (Action.REPLACED, old, new)
    assert found.before
    assert found.notes == (
        "Terraform deletes it at its old address; a `moved` block would keep it.",
    )


def test_ambiguous_moves_stay_separate() -> None:
    """If two removed policies have the same name, they stay removals and additions."""
    old = [
        change("delete", before=policy(), address=f"google_monitoring_alert_policy.old_{each}")
        for each in range(2)
    ]
    new = change("create", after=policy(project="orders-prod"))
    found = parse_plan(written(plan(*old, new)), "").changes
    assert sorted(each.action for each in found) == ["added", "removed", "removed"]


def test_a_deposed_policy_is_removed() -> None:
    """A deposed object is a removal with a note, not a move."""
    deposed = change("delete", before=policy(project="orders-prod"), deposed="1a2b3c4d")
    found = only_change(deposed)
    assert found.action is Action.REMOVED
    assert found.notes == ("It is left over from an earlier apply that failed halfway.",)


def test_an_imported_policy_has_a_note() -> None:
    """An import says that the policy already exists."""
    imported = change("update", before=policy(), after=policy(severity="ERROR"))
    imported["change"]["importing"] = {"id": "projects/orders-prod/alertPolicies/1"}
    assert only_change(imported).notes == ("It already exists: Terraform imports it.",)


def test_channels_have_display_names() -> None:
    """Channels that are read or managed in any module are known by name."""
    held = [("projects/p/notificationChannels/1", "On-call")]
    document = plan(change("create", after=policy()), prior_state=channels(held))
    assert parse_plan(written(document), "").channels == dict(held)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"errored": True}, "The plan ended with an error"),
        ({"complete": False}, "The plan is incomplete"),
    ],
)
def test_a_failed_or_incomplete_plan_has_a_note(broken: dict[str, Any], said: str) -> None:
    """The review says that changes may be missing."""
    (note,) = parse_plan(written(plan(change("create", after=policy()), **broken)), "").notes
    assert note.startswith(said)
