"""``datastream-lab test``: scenarios played by the real exporter and Prometheus."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from exporter.cli import INCOMPLETE, OK, USAGE
from lab.cli.main import main
from tests.deletion import SCENARIO
from tests.lab.cli.conftest import FAILING, PASSING
from tests.lab.conftest import POLICIES, Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.conftest import Command

ORDERS = "projects/shop-prod/locations/europe-west1/streams/orders"
TIME = r"(?:\d+h)?(?:\d+m)?(?:\d+s)?"


@pytest.mark.usefixtures("scenarios")
def test_a_passing_scenario_has_a_line_for_each_alert(command: Command) -> None:
    """Expected and actual times stand side by side; the summary goes to stderr; exit 0."""
    code, out, err = command("test", PASSING)
    assert (code, err) == (OK, "1 scenario, 2 expected alerts: passed.\n")
    title, changed, missing = out.splitlines()
    assert title == "PASS  deleted: A stream is deleted"
    assert changed == (
        "      stream-changed of orders: opened 5m1s (expected 5m to 5m10s), open at the end"
    )
    assert re.fullmatch(
        rf" {{6}}stream-missing of orders: opened {TIME} to {TIME} "
        r"\(expected 5m40s to 8m10s\), open at the end",
        missing,
    )


@pytest.mark.usefixtures("scenarios")
def test_a_failing_scenario_names_every_wrong_alert(command: Command) -> None:
    """Each missed, early, late or extra alert has a line with its stream; exit 1."""
    code, out, err = command("test", FAILING)
    assert code == INCOMPLETE
    assert err == "error: 1 scenario, 3 expected alerts: 1 failed (wrongly-expected).\n"
    title, *lines = [line.strip() for line in out.splitlines()]
    assert title == "FAIL  wrongly-expected: A stream is deleted"
    assert "MISSED: stream-missing of shop-prod: did not open (expected 1m to 2m)" in lines
    early = f"EARLY: stream-changed of {ORDERS}: opened 5m1s (expected 6m to 7m), open at the end"
    assert early in lines
    (late,) = (line for line in lines if line.startswith("LATE: "))
    assert late.startswith(f"LATE: stream-missing of {ORDERS}: opened ")
    assert late.endswith(" (expected 1m to 2m), open at the end")
    extra = [line for line in lines if line.startswith("EXTRA: ")]
    assert [line.split()[1] for line in extra] == ["stream-changed", "stream-missing"]
    assert all(f"{ORDERS.replace('orders', 'stock')}: opened " in line for line in extra)
    assert all("not expected" in line for line in extra)


@pytest.mark.usefixtures("scenarios")
def test_all_scenarios_are_played_by_default(command: Command) -> None:
    """In worker processes each has the same result as alone; they are printed by name."""
    alone = [command("test", name).out for name in (PASSING, FAILING)]
    code, out, err = command("test")
    assert (code, out) == (INCOMPLETE, "".join(alone))
    assert err == "error: 2 scenarios, 5 expected alerts: 1 failed (wrongly-expected).\n"


def test_json_has_every_alert(command: Command, scenarios: Path) -> None:
    """--json prints every incident in every phase with its labels, and nothing else."""
    code, out, _ = command("test", "--json", str(scenarios / f"{FAILING}.yaml"))
    assert code == INCOMPLETE
    document = json.loads(out)
    assert (document["passed"], document["played"]) == (False, True)
    (scenario,) = document["scenarios"]
    assert (scenario["name"], scenario["passed"], scenario["lasts"]) == (FAILING, False, 900)
    outcomes = {
        (alert["policy"], alert["of"]): {each["outcome"] for each in alert["found"]}
        for alert in scenario["expected"]
    }
    assert outcomes == {
        ("stream-missing", "shop-prod"): {"missed"},
        ("stream-changed", "orders"): {"early"},
        ("stream-missing", "orders"): {"late"},
    }
    late = scenario["expected"][2]
    assert late["opens"] == {"after": 60, "by": 120}
    phases = [each["phase"] for each in late["found"]]
    assert phases == sorted(set(phases))
    assert len(phases) > 1
    incident = late["found"][0]["incident"]
    assert (incident["about"], incident["closed"]) == (ORDERS, None)
    assert incident["labels"]["stream_id"] == "orders"
    assert {each["incident"]["policy"] for each in scenario["unexpected"]} == {
        "stream-changed",
        "stream-missing",
    }


def test_a_scenario_without_alerts_says_so(command: Command, scenarios: Path) -> None:
    """A scenario may expect no alert."""
    calm = SCENARIO.replace("  events:\n    - {at: 5m, stream: orders, do: delete}\n", "")
    (scenarios / "calm.yaml").write_text(calm.partition("expect:")[0])
    code, out, err = command("test", "calm")
    assert code == OK
    assert out.splitlines()[1:] == ["      no alert is expected, and none fired"]
    assert err == "1 scenario, no expected alerts: passed.\n"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("combiner:", "enabled: false\ncombiner:", "MISSED: stream-missing of orders: did not"),
        ("duration: 30s", "duration: 300s", f"LATE: stream-missing of {ORDERS}: opened 10m"),
    ],
    ids=["disabled", "longer retest window"],
)
def test_a_change_in_a_policy_file_fails_the_scenario(
    command: Command, scenarios: Path, old: str, new: str, line: str
) -> None:
    """The policies are evaluated as they are in the files."""
    policy = scenarios.parent / "stream-missing.yaml"
    assert old in policy.read_text()
    policy.write_text(policy.read_text().replace(old, new))
    code, out, _ = command("test", PASSING)
    assert code == INCOMPLETE
    assert line in out


def test_policies_of_several_folders_are_used_together(command: Command, scenarios: Path) -> None:
    """With --policies twice, the policies and scenarios of both folders count."""
    mine = scenarios.parent.parent / "mine"
    (mine / "scenarios").mkdir(parents=True)
    own = (POLICIES / "stream-missing.yaml").read_text()
    (mine / "orders-missing.yaml").write_text(
        own.replace("policy: stream-missing", "policy: orders-missing")
    )
    (mine / "scenarios" / "mine.yaml").write_text(
        SCENARIO
        + SCENARIO.partition("expect:\n")[2]
        .replace("stream-missing", "orders-missing")
        .replace(
            "  - policy: stream-changed\n    of: orders\n    opens: {after: 5m, by: 5m10s}\n", ""
        )
    )
    code, out, _ = command("test", "--policies", "alerting_policies", "--policies", "mine", "mine")
    assert "\n      orders-missing of orders: opened" in out
    assert code == OK
    code, out, _ = command("test", PASSING, "--policies", "alerting_policies", "--policies", "mine")
    assert code == INCOMPLETE
    assert f"EXTRA: orders-missing of {ORDERS}: opened" in out


@pytest.mark.usefixtures("scenarios")
def test_a_terminal_gets_colour_and_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is obeyed; progress is shown on stderr only, and removed."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    shown: list[tuple[str, str]] = []
    for value in ("", "1"):
        monkeypatch.setenv("NO_COLOR", value)
        out, err = Terminal(), Terminal()
        assert main(["test", PASSING], {}, out, err) == OK
        shown.append((out.getvalue(), err.getvalue()))
    (coloured, progress), (plain, _) = shown
    assert "\x1b[32mPASS" in coloured
    assert "\x1b[3" not in plain
    assert "playing scenarios" in progress
    assert "playing" not in coloured
    assert progress.endswith("1 scenario, 2 expected alerts: passed.\n")
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in plain.splitlines()) <= 80


def test_scenarios_are_listed_without_playing(command: Command, scenarios: Path) -> None:
    """--list has each scenario's name, length and title; --json has the same."""
    (scenarios / f"{FAILING}.yaml").unlink()
    code, out, err = command("test", "--list")
    assert (code, err) == (OK, "")
    assert [line.split(maxsplit=2) for line in out.splitlines()] == [
        ["SCENARIO", "LASTS", "WHAT HAPPENS"],
        [PASSING, "15m", "A stream is deleted"],
    ]
    assert json.loads(command("test", "--list", "--json", PASSING).out) == {
        "scenarios": [{"name": PASSING, "title": "A stream is deleted", "lasts": 900}]
    }
    assert command("test", "--list", "deletd").code == USAGE


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["deletd"], '"deletd" is not a scenario; did you mean deleted?'),
        (["wrongly"], '"wrongly" is not a scenario; did you mean wrongly-expected?'),
        (
            ["nosuch"],
            (
                '"nosuch" is not a scenario; name one of the 2 in alerting_policies/scenarios '
                "(`datastream-lab test --list` shows them), or the path of a file\n"
            ),
        ),
        (["--scenarios", ".", "nosuch"], '"nosuch" is not a scenario; the folder has no scenario'),
        (["no/such.yaml"], "no/such.yaml: there is no such file"),
        (["--scenarios", "nosuch"], "nosuch: there is no such directory; check the path"),
        (["--scenarios", "."], ".: holds no scenario; a scenario is a file NAME.yaml"),
        (["--policies", "nosuch"], "nosuch: there is no such directory; check the path"),
        (["--policies", "empty"], "empty: has no policy; a policy's file name ends in .yaml"),
        (
            ["--policies", "alerting_policies", "--policies", str(POLICIES)],
            (
                f"{POLICIES}/exporter-losing-points.yaml: "
                "alerting_policies/exporter-losing-points.yaml has the same name; rename one"
            ),
        ),
        (
            ["--policies", "mine"],
            "mine: has no folder scenarios; name it with --scenarios FOLDER",
        ),
    ],
)
def test_a_missing_file_or_folder_is_one_sentence(
    command: Command, scenarios: Path, argv: list[str], sentence: str
) -> None:
    """A name or a folder that doesn't exist costs exit 2, and a hint where there is one."""
    project = scenarios.parent.parent
    for name in ("empty", "mine"):
        (project / name).mkdir()
    own = (POLICIES / "stream-missing.yaml").read_text()
    (project / "mine" / "own.yaml").write_text(own.replace("stream-missing", "own"))
    code, out, err = command("test", *argv)
    assert (code, out) == (USAGE, "")
    assert err.startswith(f"error: {sentence}")
    assert err.count("\n") == 1


