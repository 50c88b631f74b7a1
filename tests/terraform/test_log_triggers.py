"""Log triggers: which log entries call the function, through which resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.filters.log_filter import parse_log_filter
from tests.terraform.module_inputs import INPUTS, MODULE, mode_inputs

if TYPE_CHECKING:
    from tests.terraform.conftest import CopyModule, PlanModule

_FUNCTION = mode_inputs("function")
_KINDS = {
    "google_logging_project_sink",
    "google_pubsub_subscription",
    "google_pubsub_topic",
    "google_pubsub_topic_iam_member",
}
_ACTIVITY = "projects/orders-prod/logs/datastream.googleapis.com%2Fstream_activity"
_AUDIT = "projects/orders-prod/logs/cloudaudit.googleapis.com%2Factivity"
_ACCESS = "projects/orders-prod/logs/cloudaudit.googleapis.com%2Fdata_access"


def _audited(method: str, service: str = "datastream", **more: Any) -> dict[str, Any]:
    name = f"google.cloud.datastream.v1.Datastream.{method}"
    call = {"serviceName": f"{service}.googleapis.com", "methodName": name}
    return {"logName": _AUDIT, "severity": "NOTICE", "protoPayload": call, **more}


@pytest.mark.parametrize(
    ("entry", "calls"),
    [
        ({"logName": _ACTIVITY, "severity": "ERROR", "jsonPayload": {"message": "lost"}}, True),
        ({"logName": _ACTIVITY, "severity": "CRITICAL", "jsonPayload": {}}, True),
        (
            {
                "logName": _ACTIVITY,
                "severity": "INFO",
                "jsonPayload": {"stream_state_change": {"new_state": "RUNNING"}},
            },
            True,
        ),
        ({"logName": _ACTIVITY, "severity": "WARNING", "jsonPayload": {"message": "slow"}}, False),
        ({"logName": _ACTIVITY, "severity": "INFO", "jsonPayload": {"message": "read"}}, False),
        (_audited("CreateStream"), True),
        (_audited("UpdateStream", operation={"first": True}), True),
        (_audited("UpdateStream", operation={"last": True}), True),
        (_audited("DeleteStream", severity="ERROR"), True),
        (_audited("RunStream"), True),
        (_audited("UpdateConnectionProfile"), False),
        (_audited("ListStreams"), False),
        (_audited("UpdateStream", service="run"), False),
        ({**_audited("UpdateStream"), "logName": _ACCESS}, False),
        (
            {
                "logName": "projects/orders-prod/logs/run.googleapis.com%2Fstdout",
                "severity": "ERROR",
                "jsonPayload": {"event": "stream_changed", "state": "FAILED"},
            },
            False,
        ),
    ],
)
def test_an_error_a_change_of_state_and_an_admin_call_call_the_function(
    plan_module: PlanModule, entry: dict[str, Any], *, calls: bool
) -> None:
    """No other entry does, least of all one of the function's own."""
    sinks = plan_module(**_FUNCTION).of("google_logging_project_sink")
    assert {each["project"] for each in sinks} == {"orders-prod", "billing-prod"}
    for sink in sinks:
        alternatives = sink["filter"].split("\nOR\n")
        assert len(alternatives) == 3
        filters = [parse_log_filter(each) for each in alternatives]
        assert any(each.accepts(entry) for each in filters) is calls


@pytest.mark.usefixtures("fake_provider")
def test_the_log_calls_the_function_with_an_account_of_its_own(terraform: CopyModule) -> None:
    """Every sink sends to the one topic, which pushes to /log with a token for the function."""
    state = terraform(MODULE).apply(**{**INPUTS, **_FUNCTION})
    (topic,) = state.of("google_pubsub_topic")
    destinations = {each["destination"] for each in state.of("google_logging_project_sink")}
    assert destinations == {f"pubsub.googleapis.com/{topic['id']}"}
    (subscription,) = state.of("google_pubsub_subscription")
    assert subscription["topic"] == topic["id"]
    (push,) = subscription["push_config"]
    (token,) = push["oidc_token"]
    uri = state.outputs["function_uri"]
    assert (push["push_endpoint"], token["audience"]) == (f"{uri}/log", uri)
    account = "datastream-exporter-push@orders-prod.iam.gserviceaccount.com"
    assert token["service_account_email"] == account


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize("off", [{"log_triggers": False}, {"paused": True}, mode_inputs("job")])
def test_nothing_of_the_log_triggers_exists_when_they_are_off(
    terraform: CopyModule, off: dict[str, Any]
) -> None:
    """Off, paused or in another mode: one apply removes all, and leaves nothing of it planned."""
    root = terraform(MODULE)
    on = root.apply(**{**INPUTS, **_FUNCTION})
    assert all(on.of(kind) for kind in _KINDS)
    state = root.apply(**{**INPUTS, **_FUNCTION, **off})
    assert not [kind for kind in _KINDS if state.of(kind)]
    accounts = {each["account_id"] for each in state.of("google_service_account")}
    assert "datastream-exporter-push" not in accounts
    apis = {each["service"] for each in state.of("google_project_service")}
    assert not apis & {"pubsub.googleapis.com", "logging.googleapis.com"}


@pytest.mark.usefixtures("fake_provider")
def test_another_watched_project_adds_its_sink_only(terraform: CopyModule) -> None:
    """Log triggers of the other projects stay as they are."""
    root = terraform(MODULE)
    inputs = {**INPUTS, **_FUNCTION}
    root.apply(**inputs)
    more = {**inputs, "config_yaml": INPUTS["config_yaml"] + "  - project: stock-prod\n"}
    changes = root.plan(**more).changes
    assert {
        (address, actions)
        for address, actions in changes.items()
        if address.split(".")[0] in _KINDS
    } == {
        ('google_logging_project_sink.log["stock-prod"]', ("create",)),
        ('google_pubsub_topic_iam_member.sink["stock-prod"]', ("create",)),
    }
