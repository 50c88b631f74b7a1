"""``datastream-lab test``: what was due and what happened, scenario by scenario."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING

import pytest

from exporter.cli.exit_codes import INCOMPLETE, OK, USAGE
from lab.cli.main import main
from tests.deletion import SCENARIO
from tests.lab.cli.conftest import POLICIES, RIGHT, WRONG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.cli.conftest import Command

ORDERS = "projects/shop-prod/locations/europe-west1/streams/orders"
MOMENT = r"(?:\d+h)?(?:\d+m)?(?:\d+s)?"


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_right_scenario_is_a_line_a_page(command: Command, scenarios: Path) -> None:
    """What was due and when it came stands side by side; the summary is talk; exit 0."""
    code, out, err = command("test", RIGHT)
    assert scenarios.exists()
    assert (code, err) == (OK, "1 scenario, 2 pages due: all right.\n")
    title, changed, missing = out.splitlines()
    assert title == "right  deleted: A stream is deleted"
    assert changed == (
        "       stream-changed of orders: opened 5m1s (due 5m to 5m10s), open at the end"
    )
    assert re.fullmatch(
        rf" {{7}}stream-missing of orders: opened {MOMENT} to {MOMENT} "
        r"\(due 5m40s to 8m10s\), open at the end",
        missing,
    )


def test_what_is_wrong_is_told_in_full(command: Command, scenarios: Path) -> None:
    """Each page that is missed, early, late or extra has a line with its stream; exit 1."""
    code, out, err = command("test", WRONG)
    assert scenarios.exists()
    assert code == INCOMPLETE
    assert err == "error: 1 scenario, 3 pages due: 1 wrong (wrongly-expected).\n"
    title, *lines = out.splitlines()
    assert title == "WRONG  wrongly-expected: A stream is deleted"
    told = [line.strip() for line in lines]
    assert "MISSED: stream-missing of shop-prod: did not open (due 1m to 2m)" in told
    assert f"EARLY: stream-changed of {ORDERS}: opened 5m1s (due 6m to 7m), open at the end" in told
    late = [line for line in told if line.startswith(f"LATE: stream-missing of {ORDERS}: opened ")]
    assert len(late) == 1
    assert late[0].endswith(" (due 1m to 2m), open at the end")
    extra = [line for line in told if line.startswith("EXTRA: ")]
    assert [line.partition(":")[2].partition(":")[0].split(" ")[1] for line in extra] == [
        "stream-changed",
        "stream-missing",
    ]
    assert all(f"{ORDERS.replace('orders', 'stock')}: opened " in line for line in extra)
    assert all("though nothing was due" in line for line in extra)


def test_all_are_played_where_none_is_named(command: Command, scenarios: Path) -> None:
    """Side by side in other processes, each comes out as it does alone, in the order of names."""
    alone = [command("test", name).out for name in (RIGHT, WRONG)]
    code, out, err = command("test")
    assert scenarios.exists()
    assert (code, out) == (INCOMPLETE, "".join(alone))
    assert err == "error: 2 scenarios, 5 pages due: 1 wrong (wrongly-expected).\n"


def test_as_data_it_is_complete(command: Command, scenarios: Path) -> None:
    """--json holds every page in every phase, with its labels; nothing else is on stdout."""
    code, out, _ = command("test", "--json", str(scenarios / f"{WRONG}.yaml"))
    assert code == INCOMPLETE
    document = json.loads(out)
    assert (document["right"], document["played"]) == (False, True)
    (scenario,) = document["scenarios"]
    assert (scenario["name"], scenario["right"], scenario["lasts"]) == (WRONG, False, 900)
    outcomes = {
        (each["policy"], each["of"]): {one["outcome"] for one in each["found"]}
        for each in scenario["expected"]
    }
    assert outcomes == {
        ("stream-missing", "shop-prod"): {"missed"},
        ("stream-changed", "orders"): {"early"},
        ("stream-missing", "orders"): {"late"},
    }
    late = scenario["expected"][2]
    assert late["opens"] == {"after": 60, "by": 120}
    phases = [one["phase"] for one in late["found"]]
    assert phases == sorted(set(phases))
    assert len(phases) > 1
    incident = late["found"][0]["incident"]
    assert (incident["about"], incident["closed"]) == (ORDERS, None)
    assert incident["labels"]["stream_id"] == "orders"
    assert {one["incident"]["policy"] for one in scenario["unexpected"]} == {
        "stream-changed",
        "stream-missing",
    }


def test_nothing_due_and_nothing_opened_is_said(command: Command, scenarios: Path) -> None:
    """A scenario that is there to page nobody says that it does not."""
    calm = SCENARIO.replace("  events:\n    - {at: 5m, stream: orders, do: delete}\n", "")
    (scenarios / "calm.yaml").write_text(calm.partition("expect:")[0])
    code, out, err = command("test", "calm")
    assert code == OK
    assert out.splitlines()[1:] == ["       nothing is due, and nothing opened"]
    assert err == "1 scenario, no pages due: all right.\n"


def test_a_policy_that_is_off_does_not_page(command: Command, scenarios: Path) -> None:
    """A file with `enabled: false` is applied as it stands."""
    policy = scenarios.parent / "stream-missing.yaml"
    policy.write_text(f"{policy.read_text()}\nenabled: false\n")
    code, out, _ = command("test", RIGHT)
    assert code == INCOMPLETE
    assert "MISSED: stream-missing of orders: did not open (due 5m40s to 8m10s)\n" in out


def test_a_changed_hold_is_late(command: Command, scenarios: Path) -> None:
    """It is the files that are proven: what is changed in one shows."""
    policy = scenarios.parent / "stream-missing.yaml"
    policy.write_text(policy.read_text().replace("duration: 30s", "duration: 300s"))
    code, out, _ = command("test", RIGHT)
    assert code == INCOMPLETE
    assert f"LATE: stream-missing of {ORDERS}: opened 10m" in out


def test_ones_own_policies_are_taken_along(command: Command, scenarios: Path) -> None:
    """--policies twice: those of both folders, and the scenarios that either holds."""
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
    assert "\n       orders-missing of orders: opened" in out
    assert code == OK
    code, out, _ = command("test", RIGHT, "--policies", "alerting_policies", "--policies", "mine")
    assert code == INCOMPLETE
    assert f"EXTRA: orders-missing of {ORDERS}: opened" in out


def test_a_terminal_gets_colour_unless_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, scenarios: Path
) -> None:
    """NO_COLOR is obeyed; progress is shown on stderr alone, and goes away."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    shown: list[tuple[str, str]] = []
    for value in ("", "1"):
        monkeypatch.setenv("NO_COLOR", value)
        out, err = Terminal(), Terminal()
        assert main(["test", RIGHT], {}, out, err) == OK
        shown.append((out.getvalue(), err.getvalue()))
    assert scenarios.exists()
    (coloured, progress), (plain, _) = shown
    assert "\x1b[32mright" in coloured
    assert "\x1b[3" not in plain
    assert "playing scenarios" in progress
    assert "playing" not in coloured
    assert progress.endswith("1 scenario, 2 pages due: all right.\n")
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in plain.splitlines()) <= 80


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["deletd"], '"deletd" is no scenario; did you mean deleted?'),
        (
            ["nosuch"],
            '"nosuch" is no scenario; name one of the 2 in alerting_policies/scenarios, or',
        ),
        (["no/such.yaml"], "no/such.yaml: there is no such file"),
        (["--scenarios", "nosuch"], "nosuch: there is no such directory; check the path"),
        (["--scenarios", "."], ".: holds no scenario; a scenario is a file NAME.yaml"),
        (["--policies", "nosuch"], "nosuch: there is no such directory; check the path"),
        (["--policies", "config"], "config: has no policy; a policy's file name ends in .yaml"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    command: Command, scenarios: Path, argv: list[str], sentence: str
) -> None:
    """A name or a folder that does not exist is told, with what was meant if that can be said."""
    (scenarios.parent.parent / "config").mkdir()
    code, out, err = command("test", *argv)
    assert (code, out) == (USAGE, "")
    assert err.startswith(f"error: {sentence}")
    assert err.count("\n") == 1


