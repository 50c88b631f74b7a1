"""This project's policies: their promises, selectors and windows."""

import re

import yaml
from google.cloud import monitoring_v3
from google.protobuf import json_format

from exporter.steps.measure import definitions
from lab.policies.files import Policy
from lab.policies.promql import known_series
from lab.promql_durations import parse_seconds
from tests.lab.policies.folders import POLICIES, every_metric_policy, every_policy
from tests.tables import beside

PROMISES = beside(__file__, "promises.yaml")


def test_the_policies_are_as_promised() -> None:
    """Each policy has its severity, windows and threshold; no other exists."""
    for name, policy in POLICIES.items():
        promise = PROMISES[name]
        assert policy.severity == promise["severity"], name
        assert policy.retest_window == promise.get("retest_window", 0), name
        assert policy.threshold == promise.get("threshold"), name
        assert policy.enabled == promise.get("enabled", True), name
    assert POLICIES.keys() == PROMISES.keys()


def test_the_contract_is_the_exporter_s() -> None:
    """An exporter is outdated below the contract that this version writes."""
    query = POLICIES["exporter-outdated"].query or ""
    assert re.findall(r">= (\d+)", query) == [str(definitions()["contract"])]


@every_policy
def test_nothing_of_a_file_is_lost_or_added(policy: Policy) -> None:
    """Google's library writes a policy as its file has it, for no certain project."""
    message = monitoring_v3.AlertPolicy.pb(policy.proto)
    text = policy.path.read_text("utf-8")

    assert json_format.MessageToDict(message) == yaml.safe_load(text)
    assert not message.notification_channels
    assert not re.search(r"projects/\w", text)


@every_policy
def test_incidents_notify_when_they_open_and_close(policy: Policy) -> None:
    """Log incidents can't notify when they close; they close within a day."""
    strategy = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy

    assert len(strategy.notification_prompts) == (0 if policy.is_log else 2)
    assert strategy.auto_close.seconds <= 86400


@every_metric_policy
def test_a_query_names_its_resources(policy: Policy) -> None:
    """Each selector has the type of the resource that its metric is written to."""
    assert policy.parsed_query
    for selector in policy.parsed_query.selectors:
        resource = known_series()[selector.metric].resource
        assert selector.equal.get("monitored_resource") == resource


@every_metric_policy
def test_every_selector_names_its_deployment(policy: Policy) -> None:
    """Series of other deployments neither open nor close an incident."""
    assert policy.parsed_query
    for selector in policy.parsed_query.selectors:
        prefix, _, rest = selector.metric.partition(":")
        if prefix == "custom_googleapis_com":
            assert selector.equal["project_id"] == "METRICS_PROJECT"
        if rest.startswith("datastream_exporter_"):
            assert selector.equal["namespace"] == "EXPORTER_RUN_NAME"
            assert selector.equal["location"] == "EXPORTER_LOCATION"


@every_metric_policy
def test_the_last_state_outlives_a_missed_start_at_any_interval(policy: Policy) -> None:
    """Failures count for a day, errors and what each run writes for 13 minutes."""
    query = policy.query or ""
    ranges = re.findall(r"custom_\w+:datastream_(\w+)\{([^}]*)\}\[(\w+)\]", query)
    for metric, labels, length in ranges:
        if "problem" in metric:
            assert length == ("13m" if 'kind="errors"' in labels else "24h")
        assert parse_seconds(length) >= 13 * 60


@every_metric_policy
def test_a_policy_is_evaluated_as_often_as_its_promise_needs(policy: Policy) -> None:
    """Evaluations cost money: only what must page within minutes has many."""
    urgent = policy.severity == "CRITICAL" or "unexpected" in policy.name
    if policy.name in {"exporter-losing-points", "exporter-absent"}:
        # Its samples are a minute apart, or it is for what lasts for a day.
        urgent = False
    usual = PROMISES[policy.name].get("interval", 300)

    assert policy.interval == (30 if urgent else usual)
    assert policy.retest_window % policy.interval == 0
