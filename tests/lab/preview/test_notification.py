"""The texts of notifications, whatever the values in them are."""

from dataclasses import replace
from io import StringIO

import pytest

from lab.policies.model import DocumentationLink
from lab.preview.notification import EMPTY, EXAMPLE_LABELS, Notification, notification
from lab.preview.terminal import print_notification
from tests.lab.conftest import Played
from tests.lab.policies.folders import POLICIES

LONGEST_ID = "a" + "-b3" * 20 + "-z"
LOG_LINK = {
    "displayName": "Log",
    "url": "https://example.com/${log.extracted_label.stream}",
}
SUBJECT = "Stream ${log.extracted_label.stream} failed: ${log.extracted_label.error}"
CONTENT = """# Failed

**What happened.** `${log.extracted_label.stream}`: `${log.extracted_label.error}`
or *${log.extracted_label.error}*.

- [Its log](https://example.com/${log.extracted_label.stream}?project=${project})
- <!subteam^S0123ABCD> A & B < C

1. Read it.
"""


def about(error: str, stream: str = "orders") -> Notification:
    """Return a notification about a stream with this error."""
    policy = replace(
        POLICIES["stream-changed"],
        subject=SUBJECT,
        content=CONTENT,
        links=(DocumentationLink.model_validate(LOG_LINK),),
    )
    return notification(policy, {"stream": stream, "error": error}, "shop-prod")


def terminal(shown: Notification) -> list[str]:
    """Return the lines that a pipe gets."""
    out = StringIO()
    print_notification(shown, shown.policy.name, out)
    return [line.rstrip() for line in out.getvalue().split("\n")]


def test_a_terminal_gets_text_with_numbered_addresses() -> None:
    """Each address is listed once, with its number where it is named."""
    lines = [line for line in terminal(about("it's full & <gone>")) if line]
    assert lines.pop(2).strip() == "Failed"
    assert lines == [
        "stream-changed",
        "  Stream orders failed: it's full & <gone>",
        "  What happened. orders: it's full & <gone> or it's full & <gone>.",
        "   • Its log [1]",
        "   • <!subteam^S0123ABCD> A & B < C",
        "   1 Read it.",
        "  Log [2]",
        "  [1] https://example.com/orders?project=shop-prod",
        "  [2] https://example.com/orders",
    ]


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_own_policy_makes_sense_whatever_the_labels(name: str) -> None:
    """The longest ids are shown; static words say the same where labels are empty."""
    labels = dict.fromkeys((*EXAMPLE_LABELS, "stream"), LONGEST_ID)
    full = notification(POLICIES[name], labels)
    assert "${" not in "".join(terminal(full))
    empty = notification(POLICIES[name], {})
    text = "\n".join(terminal(empty))
    assert {*empty.values.values()} <= {
        EMPTY,
        "shop-monitoring",
        POLICIES[name].threshold,
    }
    assert "  What happened. " in text
    assert "https://console.cloud.google.com/" in text
    assert "example-" not in str(notification(POLICIES[name]).values)


def test_an_example_could_be_true() -> None:
    """Its value is above the threshold or a state, its reason one of its state."""
    policy = POLICIES["stream-lagging"]
    example = notification(policy)
    subject = example.fill(policy.subject)
    assert "-to-bigquery (europe-west1, shop-prod) lags by 920 s, more than" in subject
    lost = notification(POLICIES["stream-failed-permanently"]).values
    assert lost["metric_or_resource.label.reason"] == "POSTGRESQL_REPLICATION_SLOT_LOST"
    # A longer word is not filled.
    texts = ("%22EXPORTER_SERVICE%22", "DATASTREAM_EXPORTER_LOCATION")
    assert list(map(example.fill, texts)) == ["%22datastream-exporter%22", texts[1]]
    policy = POLICIES["stream-stuck"]
    subject = notification(policy).fill(policy.subject)
    assert subject.endswith(" is stuck in state 7 (7 STARTING, 8 DRAINING)")


@pytest.mark.parametrize(
    ("scenario", "policy", "subject", "reason"),
    [
        (
            "database-down-with-twelve",
            "streams-failing-together",
            ": failed: " + ", ".join(f"orders-{number:02}" for number in range(1, 10)),
            "MYSQL_CONNECTION_REFUSED",
        ),
        ("paused-by-hand", "stream-unexpected-state", ": PAUSED", "PAUSED"),
        (
            "unsupported-events",
            "stream-unsupported-events",
            " drops events of public.orders",
            "public.orders",
        ),
    ],
)
def test_a_page_says_who_and_why(
    scenario: str, policy: str, subject: str, reason: str, played: Played
) -> None:
    """A group, a state or a table is in the subject; the reason comes first."""
    opened, *_ = (one for one in played(scenario).incidents if one.policy == policy)
    shown = notification(POLICIES[policy], opened.labels)
    assert shown.fill(shown.policy.subject).endswith(subject)
    first, *_ = shown.fill(shown.policy.content).split("\n\n")
    assert f"`{reason}`" in " ".join(first.split())
