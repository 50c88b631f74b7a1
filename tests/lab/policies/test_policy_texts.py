"""The texts of this project's policies, with the variables filled in and with none."""

import re
import subprocess
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import pytest

from lab.policies.files import Policy
from tests.lab.policies.folders import POLICIES, every_metric_policy, every_policy
from tools.policies import header

PLAUSIBLE = {
    "location": "europe-west12",
    "namespace": "my-project-1",
    "stream_id": "orders-to-lake",
    "stream": "orders-to-lake",
    "who": "somebody@example.com",
    "method": "Update",
}

COMMAND = r"`((?:gcloud|curl) [^`]+)`"
FIELD = r"[\w.]+"
LINE = re.compile(rf'{FIELD}(?:>=|=~|=|:)(?:"[^"]+"|[A-Z]+)')


def _filled(
    text: str, values: Mapping[str, str] = PLAUSIBLE, other: str = "METRICS_PROJECT"
) -> str:
    def value(found: re.Match[str]) -> str:
        key = found[1].split(".")[-1]
        return values.get(key, other)

    return re.sub(r"\$\{([^}]+)\}", value, text)


def _urls(policy: Policy) -> list[str]:
    """Return every URL of a text, with its variables filled in."""
    found = re.findall(r"\[[^\]]+\]\((\S+?)\)", policy.content)
    found += [link.url for link in policy.links]
    return [_filled(url) for url in found]


@every_policy
def test_a_file_of_ours_has_its_name_and_its_reasons(policy: Policy) -> None:
    """A file has its label, and its comment what it catches, why, and what is wrong."""
    assert policy.proto.user_labels["policy"] == policy.name
    assert all(header(policy.path.read_text("utf-8")))
    with pytest.raises(ValueError, match='no paragraph starts with "Catches:"'):
        header("# Why these numbers: none\n")


def test_subjects_and_first_paragraphs_say_what_happened() -> None:
    """Static words tell policies apart, as every variable may be left empty."""
    subjects, paragraphs, names = set(), set(), set()
    for policy in POLICIES.values():
        subjects.add(_filled(policy.subject, {}, "(none)"))
        paragraph = _filled(policy.content.split("\n\n")[0], {}, "(none)")
        assert paragraph.startswith("**What happened.** ")
        paragraphs.add(paragraph)
        assert policy.display_name.startswith("Datastream: ")
        names.add(policy.display_name)

    assert len(subjects) == len(paragraphs) == len(names) == len(POLICIES)


@every_policy
def test_subjects_fit(policy: Policy) -> None:
    """A subject is one line and within the API's limit, even with the longest names."""
    # Bytes; who formed a group is named in 120, and then counted.
    longest = {"stream_id": 60, "who": 60, "namespace": 30, "location": 23}
    longest |= {"stream": 142, "streams": 135, "kind": len("failed_permanently")}
    values = {key: "x" * length for key, length in longest.items()}
    filled = _filled(policy.subject, values, "Update")

    assert "\n" not in policy.subject
    assert len(filled.encode()) <= 255


@every_policy
def test_a_text_has_five_parts(policy: Policy) -> None:
    """A text says what happened, what it means, where to look, the fix, the silence."""
    paragraphs = policy.content.split("\n\n")
    parts = [re.match(r"\*\*[^*]+\*\*", each) for each in paragraphs]

    assert [part[0] for part in parts if part] == [
        "**What happened.**",
        "**What it means.**",
        "**Look at first**",
        "**What usually fixes it.**",
        "**How to silence it.**",
    ]
    items = paragraphs[paragraphs.index("**Look at first**") + 1]
    assert [item[:3] for item in items.splitlines()] == ["1. ", "2. ", "3. "]


@every_policy
def test_a_text_begins_with_what_to_run_and_ends_the_fix_with_when_it_closes(
    policy: Policy,
) -> None:
    """The first command comes before the explanation; the fix says when it closes."""
    paragraphs = policy.content.split("\n\n")
    commands = [
        each for each in paragraphs if re.fullmatch(rf"{COMMAND}|`SELECT.+`", each)
    ]
    fix = policy.content.partition("**What usually fixes it.**")[2]

    assert not commands or paragraphs[1] == commands[0]
    assert re.search(r"\bcloses?\b", fix.partition("**How to silence it.**")[0])


@every_policy
def test_a_text_can_be_read_on_a_phone(policy: Policy) -> None:
    """What happened, with a link, comes first; plain Markdown follows, not too long."""
    first, _, rest = _filled(policy.content).partition("\n\n")

    assert re.search(r"\[Open [^\]]+\]\(https://\S+\)", first)
    assert len(re.sub(rf"\]\(\S+?\)|{COMMAND}|`SELECT [^`]+`", "]", rest)) <= 1300
    # Cloud Monitoring shows paragraphs, lists, bold and links: no table, no HTML, no
    # fence.
    assert not re.search(r"^ *\||<[a-z/!]|```", policy.content, re.MULTILINE)
    if policy.severity == "WARNING":
        # Only what wakes somebody is called an alert or a page.
        assert not re.search(r"\b[Tt]his (?:alert|page)\b", policy.content)


