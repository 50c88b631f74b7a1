"""Directories of policies: what is read, and errors with file, line and key."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud import monitoring_v3
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from exporter.config import from_document
from exporter.documents.document import Document
from lab.policies import model
from lab.policies.deployment import is_created
from lab.policies.files import read_policies
from tests.lab.policies.folders import CASES, copy, errors
from tests.mangling import mangle, values
from tests.tables import beside, rows

MISTAKES: dict[str, Any] = beside(__file__, "mistakes.yaml")
GOOD = [path.read_text("utf-8") for path in sorted(CASES.glob("*.yaml"))]
ODD = ["*", "&a", "<<:", "---", "!!python/name:x", "|", "- ", "{", "\t", "-1s", "${"]
WORDS = ODD + sorted({word.strip("[]{},\"'#") for word in " ".join(GOOD).split()})
STATE = "custom_googleapis_com:datastream_location_streams"
LINK = '    - {displayName: A, url: "https://example.com"}\n'
QUERY = "conditions[0].conditionPrometheusQueryLanguage.query"


def test_what_config_asks_for_is_created() -> None:
    """Of the policies that need something, only those that can alert are created."""
    data: JsonValue = {
        "metrics": {"project": "ops-prod"},
        "sources": [{"project": "shop-prod"}],
        "expectations": [{"match": "*", "quiet": "6h"}],
        "run": {"interval": "3m"},
    }
    config = from_document(Document(data, "config.yaml"), {})
    needs = ("", "objects", "quiet-6h", "quiet-24h")
    assert [one for one in needs if is_created(one, config)] == ["", "quiet-6h"]


def test_only_policies_are_read(tmp_path: Path) -> None:
    """Policies are ordered by name and can be keys; other files are skipped."""
    folder = copy(tmp_path / "policies")
    (folder / "README.md").write_text("About them.")
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "hour.yaml").write_text("no: policy")
    policies = read_policies(folder)

    assert [each.name for each in policies] == ["changed", "paused", "together"]
    assert len(set(policies)) == 3


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_an_error_says_what_to_write(tmp_path: Path, mistake: dict[str, Any]) -> None:
    """There is exactly one sentence for each mistake."""
    change = (mistake["old"], mistake["new"])
    folder = copy(tmp_path / "policies", **{mistake["policy"]: change})

    assert errors(folder) == mistake["errors"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("content: Look", f"content: {'a' * 8192}", "at most 8192 characters, not"),
        ("content: Look", f"content: {'é' * 6000}", "is 12,057 bytes long; at most 10"),
        ("  links:\n", f"  links:\n{LINK * 3}", "must have at most 3 items, not 4"),
        ("url: https://c", f"url: {'a' * 2083}", "must have at most 2083 characters"),
        ("?project", f"?{'a' * 1985}&project", "has up to 2,109 characters with its"),
        ("duration: 120s", "duration: 90000s", "is not allowed; write 0s to 86400s"),
        ("[1h]) == 3", "[25h]) == 3", "of 90000s in the query exceed the 90000s"),
    ],
)
def test_limits_of_cloud_monitoring(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    """Texts and windows that Cloud Monitoring refuses are errors."""
    (error,) = errors(copy(tmp_path / "policies", paused=(old, new)))

    assert sentence in error


def test_a_look_back_of_days_leaves_the_duration_out(tmp_path: Path) -> None:
    """A query may look back eight days if it is evaluated hourly, without duration."""
    folder = copy(tmp_path / "policies")
    file = folder / "paused.yaml"
    text = file.read_text().replace("[1h]) == 3", "[8d]) == 3")
    text = text.replace("Interval: 30s", "Interval: 3600s")
    file.write_text(text.replace("      duration: 120s\n", ""))
    assert errors(folder) == []
    file.write_text(text.replace("120s", "0s"))
    (error,) = errors(folder)
    assert "or leave duration out and evaluate every hour (up to 691200s)" in error


def test_errors_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    """An error in one file hides no error in another."""
    folder = copy(
        tmp_path / "policies",
        paused=("datastream_stream_state", "datastream_stream_stat"),
        changed=("severity: WARNING", "severity: [WARNING"),
        together=("severity: ERROR", "severity: FATAL"),
    )

    assert [each.split(": ")[:2] for each in errors(folder)] == [
        ["changed.yaml:8:9", "is not YAML (while parsing a flow sequence from line 7"],
        ["paused.yaml:14", QUERY],
        ["together.yaml:7", "severity"],
    ]


def test_a_user_s_file_needs_no_comment_and_no_label(tmp_path: Path) -> None:
    """What marks this project's own files is not asked for in users' files."""
    folder = copy(tmp_path / "policies", paused=("  policy: paused\n", ""))
    file = folder / "paused.yaml"
    text = file.read_text()
    file.write_text(text[text.index("displayName") :])

    assert errors(folder) == []


@rows
def test_a_user_s_file_may_use_other_metrics(
    tmp_path: Path, metric: str, advice: str
) -> None:
    """A metric that may exist has any labels; a misspelled one is wrong."""
    folder = copy(tmp_path / "policies", together=(STATE, metric))
    sentence = (
        f"together.yaml:15: {QUERY}: no metric is called {metric} in PromQL; {advice}"
    )
    assert errors(folder) == ([sentence] if advice else [])


def test_a_file_s_name_is_checked(tmp_path: Path) -> None:
    """A likely policy is not skipped silently; the name must be an allowed label."""
    folder = copy(tmp_path / "policies", changed=("  policy: changed", "  team: data"))
    (folder / "paused.yaml").rename(folder / "paused.yml")
    (folder / "changed.yaml").rename(folder / "Stream changed.yaml")

    name, ending = errors(folder)
    assert ending == "paused.yml: a policy's file name ends in .yaml; rename it"
    assert name.startswith(
        "Stream changed.yaml:6: the file's name is the policy's name; rename it"
    )


@rows
def test_a_directory_without_policies_is_an_error(
    tmp_path: Path, name: str, sentence: str
) -> None:
    """The sentence names the directory and says what is wrong with it."""
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()

    assert errors(tmp_path / name) == [f"{tmp_path / name}: {sentence}"]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (model.PolicyFile, "AlertPolicy"),
        (model.PromQL, "AlertPolicy.Condition.PrometheusQueryLanguageCondition"),
        (model.MatchedLog, "AlertPolicy.Condition.LogMatch"),
        (model.Documentation, "AlertPolicy.Documentation"),
        (model.DocumentationLink, "AlertPolicy.Documentation.Link"),
        (model.AlertStrategy, "AlertPolicy.AlertStrategy"),
        (model.RateLimit, "AlertPolicy.AlertStrategy.NotificationRateLimit"),
        (
            model.ChannelStrategy,
            "AlertPolicy.AlertStrategy.NotificationChannelStrategy",
        ),
    ],
)
def test_the_keys_are_the_api_s(part: type[BaseModel], message: str) -> None:
    """A file may have every key of the API's message."""
    proto = monitoring_v3.AlertPolicy.pb(monitoring_v3.AlertPolicy())
    pool = proto.DESCRIPTOR.file.pool
    fields = pool.FindMessageTypeByName(f"google.monitoring.v3.{message}").fields
    known = {field.alias or name for name, field in part.model_fields.items()}

    assert known == {each.json_name for each in fields}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_file_gives_a_policy_or_sentences(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    """A file with any values and bytes raises nothing but InputError."""
    tree = yaml.safe_load(data.draw(st.sampled_from(GOOD)))
    mangle(tree, values(WORDS), data)
    content = bytearray(
        yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")
    )
    for _ in range(data.draw(st.integers(0, 2))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.integers(0, 30))
        content[start:end] = data.draw(st.binary(max_size=8))
    folder = tmp_path_factory.getbasetemp() / "mangled"
    folder.mkdir(exist_ok=True)
    (folder / "paused.yaml").write_bytes(content)

    for sentence in errors(folder):
        assert sentence.isprintable()
        assert not re.search("input should|pydantic", sentence.lower())
