"""``datastream-lab list`` and ``test --list``: policies and scenarios at a glance."""

from pathlib import Path

from exporter.process import OK
from tests.lab.cli.conftest import FAILING, PASSING
from tests.lab.conftest import POLICIES, Command


def test_policies_are_listed_by_severity(command: Command) -> None:
    """Every policy has a row of at most 100 columns: severity, retest window, title."""
    code, out, err = command("list", "--policies", str(POLICIES))
    assert err == ""
    assert code == OK
    heading, *rows = [line.split() for line in out.splitlines()]
    assert " ".join(heading) == "POLICY SEVERITY RETEST FIRES FOR"
    assert max(map(len, out.splitlines())) <= 100
    by_name = {row[0]: row for row in rows}
    assert by_name.keys() == {path.stem for path in POLICIES.glob("*.yaml")}
    severities = [row[1] for row in rows]
    assert severities == sorted(severities)
    assert by_name["stream-failed"][1:] == ["CRITICAL", "1m", "stream", "failed"]
    assert by_name["stream-state-changed"][1:3] == ["WARNING", "log"]


def test_scenarios_are_listed_without_playing(
    command: Command, scenarios: Path
) -> None:
    """A list of scenarios has the name, the length and the title of each."""
    (scenarios / f"{FAILING}.yaml").unlink()
    code, out, err = command("test", "--list")
    assert err == ""
    assert code == OK
    assert [line.split(maxsplit=2) for line in out.splitlines()] == [
        ["SCENARIO", "LASTS", "WHAT HAPPENS"],
        [PASSING, "15m", "A stream is deleted"],
    ]
