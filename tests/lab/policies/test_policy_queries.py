"""What this project's policies are and ask for: severity, hold, metrics, labels, look-backs."""

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
    "exporter-losing-points": ("ERROR", 5 * 60),
    "stream-changed": ("WARNING", None),
    "stream-activity-errors": ("WARNING", None),
}
"""Severity and hold in seconds of each policy; no hold where a log entry pages."""

TOGETHER = {
    "stream-failed": "streams-failing-together",
    "stream-failed-permanently": "streams-failing-together",
    "stream-unexpected-state": "streams-unexpected-together",
}
"""Which policy pages for many at once, and keeps which quiet."""

THRESHOLDS = {
    "streams-failing-together": "5",
    "streams-unexpected-together": "5",
    "stream-lagging": "900",
    "stream-errors": "0",
    "stream-unsupported-events": "0",
    "stream-backfill-failed": "0",
    "exporter-losing-points": "0",
}

FIXED = {
    "exporter-executions-failing": {"7m"},
    "exporter-losing-points": {"3h"},
    "exporter-silent": {"2m", "3h"},
    "private-connection-failed": {"3h"},
    "stream-backfill-failed": {"3h"},
    "stream-failed": {"5m"},
    "stream-failed-permanently": {"5m"},
    "stream-missing": {"24h"},
    "stream-stalled": {"18m", "24h"},
    "stream-unexpected-state": {"5m"},
    "stream-unsupported-events": {"10m"},
    "streams-failing-together": {"5m"},
    "streams-unexpected-together": {"5m"},
}
"""Ranges that stay whatever becomes of the hold."""

STREAM = {"project_id", "namespace", "location", "stream_id"}

RESULTS = {
    "exporter-executions-failing": set(),
    "exporter-losing-points": {"project_id", "namespace", "location"},
    "exporter-silent": set(),
    "location-unreadable": {"project_id", "namespace"},
    "streams-failing-together": {"project_id", "namespace", "location"},
    "streams-unexpected-together": {"project_id", "namespace", "location"},
}
"""What pages are told apart by where they are not one a stream."""

METRIC = [policy for policy in POLICIES.values() if not policy.is_log]

every_policy = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
every_metric_policy = pytest.mark.parametrize("policy", METRIC, ids=lambda policy: policy.name)


def test_the_policies_are_as_promised() -> None:
    """Names, severities and holds are those that were promised, and there is no other policy."""
    assert {
        policy.name: (policy.severity, None if policy.is_log else policy.retest_window)
        for policy in POLICIES.values()
    } == PROMISED


def test_thresholds_and_what_yields_are_as_promised() -> None:
    """What can be changed, and what keeps quiet for what, is as promised."""
    assert {each.name: each.threshold for each in METRIC if each.threshold} == THRESHOLDS
    assert {each.name: each.yields_to for each in METRIC if each.yields_to} == TOGETHER


@every_policy
def test_nothing_of_a_file_is_lost_or_added(policy: Policy) -> None:
    """Written back by Google's library, a policy is what stands in its file, word for word."""
    message = monitoring_v3.AlertPolicy.pb(policy.proto)
    written = json_format.MessageToDict(message)

    assert written == yaml.safe_load(policy.path.read_text("utf-8"))


@every_policy
def test_a_file_holds_what_is_for_everybody(policy: Policy) -> None:
    """No project, no channel and nothing that the API sets stands in a file."""
    message = monitoring_v3.AlertPolicy.pb(policy.proto)

    assert {each.name for each, _ in message.ListFields()} == {
        "alert_strategy",
        "combiner",
        "conditions",
        "display_name",
        "documentation",
        "severity",
        "user_labels",
    }
    assert "projects/" not in policy.path.read_text("utf-8")


@every_policy
def test_a_page_opens_and_its_end_is_told(policy: Policy) -> None:
    """An incident's end is told where it can be; a log's has none and closes by itself soon."""
    strategy = policy.proto.alert_strategy
    message = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy
    prompts = [each.name for each in strategy.notification_prompts]

    assert prompts == ([] if policy.is_log else ["OPENED", "CLOSED"])
    assert message.auto_close.seconds <= 86400


def test_display_names_are_told_apart() -> None:
    """No two policies, and no policy and another's condition, look the same in a list."""
    names = [policy.display_name for policy in POLICIES.values()]

    assert len(set(names)) == len(names)
    assert all(name.startswith("Datastream: ") for name in names)


