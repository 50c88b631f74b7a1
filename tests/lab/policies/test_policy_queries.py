"""This project's policies: severities, retest windows, metrics, labels, look-back windows."""

from __future__ import annotations

import re

import pytest
import yaml
from google.cloud import monitoring_v3
from google.protobuf import json_format

from exporter.states import BackfillState
from lab.policies.files import Policy, lookback
from lab.policies.known_metrics import known_series
from tests.lab.policies.folders import OURS, POLICIES

PROMISED = {
    "stream-failed-permanently": ("CRITICAL", 0),
    "stream-failed": ("CRITICAL", 60),
    "streams-failing-together": ("CRITICAL", 60),
    "stream-missing": ("CRITICAL", 30),
    "stream-unexpected-state": ("ERROR", 120),
    "streams-unexpected-together": ("ERROR", 120),
    "stream-flapping": ("ERROR", 0),
    "stream-stuck": ("ERROR", 15 * 60),
    "stream-maintenance-long": ("WARNING", 60 * 60),
    "stream-errors": ("WARNING", 10 * 60),
    "stream-lagging": ("ERROR", 10 * 60),
    "stream-stalled": ("WARNING", 12 * 60),
    "stream-unsupported-events": ("WARNING", 0),
    "stream-backfill-failed": ("WARNING", 0),
    "private-connection-failed": ("ERROR", 0),
    "location-unreadable": ("ERROR", 10 * 60),
    "exporter-silent": ("CRITICAL", 3 * 60),
    "exporter-executions-failing": ("CRITICAL", 6 * 60),
    "exporter-requests-failing": ("CRITICAL", 6 * 60),
    "exporter-losing-points": ("ERROR", 5 * 60),
    "stream-changed": ("WARNING", None),
    "stream-state-changed": ("WARNING", None),
    "stream-activity-errors": ("WARNING", None),
}
"""Severity and retest window in seconds of each policy; None for a log policy."""

OFF = {"stream-activity-errors"}
"""The policies that do nothing until a user enables them."""

TOGETHER = {
    "stream-failed": "streams-failing-together",
    "stream-failed-permanently": "streams-failing-together",
    "stream-unexpected-state": "streams-unexpected-together",
}
"""Which policy alerts on many streams at once, by the policy that yields to it."""

THRESHOLDS = {
    "streams-failing-together": "5",
    "streams-unexpected-together": "5",
    "stream-flapping": "9",
    "stream-lagging": "900",
    "stream-errors": "0",
    "stream-unsupported-events": "0",
    "stream-backfill-failed": "0",
    "exporter-losing-points": "0",
}

FIXED = {
    "exporter-executions-failing": {"7m"},
    "exporter-requests-failing": {"7m"},
    "exporter-losing-points": {"3h"},
    "exporter-silent": {"2m", "3h"},
    "private-connection-failed": {"3h"},
    "stream-backfill-failed": {"3h"},
    "stream-failed": {"5m"},
    "stream-flapping": {"30m"},
    "stream-failed-permanently": {"5m"},
    "stream-missing": {"24h"},
    "stream-stalled": {"18m", "24h"},
    "stream-unexpected-state": {"5m"},
    "stream-unsupported-events": {"10m"},
    "streams-failing-together": {"5m"},
    "streams-unexpected-together": {"5m"},
}
"""Ranges that don't depend on the retest window."""

STREAM = {"project_id", "namespace", "location", "stream_id"}

RESULTS = {
    "exporter-executions-failing": set(),
    "exporter-requests-failing": set(),
    "exporter-losing-points": {"project_id", "namespace", "location"},
    "exporter-silent": set(),
    "location-unreadable": {"project_id", "namespace"},
    "streams-failing-together": {"project_id", "namespace", "location"},
    "streams-unexpected-together": {"project_id", "namespace", "location"},
}
"""The labels that identify an incident where it is not a stream's."""

METRIC = [policy for policy in POLICIES.values() if not policy.is_log]

every_policy = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
every_metric_policy = pytest.mark.parametrize("policy", METRIC, ids=lambda policy: policy.name)


def test_the_policies_are_as_promised() -> None:
    """Names, severities and retest windows are the promised ones, and there is no other policy."""
    assert {
        policy.name: (policy.severity, None if policy.is_log else policy.retest_window)
        for policy in POLICIES.values()
    } == PROMISED