def test_every_error_in_the_scenarios_is_reported_at_once(
    command: Command, scenarios: Path
) -> None:
    """If one scenario is invalid, none is played; each error has its line."""
    (scenarios / "bad.yaml").write_text(
        SCENARIO.replace("policy: stream-missing", "policy: stream-mising").replace("15m", "15 min")
    )
    code, out, err = command("test", PASSING, "bad", "nosuch", str(scenarios / "bad.yaml"))
    assert (code, out) == (USAGE, "")
    lines = err.splitlines()
    assert lines[0].startswith('error: alerting_policies/scenarios/bad.yaml:3: lasts: "15 min" is')
    assert any('"nosuch" is not a scenario' in line for line in lines)
    (scenarios / "bad.yaml").write_text(SCENARIO.replace("policy: stream-missing", "policy: s-m"))
    assert 'bad.yaml:19: expect[1].policy: "s-m" is not a policy' in command("test").err


def test_an_error_in_a_policy_names_file_and_line(command: Command, scenarios: Path) -> None:
    """An invalid policy is neither played nor listed."""
    policy = scenarios.parent / "stream-missing.yaml"
    policy.write_text(policy.read_text().replace("duration: 30s", "duration: one minute"))
    line = policy.read_text().splitlines().index("      duration: one minute") + 1
    for name in ("test", "list"):
        code, out, err = command(name)
        assert (code, out) == (USAGE, "")
        assert err.startswith(f"error: alerting_policies/stream-missing.yaml:{line}: conditions[0]")
        assert '"one minute" is not whole seconds' in err


