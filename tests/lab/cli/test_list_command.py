"""``datastream-lab list`` and ``test --list``: policies and scenarios at a glance."""

from pathlib import Path

from exporter.process import OK
from tests.lab.cli.conftest import FAILING, PASSING
from tests.lab.conftest import POLICIES, Command


def test_policies_are_listed_by_severity(command: Command) -> None:
    """Every policy has a row: severity, source, retest window and purpose."""
    code, out, err = command("list", "--policies", str(POLICIES))
    assert (code, err) == (OK, "")
    heading, *rows = [line.split() for line in out.splitlines()]
    words = "POLICY SEVERITY SOURCE RETEST WINDOW FIRES FOR"
    assert " ".join(heading) == words
    assert sorted(row[0] for row in rows) == sorted(
        path.stem for path in POLICIES.glob("*.yaml")
    )
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    by_name = {row[0]: row for row in rows}
    assert by_name["stream-failed"][1:4] == [
        "CRITICAL",
        "metrics",
        "1m",
    ]
    assert by_name["stream-state-changed"][1:4] == [
        "WARNING",
        "log",
        "none",
    ]


def test_a_disabled_policy_is_shown(command: Command, folder: Path) -> None:
    """A policy without a header is described by its display name."""
    policy = folder / "alerting_policies" / "stream-missing.yaml"
    _, key, text = policy.read_text().partition("displayName")
    policy.write_text(f"{key}{text}\nenabled: false\n")
    code, out, _ = command("list")
    assert code == OK
    (row,) = [
        line.split() for line in out.splitlines() if line.startswith("stream-missing")
    ]
    assert row[1:] == [
        "off",
        "metrics",
        "1m",
        "Datastream:",
        "stream",
        "missing",
    ]


def test_scenarios_are_listed_without_playing(
    command: Command, scenarios: Path
) -> None:
    """A list of scenarios has the name, the length and the title of each."""
    (scenarios / f"{FAILING}.yaml").unlink()
    code, out, err = command("test", "--list")
    assert (code, err) == (OK, "")
    assert [line.split(maxsplit=2) for line in out.splitlines()] == [
        ["SCENARIO", "LASTS", "WHAT HAPPENS"],
        [PASSING, "15m", "A stream is deleted"],
    ]
