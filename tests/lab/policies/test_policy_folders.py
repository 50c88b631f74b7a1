"""Directories of policies: what is read, in which order, and the errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.cloud import monitoring_v3

from lab.policies import model
from lab.policies.files import Link, lookback, read_policies
from tests.lab.policies.folders import OURS, copy, errors, policy

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel


def test_a_policy_on_metrics_is_read(tmp_path: Path) -> None:
    """Every field of the file is there."""
    folder = copy(tmp_path / "policies")
    paused = policy(folder, "paused")

    assert paused.path == folder / "paused.yaml"
    assert (paused.display_name, paused.severity) == ("Paused", "ERROR")
    assert paused.query
    assert paused.query.startswith("last_over_time(custom_googleapis_com:datastream_stream_state{")
    assert (paused.retest_window, paused.interval) == (120, 30)
    assert (paused.threshold, paused.yields_to) == (None, "together")
    assert paused.subject == "Stream ${metric_or_resource.label.stream_id} is paused"
    assert paused.content == "Look at the streams of ${metric_or_resource.label.namespace}."
    assert paused.links == (
        Link("Streams", "https://console.cloud.google.com/datastream/streams?project=${project}"),
    )
    assert paused.header == ("a stream that is paused.", "two minutes are enough.", "it was meant.")
    assert (paused.is_log, paused.filter, paused.extractors) == (False, None, {})
    assert paused.parsed_query
    assert paused.parsed_query.look_back == 3600
    assert policy(folder, "together").threshold == "5"


def test_a_policy_on_a_log_is_read(tmp_path: Path) -> None:
    """Every field of the file is there."""
    changed = policy(copy(tmp_path / "policies"), "changed")

    assert (changed.is_log, changed.query, changed.parsed_query) == (True, None, None)
    assert (changed.retest_window, changed.interval) == (0, 0)
    assert changed.filter == 'log_id("cloudaudit.googleapis.com/activity")'
    assert changed.extractors == {
        "stream": "EXTRACT(protoPayload.resourceName)",
        "change": 'REGEXP_EXTRACT(protoPayload.methodName, "(Update|Delete)Stream")',
    }


def test_a_policy_has_the_api_s_message(tmp_path: Path) -> None:
    """Google's parser reads the file."""
    proto = policy(copy(tmp_path / "policies"), "paused").proto
    message = monitoring_v3.AlertPolicy.pb(proto)
    condition = message.conditions[0].condition_prometheus_query_language

    assert proto.severity == monitoring_v3.AlertPolicy.Severity.ERROR
    assert proto.user_labels == {"policy": "paused", "yields_to": "together"}
    assert condition.duration.seconds == 120
    assert condition.disable_metric_validation is True
    assert message.alert_strategy.auto_close.seconds == 86400


def test_policies_are_ordered_by_name_and_hashable(tmp_path: Path) -> None:
    """Whatever the order of the file system; a policy can be a key."""
    policies = read_policies(copy(tmp_path / "policies"))

    assert [each.name for each in policies] == ["changed", "paused", "together"]
    assert len(set(policies)) == 3


def test_other_files_and_directories_are_skipped(tmp_path: Path) -> None:
    """A text file and the directory of scenarios are not policies."""
    folder = copy(tmp_path / "policies")
    (folder / "README.md").write_text("About them.")
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "hour.yaml").write_text("no: policy")

    assert len(read_policies(folder)) == 3


def test_a_file_with_another_ending_is_an_error(tmp_path: Path) -> None:
    """A likely policy is not skipped silently."""
    folder = copy(tmp_path / "policies", changed=("severity: WARNING", "severity: FATAL"))
    (folder / "paused.yaml").rename(folder / "paused.yml")

    assert errors(folder) == [
        "paused.yml: a policy's file name ends in .yaml; rename it",
        'changed.yaml:7: severity: "FATAL" is not allowed; allowed here: CRITICAL, ERROR, WARNING',
    ]