def test_an_unsupported_log_filter_is_an_error(command: Command, scenarios: Path) -> None:
    """Cloud Logging supports more than the lab: that is reported before anything is played."""
    policy = scenarios.parent / "stream-changed.yaml"
    text = re.sub(r"filter: >-\n(?: {8}.*\n)+", "filter: SEARCH(textPayload)\n", policy.read_text())
    text = re.sub(r"filter: \|-?\n(?: {8}.*\n)+", "filter: SEARCH(textPayload)\n", text)
    assert "SEARCH" in text
    policy.write_text(text)
    code, out, err = command("test", PASSING)
    assert (code, out) == (USAGE, "")
    assert err.startswith("error: alerting_policies/stream-changed.yaml: ")


def test_the_policies_are_found_from_a_subfolder(
    command: Command, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest folder alerting_policies above the working folder is used."""
    monkeypatch.chdir(scenarios)
    assert command("list").code == OK
    assert command("test", "nosuch").err.count(str(scenarios)) == 1


def test_outside_a_project_the_policies_have_to_be_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder alerting_policies the error says which option names one."""
    monkeypatch.chdir(tmp_path)
    code, out, err = command("list")
    assert (code, out) == (USAGE, "")
    assert err == (
        "error: there is no folder alerting_policies, here or in a folder above; name it with "
        "--policies FOLDER\n"
    )