@every_metric_policy
def test_a_query_says_which_resource_it_means(policy: Policy) -> None:
    """Each selector names the monitored resource that its metric is written to."""
    assert policy.parsed_query
    for selector in policy.parsed_query.selectors:
        assert selector.equal.get("monitored_resource") == known_series()[selector.metric].resource


@every_metric_policy
def test_a_result_carries_what_its_page_names(policy: Policy) -> None:
    """A page can name the stream, or whatever else is one incident."""
    assert policy.parsed_query
    result = policy.parsed_query.result
    if policy.name == "private-connection-failed":
        assert {"private_connection_id", "namespace", "location"} <= result.names
    elif policy.name in RESULTS:
        assert result.names == RESULTS[policy.name]
    else:
        assert result.names >= STREAM


@every_metric_policy
def test_one_cause_is_one_incident_whichever_half_of_a_query_sees_it(policy: Policy) -> None:
    """Both sides of an `or` carry the same labels."""
    assert policy.parsed_query
    assert all(left == right for left, right in policy.parsed_query.alternatives)


@every_metric_policy
def test_joins_with_google_s_metrics_tell_projects_apart(policy: Policy) -> None:
    """Streams of one id in two projects or locations are never taken for each other."""
    joins = re.findall(r" on \(([^)]*)\)", policy.query or "")
    if "datastream_googleapis_com" in (policy.query or ""):
        assert set(joins) == {"namespace, location, stream_id"}
    else:
        assert set(joins) <= {
            "project_id, namespace, location",
            "project_id, namespace, location, stream_id",
        }


@every_metric_policy
def test_a_look_back_is_that_of_the_hold_or_fixed(policy: Policy) -> None:
    """A range is changed with the hold, or is one that is known to stay; each of these is used."""
    assert policy.parsed_query
    ranges = set(policy.parsed_query.ranges)
    fixed = FIXED.get(policy.name, set())

    assert fixed <= ranges <= fixed | {lookback(policy.retest_window)}
    assert lookback(policy.retest_window) not in fixed


@every_metric_policy
def test_what_was_last_seen_of_a_stream_s_state_counts(policy: Policy) -> None:
    """A state, or whether it is expected, is looked back for as far as the hold wants it."""
    found = re.findall(
        r"datastream_stream_(?:state|expected)\{[^}]*\}\[(\w+)\]", policy.query or ""
    )

    assert set(found) <= {lookback(policy.retest_window)}


@pytest.mark.parametrize("name", TOGETHER)
def test_what_keeps_a_policy_quiet_is_what_pages_in_its_place(name: str) -> None:
    """The condition of the policy that takes over stands in the one that yields, word for word.

    One that pages without a hold looks at all of it as it was some seconds ago.
    """
    together = re.search(r"\((.*)\)\n*$", POLICIES[TOGETHER[name]].query or "", re.DOTALL)

    assert together
    assert together[1] in re.sub(r" offset \d+s", "", POLICIES[name].query or "")


def test_the_states_of_backfills_are_the_api_s() -> None:
    """The query on objects names states that there are."""
    found = re.search(r'backfill_state=~"([^"]+)"', POLICIES["stream-backfill-failed"].query or "")

    assert found
    assert set(found[1].split("|")) <= set(BackfillState.__members__)


def test_a_change_is_found_in_the_audit_log() -> None:
    """The filter takes both versions of the API, a try that worked, and its begin alone."""
    changed = POLICIES["stream-changed"]
    lines = (changed.filter or "").splitlines()
    pattern = re.search(r'methodName=~"(.*)"', changed.filter or "")

    assert pattern
    for method in ("UpdateStream", "DeleteStream", "RunStream"):
        assert re.search(pattern[1], f"google.cloud.datastream.v1.Datastream.{method}")
        assert re.search(pattern[1], f"google.cloud.datastream.v1alpha1.Datastream.{method}")
    assert not re.search(pattern[1], "google.cloud.datastream.v1.Datastream.CreateStream")
    assert lines[0] == 'log_id("cloudaudit.googleapis.com/activity")'
    assert {"severity<ERROR", "NOT operation.last=true"} <= set(lines)
    assert not any(line.startswith("resource.type") for line in lines)
    assert set(changed.extractors) == {"stream", "who", "change"}


def test_an_error_is_found_in_the_streams_own_log() -> None:
    """The filter takes errors of streams, and relies on severity and resource alone."""
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


def test_the_directory_holds_nothing_but_policies_and_scenarios() -> None:
    """Each file of the directory is read as a policy."""
    assert {path.name for path in OURS.iterdir()} - {"scenarios"} == {
        f"{name}.yaml" for name in POLICIES
    }