def test_every_mistake_in_what_is_named_is_told_at_once(command: Command, scenarios: Path) -> None:
    """Of several scenarios none is played where one of them is wrong; each mistake has its line."""
    (scenarios / "bad.yaml").write_text(
        SCENARIO.replace("policy: stream-missing", "policy: stream-mising").replace("15m", "15 min")
    )
    code, out, err = command("test", RIGHT, "bad", "nosuch", str(scenarios / "bad.yaml"))
    assert (code, out) == (USAGE, "")
    told = err.splitlines()
    assert told[0].startswith('error: alerting_policies/scenarios/bad.yaml:3: lasts: "15 min" is')
    assert any('"nosuch" is no scenario' in line for line in told)
    (scenarios / "bad.yaml").write_text(SCENARIO.replace("policy: stream-missing", "policy: s-m"))
    assert 'bad.yaml:19: expect[1].policy: "s-m" is no policy' in command("test").err


def test_mistakes_in_a_policy_are_told_with_their_lines(command: Command, scenarios: Path) -> None:
    """A policy file that cannot be applied is not proven either."""
    policy = scenarios.parent / "stream-missing.yaml"
    policy.write_text(policy.read_text().replace("duration: 30s", "duration: one minute"))
    line = policy.read_text().splitlines().index("      duration: one minute") + 1
    for name in ("test", "list"):
        code, out, err = command(name)
        assert (code, out) == (USAGE, "")
        assert err.startswith(f"error: alerting_policies/stream-missing.yaml:{line}: conditions[0]")
        assert '"one minute" is not whole seconds' in err