def test_thresholds_and_yielding_are_as_promised() -> None:
    """The thresholds that users may change, and which policy yields to which."""
    assert {each.name: each.threshold for each in METRIC if each.threshold} == THRESHOLDS
    assert {each.name: each.yields_to for each in METRIC if each.yields_to} == TOGETHER


def test_one_failure_is_one_alert_until_a_user_wants_more() -> None:
    """A policy that repeats what others find is off."""
    assert {policy.name for policy in POLICIES.values() if not policy.enabled} == OFF


@every_policy
def test_nothing_of_a_file_is_lost_or_added(policy: Policy) -> None:
    """Google's library writes a policy exactly as its file has it."""
    message = monitoring_v3.AlertPolicy.pb(policy.proto)
    written = json_format.MessageToDict(message)

    assert written == yaml.safe_load(policy.path.read_text("utf-8"))


@every_policy
def test_a_file_has_nothing_of_one_project(policy: Policy) -> None:
    """No project, no channel and no key that the API sets."""
    message = monitoring_v3.AlertPolicy.pb(policy.proto)

    assert {each.name for each, _ in message.ListFields()} == {
        "alert_strategy",
        "combiner",
        "conditions",
        "display_name",
        "documentation",
        "severity",
        "user_labels",
    } | ({"enabled"} if policy.name in OFF else set())
    assert "projects/" not in policy.path.read_text("utf-8")


@every_policy
def test_incidents_notify_when_they_open_and_close(policy: Policy) -> None:
    """Log incidents can't notify when they close; they close by themselves within a day."""
    strategy = policy.proto.alert_strategy
    message = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy
    prompts = [each.name for each in strategy.notification_prompts]

    assert prompts == ([] if policy.is_log else ["OPENED", "CLOSED"])
    assert message.auto_close.seconds <= 86400


def test_display_names_are_unique() -> None:
    """No two policies look the same in a list."""
    names = [policy.display_name for policy in POLICIES.values()]

    assert len(set(names)) == len(names)
    assert all(name.startswith("Datastream: ") for name in names)


@every_metric_policy
def test_each_selector_names_its_resource(policy: Policy) -> None:
    """The monitored resource that its metric is written to."""
    assert policy.parsed_query
    for selector in policy.parsed_query.selectors:
        assert selector.equal.get("monitored_resource") == known_series()[selector.metric].resource


@every_metric_policy
def test_a_result_has_the_labels_that_its_alert_names(policy: Policy) -> None:
    """An alert can name the stream, or the resource that the incident is about."""
    assert policy.parsed_query
    result = policy.parsed_query.result
    if policy.name == "private-connection-failed":
        assert {"private_connection_id", "namespace", "location"} <= result.names
    elif policy.name in RESULTS:
        assert result.names == RESULTS[policy.name]
    else:
        assert result.names >= STREAM


@every_metric_policy
def test_both_sides_of_an_or_have_the_same_labels(policy: Policy) -> None:
    """One cause is one incident, whichever side of the query finds it."""
    assert policy.parsed_query
    assert all(left == right for left, right in policy.parsed_query.alternatives)


@every_metric_policy
def test_joins_match_on_project_and_location(policy: Policy) -> None:
    """Streams with the same id in two projects or locations are never mixed up."""
    joins = re.findall(r" on \(([^)]*)\)", policy.query or "")
    if "datastream_googleapis_com" in (policy.query or ""):
        # Google's series may have no project_id, and are then joined without it.
        assert set(joins) == {"namespace, location, stream_id", "location, stream_id"}
    else:
        assert set(joins) <= {
            "project_id, namespace, location",
            "project_id, namespace, location, stream_id",
        }


@every_metric_policy
def test_a_range_depends_on_the_retest_window_or_is_fixed(policy: Policy) -> None:
    """Every fixed range is used, and differs from those that change with the retest window."""
    assert policy.parsed_query
    ranges = set(policy.parsed_query.ranges)
    fixed = FIXED.get(policy.name, set())

    assert fixed <= ranges <= fixed | {lookback(policy.retest_window)}
    assert lookback(policy.retest_window) not in fixed


