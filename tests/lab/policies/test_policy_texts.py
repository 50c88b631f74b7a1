"""The texts of this project's policies, with the variables filled in and with none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tests.lab.policies.folders import POLICIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.policies.files import Policy

PHRASES = {
    "exporter-executions-failing": ("No execution", "has succeeded"),
    "exporter-requests-failing": ("No request", "has succeeded"),
    "exporter-losing-points": ("loses points", "does not accept some of the points"),
    "exporter-silent": ("silent: nobody watches", "has written nothing"),
    "location-unreadable": ("can not be read", "can not read Datastream"),
    "private-connection-failed": ("failed", "is FAILED."),
    "stream-activity-errors": ("logs errors", "logged an error"),
    "stream-backfill-failed": ("objects failed", "backfill failed"),
    "stream-changed": ("stream changed", "did "),
    "stream-errors": ("reports errors", "reports errors"),
    "stream-failed": ("failed", "is FAILED."),
    "stream-failed-permanently": ("failed permanently", "is FAILED_PERMANENTLY."),
    "stream-flapping": ("keeps changing", "changed its state nine times"),
    "stream-lagging": ("lags", "it delivers is too old"),
    "stream-maintenance-long": ("stays in maintenance", "MAINTENANCE for a long time"),
    "stream-missing": ("is missing", "is missing: its location was read"),
    "stream-state-changed": (" changed: ", "changed for the worse"),
    "stream-stalled": ("may have stalled", "freshness metric has stopped"),
    "stream-stuck": ("is stuck", "STARTING (7) or DRAINING (8)"),
    "stream-unexpected-state": ("unexpected state", "does not expect now"),
    "stream-unsupported-events": ("drops events", "dropped events that it does not support"),
    "streams-failing-together": ("Many Datastream streams", "FAILED or FAILED_PERMANENTLY"),
    "streams-unexpected-together": ("Many Datastream streams", "does not expect now"),
}
"""Static words that the subject and the first paragraph must contain."""

PLAUSIBLE = {
    "location": "europe-west12",
    "namespace": "my-project-1",
    "stream_id": "orders-to-lake",
    "stream": "orders-to-lake",
    "private_connection_id": "vpc-1",
    "who": "somebody@example.com",
    "change": "Update",
}

FIELD = r"[\w.]+"
LINE = re.compile(rf'{FIELD}(?:>=|=~|=|:)(?:"[^"]+"|[A-Z]+)')

every_policy = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
every_metric_policy = pytest.mark.parametrize(
    "policy", [each for each in POLICIES.values() if not each.is_log], ids=lambda each: each.name
)


def _filled(text: str, value: Callable[[str], str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda found: value(found[1].split(".")[-1]), text)


def _plausible(text: str) -> str:
    return _filled(text, lambda key: PLAUSIBLE.get(key, "metrics-project"))


def _empty(text: str) -> str:
    return _filled(text, lambda _: "(none)")


def _urls(policy: Policy) -> list[str]:
    """Return every URL of a text, with its variables filled in."""
    written = re.findall(r"\[[^\]]+\]\((\S+?)\)", policy.content)
    return [_plausible(url) for url in (*written, *(link.url for link in policy.links))]


@every_policy
def test_subject_and_first_paragraph_say_what_happened(policy: Policy) -> None:
    """Both say it in static words, because Cloud Monitoring may leave every variable empty."""
    subject, first = PHRASES[policy.name]
    paragraph = policy.content.split("\n\n")[0]

    assert subject in _empty(policy.subject)
    assert first in _empty(paragraph)
    assert paragraph.startswith("**What happened.** ")


@every_policy
def test_subjects_fit(policy: Policy) -> None:
    """A subject is one line and within the API's limit, even with the longest names."""
    longest = {"stream_id": 60, "stream": 142, "who": 60, "namespace": 30, "location": 23}
    if policy.name == "stream-state-changed":
        longest = {"stream": 63, "from": 18, "to": 18, "summary": 120}
    filled = _filled(policy.subject, lambda key: "x" * longest.get(key, 6))

    assert "\n" not in policy.subject
    assert len(filled.encode()) <= 255


@every_policy
def test_a_text_has_five_parts(policy: Policy) -> None:
    """What happened, what it means, where to look, what fixes it, how to silence it: in order."""
    paragraphs = policy.content.split("\n\n")

    assert [
        re.sub(r"^(\*\*[^*]+\*\*).*", r"\1", each, flags=re.DOTALL) for each in paragraphs[:3]
    ] == [
        "**What happened.**",
        "**What it means.**",
        "**Look at first**",
    ]
    assert paragraphs[4].startswith("**What usually fixes it.** ")
    assert paragraphs[5].startswith("**How to silence it.** ")
    assert len(paragraphs) in {6, 7}


@every_policy
def test_there_are_three_first_steps(policy: Policy) -> None:
    """The list has exactly three items, each of them on a line of its own."""
    items = policy.content.split("\n\n")[3].splitlines()

    assert [item[:3] for item in items] == ["1. ", "2. ", "3. "]


@every_policy
def test_the_text_uses_only_supported_markdown(policy: Policy) -> None:
    """No table, no HTML, no fence: Cloud Monitoring shows paragraphs, lists, bold and links."""
    assert not re.search(r"^ *\||<[a-z/!]|```", policy.content, re.MULTILINE)
    assert policy.content.count("**") == 2 * 5
    assert policy.proto.documentation.mime_type == "text/markdown"