def test_a_filter_that_is_not_understood_is_told_with_its_file(
    command: Command, scenarios: Path
) -> None:
    """Cloud Logging knows more than is evaluated here: that is said before anything is played."""
    policy = scenarios.parent / "stream-changed.yaml"
    text = re.sub(r"filter: >-\n(?: {8}.*\n)+", "filter: SEARCH(textPayload)\n", policy.read_text())
    text = re.sub(r"filter: \|-?\n(?: {8}.*\n)+", "filter: SEARCH(textPayload)\n", text)
    assert "SEARCH" in text
    policy.write_text(text)
    code, out, err = command("test", RIGHT)
    assert (code, out) == (USAGE, "")
    assert err.startswith("error: alerting_policies/stream-changed.yaml: ")


def test_two_policies_of_one_name_are_told(command: Command, scenarios: Path) -> None:
    """A second folder cannot put another policy in the place of one of the first."""
    folders = ["--policies", "alerting_policies", "--policies", str(POLICIES)]
    code, out, err = command("list", *folders)
    assert scenarios.exists()
    assert (code, out) == (USAGE, "")
    assert "has the same name; rename one" in err


def test_a_folder_without_scenarios_is_told(command: Command, folder: Path) -> None:
    """Somebody whose policies have no scenarios yet learns where they belong."""
    (folder / "alerting_policies" / "scenarios").rmdir()
    code, out, err = command("test")
    assert (code, out) == (USAGE, "")
    assert err == (
        "error: alerting_policies: holds no folder scenarios; name it by --scenarios FOLDER\n"
    )


def test_the_policies_are_found_from_a_folder_below(
    command: Command, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project's policies are found as its config would be, or from deeper down."""
    monkeypatch.chdir(scenarios)
    assert command("list").code == OK
    assert command("test", "nosuch").err.count(str(scenarios)) == 1


def test_no_policies_anywhere_is_told(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of a project one sentence says what to name."""
    monkeypatch.chdir(tmp_path)
    code, out, err = command("list")
    assert (code, out) == (USAGE, "")
    assert err == (
        "error: there is no folder alerting_policies, here or in a folder above; name it by "
        "--policies FOLDER\n"
    )
