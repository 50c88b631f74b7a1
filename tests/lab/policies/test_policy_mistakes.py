"""Mistakes in policy files: each is told with its file, its line, its key, and what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.policies.folders import copy, told

MISTAKES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("mistakes.yaml").read_text("utf-8")
)

QUERY = "conditions[0].conditionPrometheusQueryLanguage.query"


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told(tmp_path: Path, mistake: dict[str, Any]) -> None:
    """Each mistake has its sentence, and no other is said."""
    change = (mistake["old"], mistake["new"])
    folder = copy(tmp_path / "policies", **{mistake["policy"]: change})

    assert told(folder) == mistake["told"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "content: Look at",
            f"content: {'a' * 8192}",
            "paused.yaml:25: documentation.content: holds more than 8192 characters",
        ),
        (
            "content: Look at",
            f"content: {'é' * 6000}",
            (
                "paused.yaml:25: documentation.content: is 12,054 bytes long; at most 10,240 are "
                "allowed"
            ),
        ),
        (
            "subject: Stream",
            f"subject: {'é' * 128}",
            "paused.yaml:24: documentation.subject: is 304 bytes long; at most 255 are allowed",
        ),
        (
            "  links:\n",
            "  links:\n" + '    - {displayName: A, url: "https://example.com"}\n' * 3,
            "paused.yaml:26: documentation.links: holds more than 3 entries",
        ),
        (
            "displayName: Streams",
            f"displayName: {'a' * 64}",
            "paused.yaml:27: documentation.links[0].displayName: holds more than 63 characters",
        ),
        (
            "url: https://console",
            f"url: https://{'a' * 2083}",
            "paused.yaml:28: documentation.links[0].url: holds more than 2083 characters",
        ),
    ],
)
def test_what_is_too_long_is_told(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """Cloud Monitoring's limits on what a page says are known."""
    assert told(copy(tmp_path / "policies", paused=(old, new))) == [sentence]


def test_hold_and_look_back_have_a_limit(tmp_path: Path) -> None:
    """A hold is told that is too long for the longest look-back of its query."""
    folder = copy(tmp_path / "policies", together=("[1h]", "[24h]"))
    file = folder / "together.yaml"
    file.write_text(file.read_text().replace("duration: 120s", "duration: 3601s"))

    sentence = (
        "together.yaml:17: conditions[0].conditionPrometheusQueryLanguage.duration: a retest "
        "window of 3601s and a look-back window of 86400s in the query exceed the 90000s that "
        "Cloud Monitoring allows; shorten one of them"
    )
    assert told(folder) == [sentence]


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """A mistake hides none in another part of its file, nor in another file."""
    folder = copy(
        tmp_path / "policies",
        paused=("  autoClose: 86400s", "  autoClose: 5"),
        changed=("severity: WARNING", "severity: [WARNING"),
        together=("severity: ERROR", "severity: FATAL"),
    )
    file = folder / "paused.yaml"
    file.write_text(file.read_text().replace("datastream_stream_state", "datastream_stream_stat"))

    assert [each.split(": ")[:2] for each in told(folder)] == [
        ["changed.yaml:8:9", "the [ that opens in line 7 is not closed, or lacks a comma"],
        ["paused.yaml:15", QUERY],
        ["paused.yaml:31", "alertStrategy.autoClose"],
        ["together.yaml:7", "severity"],
    ]


def test_a_user_s_file_needs_no_comment_and_no_label(tmp_path: Path) -> None:
    """What is a rule of this project's own files alone is not asked of a user's."""
    folder = copy(tmp_path / "policies", paused=("  policy: paused\n", ""))
    file = folder / "paused.yaml"
    text = file.read_text()
    file.write_text(text[text.index("displayName") :])

    assert told(folder, house_rules=False) == []
    assert len(told(folder)) == 4


def test_a_user_s_label_still_has_to_be_the_file_s_name(tmp_path: Path) -> None:
    """A label that contradicts the file's name is a mistake everywhere."""
    folder = copy(tmp_path / "policies", paused=("policy: paused", "policy: stopped"))

    assert told(folder, house_rules=False) == [
        'paused.yaml:10: userLabels.policy: "stopped" is not the file\'s name; write "paused"'
    ]


def test_a_user_s_file_may_name_other_metrics(tmp_path: Path) -> None:
    """A metric that nothing is known of carries whatever labels; a misspelt one is told."""
    unknown = "cloudsql_googleapis_com:database_up"
    ours = "custom_googleapis_com:datastream_location_unexpected_streams"
    folder = copy(tmp_path / "policies", together=(ours, unknown))
    misspelt = copy(tmp_path / "misspelt", together=(ours, f"{ours}s"))
    no_metric = f"together.yaml:15: {QUERY}: no metric is called"

    assert told(folder, house_rules=False) == []
    assert told(folder) == [
        f"{no_metric} {unknown} in PromQL; docs/reference.md lists the exporter's own"
    ]
    assert told(misspelt, house_rules=False) == [
        f"{no_metric} {ours}s in PromQL; did you mean {ours}?"
    ]
