"""``datastream-lab preview``: notifications of policies and of a scenario's incidents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli import OK, USAGE
from lab.cli.main import main
from tests.lab.cli.conftest import PASSING
from tests.lab.conftest import POLICIES, Terminal

if TYPE_CHECKING:
    from tests.lab.conftest import Command


@pytest.mark.usefixtures("folder")
def test_every_policy_has_a_notification(command: Command) -> None:
    """Each has its name and severity, its subject, its links, and how it reads without labels."""
    code, out, err = command("preview")
    assert (code, err) == (OK, "")
    headings = re.findall(r"^[\w-]+ · [A-Z]+$", out, re.MULTILINE)
    assert headings == [
        "exporter-losing-points · ERROR",
        "stream-changed · WARNING",
        "stream-missing · CRITICAL",
    ]
    assert "  Datastream stream orders-to-bigquery (europe-west1, shop-prod) is missing " in out
    assert "  Datastream stream null (null, null) is missing " in out
    assert re.search(
        r"^  \[1\] https://console.cloud.google.com/datastream/streams", out, re.MULTILINE
    )


@pytest.mark.usefixtures("folder")
def test_policies_can_be_chosen(command: Command) -> None:
    """A policy that doesn't exist is an error with a suggestion."""
    assert command("preview", "stream-missing").out.count(" · ") == 3
    code, out, err = command("preview", "stream-mising", "x")
    assert (code, out) == (USAGE, "")
    assert err.splitlines()[0] == (
        'error: "stream-mising" is not a policy; did you mean stream-missing?'
    )


@pytest.mark.usefixtures("scenarios")
def test_a_scenario_s_incidents_are_shown(command: Command) -> None:
    """Each policy that alerts is shown with the labels of its first incident."""
    code, out, err = command("preview", "--scenario", PASSING)
    assert (code, err) == (OK, "")
    changed, missing = re.findall(r"^([\w-]+) · .*", out, re.MULTILINE)
    assert (changed, missing) == ("stream-changed", "stream-missing")
    assert " · opens 5m1s after the start of deleted\n" in out
    assert "  Datastream stream orders (europe-west1, shop-prod) is missing " in out
    assert "  Datastream stream null (null, null) is missing " in out
    code, out, err = command("preview", "exporter-losing-points", "--scenario", PASSING)
    assert (code, out) == (OK, "")
    assert err == "deleted opens no incident of these policies.\n"


def test_alike_notifications_are_one_and_a_count(command: Command) -> None:
    """Incidents of one policy are shown once, with how many more there are."""
    scenario = str(Path(__file__).parents[1] / "review" / "scenarios" / "logs.yaml")
    code, out, err = command("preview", "--scenario", scenario, "--policies", str(POLICIES))
    assert (code, err) == (OK, "")
    assert re.findall(r"^([\w-]+) · ", out, re.MULTILINE) == ["stream-changed"]
    assert "  1 more notification like this one: customers " in out


def test_a_dangerous_value_is_a_warning(command: Command, scenarios: Path) -> None:
    """The log names a value that could be read as markup; the preview shows it as text."""
    file = scenarios / f"{PASSING}.yaml"
    entry = (
        "{at: 4m, stream: orders, do: log, log: audit, severity: NOTICE, method: DeleteStream, "
        "who: '<!here>'}"
    )
    file.write_text(file.read_text().replace("  events:\n", f"  events:\n    - {entry}\n"))
    code, out, err = command("preview", "stream-changed", "--scenario", PASSING)
    assert code == OK
    assert "<!here> did" in out
    assert err == (
        'warning: stream-changed: Cloud Monitoring or Slack could read "<!here>", the value of '
        "log.extracted_label.who, as markup.\n"
    )


def test_a_terminal_is_not_wider_than_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are wrapped at a narrow terminal; addresses stay on one line."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    assert main(["preview", "stream-failed", "--policies", str(POLICIES)], {}, out, out) == OK
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert max(len(line) for line in plain.splitlines() if "https://" not in line) <= 40