@every_policy
def test_no_paragraph_of_a_text_stands_twice(policy: Policy) -> None:
    """No two paragraphs of a text are the same, or begin with the same words."""
    paragraphs = [" ".join(each.split()) for each in policy.content.split("\n\n")]
    words = [each[:20] for each in paragraphs if not re.fullmatch(COMMAND, each)]

    assert len(set(paragraphs)) == len(paragraphs)
    assert len(set(words)) == len(words)


@every_metric_policy
def test_a_text_without_variables_still_helps(policy: Policy) -> None:
    """A text that uses a label also says which label of the incident to look at."""
    named = set(re.findall(r"metric_or_resource\.label\.(\w+)", policy.content))

    assert all(f"`{key}`" in policy.content for key in named - {"location", "state"})
    assert re.search(r"\]\(https://[^)$]*(?:\$\{project\})?\)", policy.content)


@every_policy
def test_commands_can_be_pasted(policy: Policy) -> None:
    """A command stands alone and is complete; without a name, a shell refuses it."""
    for command in re.findall(COMMAND, policy.content):
        assert f"`{command}`" in policy.content.split("\n\n")
        for other, code in ({}, 0), ({"namespace": "(none)"}, 2):
            pasted = _filled(command, {**PLAUSIBLE, **other}, "FAILED")
            ran = subprocess.run(["bash", "-n", "-c", pasted], check=False)
            assert ran.returncode == (code if "${" in command else 0)


@every_policy
def test_links_are_well_formed(policy: Policy) -> None:
    """Every URL is https, on one of Google's hosts, and correctly escaped."""
    assert len(policy.links) >= 2
    for url in _urls(policy):
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert re.fullmatch(r"(console|docs|status)\.cloud\.google\.com", parts.netloc)
        assert re.fullmatch(r"(?:[A-Za-z0-9._~:/?=;@&-]|%[0-9A-F]{2})+", url)
        if parts.hostname == "console.cloud.google.com" and parts.query:
            assert re.fullmatch(r"project=[\w-]+", parts.query)
        if parts.path.startswith("/logs/"):
            found = re.fullmatch(
                r"/logs/query;query=([^;]+);duration=P(?:T?\d+[HD])", parts.path
            )
            assert found
            for line in unquote(found[1]).splitlines():
                assert all(LINE.fullmatch(part) for part in line.split(" OR ")), line


@pytest.mark.parametrize(
    "name", [name for name in POLICIES if name.startswith("stream-")]
)
def test_the_alert_of_a_stream_links_to_it(name: str) -> None:
    """An alert links to its stream (all of them if it is gone) and to both logs."""
    policy = POLICIES[name]
    addresses = [unquote(url) for url in _urls(policy)]
    project = "METRICS_PROJECT" if policy.is_log else PLAUSIBLE["namespace"]
    page = f"locations/{PLAUSIBLE['location']}/instances/{PLAUSIBLE['stream_id']}"
    page = "" if name in {"stream-missing", "stream-changed"} else f"/{page}"

    assert any(
        f"/datastream/streams{page}?project={project}" in each for each in addresses
    )
    if name != "stream-changed":
        log = f'resource.labels.stream_id="{PLAUSIBLE["stream_id"]}"'
        assert any(log in each for each in addresses)
    if not policy.is_log:
        first = unquote(_filled(policy.content.split("\n\n")[0]))
        for key, label in (("project", "namespace"), ("location", "location")):
            assert f'jsonPayload.{key}="{PLAUSIBLE[label]}"' in first
        assert f'jsonPayload.stream_id="{PLAUSIBLE["stream_id"]}"' in first
        for kind in ("service", "job"):
            assert f'resource.labels.{kind}_name="EXPORTER_SERVICE"' in first


def test_links_to_the_audit_log_find_the_methods() -> None:
    """Pages about a pause or a deletion link to it; the pattern matches the method."""
    for name in (
        "stream-changed",
        "stream-missing",
        "stream-unexpected-state",
        "streams-unexpected-together",
    ):
        urls = " ".join(map(unquote, _urls(POLICIES[name])))
        method = "DeleteStream" if name == "stream-missing" else "UpdateStream"
        (pattern,) = set(re.findall(r'methodName=~"([^"]+)"', urls))
        assert re.search(pattern, f"google.cloud.datastream.v1.Datastream.{method}")