@every_policy
def test_a_text_fits_on_a_phone(policy: Policy) -> None:
    """What happened, with a link, comes first; at most 1,200 characters of reading follow."""
    first, _, rest = _plausible(policy.content).partition("\n\n")
    assert re.search(r"\[Open [^\]]+\]\(https://\S+\)", first)
    assert len(re.sub(r"\]\(\S+?\)", "]", rest)) <= 1200


@every_metric_policy
def test_a_text_without_variables_still_helps(policy: Policy) -> None:
    """A text that uses a label also says which label of the incident to look at."""
    named = set(re.findall(r"metric_or_resource\.label\.(\w+)", policy.content))
    last = policy.content.split("\n\n")[-1]

    if named and policy.name != "exporter-losing-points":
        assert last.startswith("If a name is missing above, ")
        assert all(f"`{key}`" in last for key in named - {"location"})
    assert re.search(r"\]\(https://[^)$]*(?:\$\{project\})?\)", policy.content)


@every_policy
def test_links_are_well_formed(policy: Policy) -> None:
    """Every URL is https, on one of Google's hosts, and correctly escaped."""
    urls = _urls(policy)

    assert len(policy.links) >= 2
    for url in urls:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) in {
            ("https", "console.cloud.google.com"),
            ("https", "status.cloud.google.com"),
        }
        assert re.fullmatch(r"(?:[A-Za-z0-9._~:/?=;@&-]|%[0-9A-F]{2})+", url)
        if parts.hostname == "console.cloud.google.com" and parts.query:
            assert re.fullmatch(r"project=[\w-]+", parts.query)


@every_policy
def test_links_to_logs_hold_a_sensible_filter(policy: Policy) -> None:
    """The query in a URL of the Logs Explorer is a filter on fields."""
    for url in _urls(policy):
        path = urlsplit(url).path
        if not path.startswith("/logs/"):
            continue
        found = re.fullmatch(r"/logs/query;query=([^;]+);duration=P(?:T?\d+[HD])", path)
        assert found
        for line in unquote(found[1]).splitlines():
            assert all(LINE.fullmatch(part) for part in line.split(" OR ")), line


@pytest.mark.parametrize("name", [name for name in POLICIES if name.startswith("stream-")])
def test_the_alert_of_a_stream_links_to_it(name: str) -> None:
    """The text links to the stream (or, if it is gone, to the project's streams) and to its log."""
    policy = POLICIES[name]
    addresses = " ".join(map(unquote, _urls(policy)))
    project = "metrics-project" if policy.is_log else PLAUSIBLE["namespace"]

    if name in {"stream-missing", "stream-changed"}:
        assert f"/datastream/streams?project={project}" in addresses
    else:
        assert (
            f"/datastream/streams/locations/{PLAUSIBLE['location']}/instances/"
            f"{PLAUSIBLE['stream_id']}?project={project}"
        ) in addresses
    if name != "stream-changed":
        assert f'resource.labels.stream_id="{PLAUSIBLE["stream_id"]}"' in addresses


@pytest.mark.parametrize(
    "policy",
    [each for each in POLICIES.values() if "stream_id}" in each.subject],
    ids=lambda each: each.name,
)
def test_the_alert_of_a_stream_links_to_what_the_exporter_logs_of_it(policy: Policy) -> None:
    """Filtered by the stream's full name and by the exporter's resource, in the first paragraph."""
    links = re.findall(r"\]\((\S+?)\)", _plausible(policy.content.split("\n\n")[0]))
    (query,) = [unquote(link) for link in links if "/logs/" in link]

    for key, label in (("project", "namespace"), ("location", "location")):
        assert f'jsonPayload.{key}="{PLAUSIBLE[label]}"' in query
    assert f'jsonPayload.stream_id="{PLAUSIBLE["stream_id"]}"' in query
    for kind in ("revision", "job", "worker_pool"):
        assert f'resource.type="cloud_run_{kind}"' in query
    assert query.endswith("?project=metrics-project")


@every_policy
def test_a_warning_is_a_notification(policy: Policy) -> None:
    """Only what wakes somebody is called an alert or a page."""
    if policy.severity == "WARNING":
        assert not re.search(r"\b[Tt]his (?:alert|page)\b", policy.content)


def test_links_to_the_audit_log_find_the_methods() -> None:
    """The pattern in a URL of the audit log matches the method names."""
    found = set()
    for policy in POLICIES.values():
        for url in map(unquote, _urls(policy)):
            pattern = re.search(r'methodName=~"([^"]+)"', url)
            if pattern:
                found.add(policy.name)
                method = "DeleteStream" if policy.name == "stream-missing" else "UpdateStream"
                assert re.search(pattern[1], f"google.cloud.datastream.v1.Datastream.{method}")
    assert found == {
        "stream-changed",
        "stream-missing",
        "stream-unexpected-state",
        "streams-unexpected-together",
    }


@every_policy
def test_the_comment_is_whole_sentences(policy: Policy) -> None:
    """Each of the three paragraphs ends with a full stop and has no broken word."""
    for paragraph in policy.header:
        assert paragraph.endswith(".")
        assert not re.search(r"\w- \w", paragraph)
