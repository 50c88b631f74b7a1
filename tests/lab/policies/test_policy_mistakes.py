"""Errors in policy files: each names the file, the line, the key, and what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.policies.folders import copy, errors

MISTAKES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("mistakes.yaml").read_text("utf-8")
)

QUERY = "conditions[0].conditionPrometheusQueryLanguage.query"


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_an_error_says_what_to_write(tmp_path: Path, mistake: dict[str, Any]) -> None:
    """There is exactly one sentence for each mistake."""
    change = (mistake["old"], mistake["new"])
    folder = copy(tmp_path / "policies", **{mistake["policy"]: change})

    assert errors(folder) == mistake["errors"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "content: Look at",
            f"content: {'a' * 8192}",
            "25: documentation.content: must have at most 8192 characters, not 8,246",
        ),
        (
            "content: Look at",
            f"content: {'é' * 6000}",
            "25: documentation.content: is 12,054 bytes long; at most 10,240 are allowed",
        ),
        (
            "subject: Stream",
            f"subject: {'é' * 128}",
            "24: documentation.subject: is 304 bytes long; at most 255 are allowed",
        ),
        (
            "  links:\n",
            "  links:\n" + '    - {displayName: A, url: "https://example.com"}\n' * 3,
            "26: documentation.links: must have at most 3 items, not 4",
        ),
        (
            "displayName: Streams",
            f"displayName: {'a' * 64}",
            "27: documentation.links[0].displayName: must have at most 63 characters, not 64",
        ),
        (
            "url: https://console",
            f"url: https://{'a' * 2083}",
            "28: documentation.links[0].url: must have at most 2083 characters, not 2,146",
        ),
    ],
)
def test_a_text_that_is_too_long_is_an_error(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    """Cloud Monitoring limits the texts of alerts."""
    assert errors(copy(tmp_path / "policies", paused=(old, new))) == [f"paused.yaml:{sentence}"]


def test_retest_window_and_look_back_window_have_a_limit(tmp_path: Path) -> None:
    """Together they may be 25 hours."""
    folder = copy(tmp_path / "policies", together=("[1h]", "[24h]"))
    file = folder / "together.yaml"
    file.write_text(file.read_text().replace("duration: 120s", "duration: 3601s"))

    sentence = (
        "together.yaml:17: conditions[0].conditionPrometheusQueryLanguage.duration: a retest "
        "window of 3601s and a look-back window of 86400s in the query exceed the 90000s that "
        "Cloud Monitoring allows; shorten one of them"
    )
    assert errors(folder) == [sentence]


def test_errors_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    """No error hides another one, in the same file or elsewhere."""
    folder = copy(
        tmp_path / "policies",
        paused=("  autoClose: 86400s", "  autoClose: 5"),
        changed=("severity: WARNING", "severity: [WARNING"),
        together=("severity: ERROR", "severity: FATAL"),
    )
    file = folder / "paused.yaml"
    file.write_text(file.read_text().replace("datastream_stream_state", "datastream_stream_stat"))

    assert [each.split(": ")[:2] for each in errors(folder)] == [
        ["changed.yaml:8:9", "the [ that opens in line 7 is not closed, or lacks a comma"],
        ["paused.yaml:15", QUERY],
        ["paused.yaml:31", "alertStrategy.autoClose"],
        ["together.yaml:7", "severity"],
    ]


def test_a_user_s_file_needs_no_comment_and_no_label(tmp_path: Path) -> None:
    """This project's own rules don't apply to users' files."""
    folder = copy(tmp_path / "policies", paused=("  policy: paused\n", ""))
    file = folder / "paused.yaml"
    text = file.read_text()
    file.write_text(text[text.index("displayName") :])

    assert errors(folder, house_rules=False) == []
    assert len(errors(folder)) == 4


def test_a_user_s_label_must_be_the_file_s_name(tmp_path: Path) -> None:
    """A label that contradicts the file's name is always an error."""
    folder = copy(tmp_path / "policies", paused=("policy: paused", "policy: stopped"))

    assert errors(folder, house_rules=False) == [
        'paused.yaml:10: userLabels.policy: "stopped" is not the file\'s name; write "paused"'
    ]


def test_a_user_s_file_may_use_other_metrics(tmp_path: Path) -> None:
    """An unknown metric may have any labels; a misspelled one is an error."""
    unknown = "cloudsql_googleapis_com:database_up"
    ours = "custom_googleapis_com:datastream_location_unexpected_streams"
    folder = copy(tmp_path / "policies", together=(ours, unknown))
    misspelt = copy(tmp_path / "misspelt", together=(ours, f"{ours}s"))
    no_metric = f"together.yaml:15: {QUERY}: no metric is called"

    assert errors(folder, house_rules=False) == []
    assert errors(folder) == [
        f"{no_metric} {unknown} in PromQL; docs/reference.md lists the exporter's own"
    ]
    assert errors(misspelt, house_rules=False) == [
        f"{no_metric} {ours}s in PromQL; did you mean {ours}?"
    ]