@every_metric_policy
def test_states_have_the_look_back_window_of_the_retest_window(policy: Policy) -> None:
    """The last state, expected or not, counts for as long as the retest window requires."""
    found = re.findall(
        r"_over_time\(\w+:datastream_stream_(?:state|expected)\{[^}]*\}\[(\w+)\]",
        policy.query or "",
    )

    assert set(found) <= {lookback(policy.retest_window)}


@every_metric_policy
def test_a_policy_is_evaluated_as_often_as_its_promise_needs(policy: Policy) -> None:
    """Each evaluation costs money: what is urgent or short is evaluated most often."""
    window = policy.retest_window
    slower = 300 if window >= 30 * 60 else 120
    usual = {"CRITICAL": 30, "ERROR": 30 if window <= 120 else 60, "WARNING": slower}

    assert policy.interval == usual[policy.severity]
    assert window % policy.interval == 0


def test_the_policies_read_few_metrics() -> None:
    """A price is announced for each metric that a policy reads."""
    read = [
        metric
        for policy in METRIC
        if policy.parsed_query
        for metric in {selector.metric for selector in policy.parsed_query.selectors}
    ]

    assert len(read) <= 32


@pytest.mark.parametrize("name", TOGETHER)
def test_a_policy_yields_under_the_condition_of_the_other(name: str) -> None:
    """The query contains the other policy's condition word for word, apart from an offset."""
    together = re.search(r"\((.*)\)\n*$", POLICIES[TOGETHER[name]].query or "", re.DOTALL)

    assert together
    assert together[1] in re.sub(r" offset \d+s", "", POLICIES[name].query or "")


def test_backfill_states_are_the_api_s() -> None:
    """The query on objects uses existing states only."""
    found = re.search(r'backfill_state=~"([^"]+)"', POLICIES["stream-backfill-failed"].query or "")

    assert found
    assert set(found[1].split("|")) <= set(BackfillState.__members__)


def test_the_audit_log_filter_finds_changes() -> None:
    """In both versions of the API; successful calls only, each once."""
    changed = POLICIES["stream-changed"]
    lines = (changed.filter or "").splitlines()
    pattern = re.search(r'methodName=~"(.*)"', changed.filter or "")

    assert pattern
    for method in ("UpdateStream", "DeleteStream", "RunStream"):
        assert re.search(pattern[1], f"google.cloud.datastream.v1.Datastream.{method}")
        assert re.search(pattern[1], f"google.cloud.datastream.v1alpha1.Datastream.{method}")
    assert not re.search(pattern[1], "google.cloud.datastream.v1.Datastream.CreateStream")
    assert lines[0] == 'log_id("cloudaudit.googleapis.com/activity")'
    assert {
        "severity<ERROR",
        "NOT (operation.last=true AND NOT operation.first=true)",
    } <= set(lines)
    assert not any(line.startswith("resource.type") for line in lines)
    assert set(changed.extractors) == {"stream", "who", "change"}


def test_the_exporter_log_filter_finds_changes_for_the_worse() -> None:
    """Of this exporter alone, whose name Terraform replaces; each stream has its own incidents."""
    changed = POLICIES["stream-state-changed"]

    assert (changed.filter or "").splitlines() == [
        (
            '(resource.labels.service_name="datastream-exporter" OR '
            'resource.labels.worker_pool_name="datastream-exporter")'
        ),
        "jsonPayload.worse=true",
    ]
    assert {"stream", "project", "location", "from", "to", "reason", "error", "summary"} == set(
        changed.extractors
    )


def test_the_stream_log_filter_finds_errors() -> None:
    """By severity and resource only."""
    errors = POLICIES["stream-activity-errors"]

    assert (errors.filter or "").splitlines() == [
        'log_id("datastream.googleapis.com/stream_activity")',
        'resource.type="datastream.googleapis.com/Stream"',
        "severity>=ERROR",
    ]
    assert errors.extractors == {
        "stream": "EXTRACT(resource.labels.stream_id)",
        "location": "EXTRACT(resource.labels.location)",
    }


def test_the_directory_has_only_policies_and_scenarios() -> None:
    """Each file of the directory is read as a policy."""
    assert {path.name for path in OURS.iterdir()} - {"scenarios"} == {
        f"{name}.yaml" for name in POLICIES
    }
