"""``datastream-lab test``: scenarios played by the real exporter and Prometheus."""

import re
from pathlib import Path

import pytest

from exporter.process import INCOMPLETE, OK
from lab.cli.main import main
from tests.conftest import Terminal
from tests.lab.cli.conftest import FAILING, PASSING, SCENARIO
from tests.lab.conftest import POLICIES, command

TWICE = "alerting_policies/exporter-losing-points.yaml has the same name; rename"
ORDERS = "projects/shop-prod/locations/europe-west1/streams/orders"
TIME = r"(?:\d+h)?(?:\d+m)?(?:\d+s)?"


@pytest.mark.usefixtures("scenarios")
def test_all_scenarios_are_played_by_default() -> None:
    """Each alert has a line, wrong ones first; the exit code is 1."""
    code, out, err = command("test")
    assert code == INCOMPLETE
    assert err == ("error: 2 scenarios: 1 failed (wrongly-expected).\n")
    title, changed, missing, failing, *lines = out.splitlines()
    assert title == "PASS  deleted: A stream is deleted"
    right = "stream-changed of orders: opened 5m1s (expected 5m to 5m10s), open at the"
    assert changed == f"      {right} end"
    assert re.fullmatch(
        rf" {{6}}stream-missing of orders: opened {TIME} to {TIME} "
        r"\(expected 5m40s to 8m10s\), open at the end",
        missing,
    )
    assert failing == "FAIL  wrongly-expected: A stream is deleted"
    assert [" ".join(line.split()[:4]) for line in lines] == [
        "MISSED: stream-missing of shop-prod:",
        f"LATE: stream-missing of {ORDERS}:",
        f"EARLY: stream-changed of {ORDERS}:",
        f"EXTRA: stream-changed of {ORDERS.replace('orders', 'stock')}:",
        f"EXTRA: stream-missing of {ORDERS.replace('orders', 'stock')}:",
    ]
    # A scenario that is played alone, in this process, has the same result.
    alone = command("test", PASSING)
    assert alone.code == OK
    assert out.startswith(alone.out)
    assert alone.err == "1 scenario: passed.\n"


def test_policies_are_evaluated_as_they_are_in_all_folders(scenarios: Path) -> None:
    """A change in a file fails a scenario, and so does a policy of a second folder."""
    policy = scenarios.parent / "stream-missing.yaml"
    own = policy.read_text()
    policy.write_text(own.replace("duration: 60s", "duration: 300s"))
    mine = scenarios.parent.parent / "mine"
    mine.mkdir()
    added = own.replace("policy: stream-missing", "policy: orders-missing")
    (mine / "orders-missing.yaml").write_text(added)
    code, out, _ = command(
        "test", PASSING, "--policies", "alerting_policies", "--policies", "mine"
    )
    assert code == INCOMPLETE
    assert f"LATE: stream-missing of {ORDERS}: opened 10m" in out
    assert f"EXTRA: orders-missing of {ORDERS}: opened" in out


def test_scenarios_are_listed_without_playing(scenarios: Path) -> None:
    """A list of scenarios has the name, the length and the title of each."""
    (scenarios / f"{FAILING}.yaml").unlink()
    code, out, err = command("test", "--list")
    assert err == ""
    assert code == OK
    assert [line.split(maxsplit=2) for line in out.splitlines()] == [
        ["SCENARIO", "LASTS", "WHAT HAPPENS"],
        [PASSING, "15m", "A stream is deleted"],
    ]


@pytest.mark.usefixtures("scenarios")
def test_a_terminal_gets_colour_and_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is shown on stderr only, and removed."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    err = Terminal()
    assert main(["test", PASSING], {}, out, err) == OK
    assert "\x1b[32mPASS" in out.getvalue()
    assert "playing scenarios" in err.getvalue()
    assert "playing" not in out.getvalue()
    assert err.getvalue().endswith("1 scenario: passed.\n")


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ("deletd", '"deletd" is not a scenario; did you mean deleted?'),
        ("nosuch", '"nosuch" is not a scenario; `datastream-lab test --list`'),
        ("--scenarios nosuch", "nosuch: holds no scenario; name a folder with --scen"),
        (f"--policies alerting_policies --policies {POLICIES}", TWICE),
    ],
)
@pytest.mark.usefixtures("scenarios")
def test_a_missing_file_or_folder_is_one_sentence(argv: str, sentence: str) -> None:
    """A name or a folder that doesn't exist exits with 2 and a hint."""
    err = command("test", *argv.split()).refusal()
    assert err.startswith("error: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_every_error_in_the_files_is_reported_at_once(scenarios: Path) -> None:
    """If one scenario is invalid, none is played; each error has its file and line."""
    mistaken = SCENARIO.replace("policy: stream-missing", "policy: stream-mising")
    (scenarios / "bad.yaml").write_text(mistaken)
    (scenarios / "worse.yaml").write_text(SCENARIO.replace("15m", "15 min"))
    err = command("test", PASSING, "bad", "worse", "bad").refusal()
    policy, lasts = err.splitlines()
    assert 'bad.yaml:20: expect[1].policy: "stream-mising" is not a policy;' in policy
    assert lasts.startswith(
        'error: alerting_policies/scenarios/worse.yaml:3: lasts: "15 min" is'
    )


def test_an_unsupported_log_filter_is_an_error(scenarios: Path) -> None:
    """Cloud Logging supports more than the lab, which says so of the file."""
    policy = scenarios.parent / "stream-changed.yaml"
    text, count = re.subn(
        r"filter: .*\n(?: {8}.*\n)+", "filter: SEARCH(x)\n", policy.read_text()
    )
    assert count == 1
    policy.write_text(text)
    err = command("test", PASSING).refusal()
    assert err.startswith("error: alerting_policies/stream-changed.yaml: ")


def test_the_policies_are_found_from_a_subfolder(
    scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest folder alerting_policies is used; without one, the shipped one."""
    monkeypatch.chdir(scenarios)
    assert len(command("preview").out.splitlines()) == 4
    monkeypatch.chdir("/")
    assert len(command("preview").out.splitlines()) == 26