def test_a_name_that_is_not_a_label_is_an_error(tmp_path: Path) -> None:
    """The file's name is a label of the policy, so it must be an allowed value."""
    folder = copy(tmp_path / "policies", changed=("  policy: changed", "  team: data"))
    (folder / "changed.yaml").rename(folder / "Stream changed.yaml")

    assert errors(folder, house_rules=False) == [
        (
            "Stream changed.yaml:6: the file's name is the policy's name; rename it to only "
            "lower-case letters, digits, - and _, at most 63"
        )
    ]


def test_a_policy_may_yield_to_one_of_another_directory(tmp_path: Path) -> None:
    """A user's policy can yield to one of this project's."""
    old, new = ("yields_to: together", "yields_to: streams-unexpected-together")
    folder = copy(tmp_path / "policies", paused=(old, new))
    others = read_policies(OURS, house_rules=True)

    assert "paused" in {each.name for each in read_policies(folder, others=others)}
    sentence = (
        'paused.yaml:11: userLabels.yields_to: "streams-unexpected-together" is not another '
        "policy with a threshold; allowed here: together"
    )
    assert errors(folder) == [sentence]


def test_an_unreadable_policy_causes_no_error_in_another(tmp_path: Path) -> None:
    """Whether an unreadable file has a threshold is unknown."""
    folder = copy(tmp_path / "policies", together=("severity: ERROR", "severity: [ERROR"))

    assert [each.partition(":")[0] for each in errors(folder)] == ["together.yaml"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere", "{}: there is no such directory; check the path"),
        ("file", "{}: is not a directory; name the one with the policy files"),
        ("empty", "{}: has no policy; a policy's file name ends in .yaml"),
        ("a\0b", "{}: can not be read (embedded null byte); check the path"),
    ],
)
def test_a_directory_without_policies_is_an_error(tmp_path: Path, name: str, sentence: str) -> None:
    """A missing or empty directory, or a file, has its own sentence."""
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    folder = tmp_path / name

    assert errors(folder) == [sentence.format(str(folder).replace("\0", "\\x00"))]


@pytest.mark.parametrize(
    ("retest_window", "written"),
    [(0, "1h"), (120, "1h"), (121, "80s"), (300, "200s"), (720, "480s"), (3600, "2400s")],
)
def test_the_look_back_window_follows_the_retest_window(retest_window: int, written: str) -> None:
    """An hour for a short retest window, two thirds of a longer one, in whole seconds."""
    assert lookback(retest_window) == written


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (model.PolicyFile, "google.monitoring.v3.AlertPolicy"),
        (model.Condition, "google.monitoring.v3.AlertPolicy.Condition"),
        (
            model.PromQL,
            "google.monitoring.v3.AlertPolicy.Condition.PrometheusQueryLanguageCondition",
        ),
        (model.MatchedLog, "google.monitoring.v3.AlertPolicy.Condition.LogMatch"),
        (model.Documentation, "google.monitoring.v3.AlertPolicy.Documentation"),
        (model.DocumentationLink, "google.monitoring.v3.AlertPolicy.Documentation.Link"),
        (model.AlertStrategy, "google.monitoring.v3.AlertPolicy.AlertStrategy"),
        (
            model.RateLimit,
            "google.monitoring.v3.AlertPolicy.AlertStrategy.NotificationRateLimit",
        ),
        (
            model.ChannelStrategy,
            "google.monitoring.v3.AlertPolicy.AlertStrategy.NotificationChannelStrategy",
        ),
    ],
)
def test_the_keys_are_the_api_s(part: type[BaseModel], message: str) -> None:
    """A file may have every key of the API's message except those that the API sets."""
    file = monitoring_v3.AlertPolicy.pb(monitoring_v3.AlertPolicy()).DESCRIPTOR.file
    fields = file.pool.FindMessageTypeByName(message).fields
    keys = {field.alias or name for name, field in part.model_fields.items()}

    assert keys == {each.json_name for each in fields} - set(model.SET_BY_THE_API)
