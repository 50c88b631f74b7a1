"""``run``: what it prints of a fleet, what it writes, what it says, and its exit code."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import INCOMPLETE, OK, main
from exporter.terminal import print_table
from lab.emulator.world import Fault
from tests.exporter.cli.conftest import (
    CARTS,
    CARTS_PAUSED,
    DISCOVERING,
    PREFIX,
    Command,
    ServeShop,
    Terminal,
    World,
)

EUROPE = "projects/shop-prod/locations/europe-west1"


def up(points: Any) -> dict[str, float]:
    """Return the value of ``location/up`` by location."""
    return {point.resource_labels["location"]: point.value for point in points}


def test_a_run_prints_the_fleet_what_to_look_at_and_what_was_written(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Data is on stdout, in plain columns; messages are on stderr; exit 0."""
    cloud, environ = served(shop)
    code, out, err = command("run", environ=environ)
    assert code == OK
    assert out.splitlines() == [
        "STREAM  PROJECT    LOCATION      STATE    EXPECTED  ERRORS",
        "orders  shop-prod  europe-west1  RUNNING  yes            0",
        "carts   shop-prod  europe-west1  PAUSED   no             0",
        "stock   shop-prod  us-east1      RUNNING  yes            0",
        "",
        "Look at",
        f"  {CARTS}",
        "    is PAUSED, which config does not expect",
        "",
        "Written to metrics-prod",
        f"  26 points of {PREFIX}…",
        "    location/  up 2, failed_streams 2, permanently_failed_streams 2, "
        "unexpected_streams 2, last_read 2",
        "    stream/    state 3, expected 3, last_seen 3, errors 3",
        "    exporter/  last_run 1, streams 1, run_seconds 1, points_lost 1",
    ]
    emulators, paused, summary = err.splitlines()
    assert emulators == (
        f"warning: Emulators take Google's place, without credentials or encryption: "
        f"DATASTREAM_EMULATOR_HOST is {cloud.datastream} and "
        f"MONITORING_EMULATOR_HOST is {cloud.monitoring}."
    )
    assert paused == f"warning: {CARTS_PAUSED}"
    assert summary.startswith("3 streams in 2 locations (1 not as expected); 26 points written; 9 ")


def test_a_dry_run_shows_the_same_and_writes_nothing(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Locations are read once each, collectors included, and Cloud Monitoring is not called."""
    cloud, environ = served(shop)
    environ["DATASTREAM_EXPORTER_COLLECT__PRIVATE_CONNECTIONS"] = "true"
    code, out, err = command("run", "--dry-run", environ=environ)
    assert code == OK
    assert cloud.calls == Counter(ListStreams=2, ListPrivateConnections=2)
    assert f"\nA run would write to metrics-prod\n  27 points of {PREFIX}…\n" in out
    assert f"  {CARTS}\n    is PAUSED, which config does not expect\n" in out
    assert err.splitlines()[-2:] == [
        f"warning: {CARTS_PAUSED}",
        "3 streams in 2 locations (1 not as expected); a run would write 27 points to project "
        "metrics-prod.",
    ]


@pytest.mark.parametrize("argv", [["run"], ["run", "--dry-run"]])
def test_an_empty_project_is_said_and_is_no_failure(
    command: Command, served: ServeShop, shop: World, argv: list[str]
) -> None:
    """A new project has no streams yet, in any location."""
    shop["projects"][1]["locations"] = [{"id": "europe-west1"}, {"id": "us-east1"}]
    _, environ = served(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = DISCOVERING
    code, out, err = command(*argv, environ=environ)
    assert code == OK
    assert out.startswith("No streams found: no streams found in 2 locations.\n")
    assert "Look at" not in out
    assert "No streams found in 2 locations; " in err


def test_an_unreadable_location_is_an_observation(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Its streams are unknown in the table, its reason is said with what to do, and exit is 0."""
    shop["faults"] = [{"location": "us-east1", "code": "NOT_FOUND"}]
    cloud, environ = served(shop)
    code, out, err = command("run", environ=environ)
    assert code == OK
    assert "?       shop-prod  us-east1      unknown  ?              ?\n" in out
    reason = "could not be read, so the streams there are unknown: not found: "
    assert f"  projects/shop-prod/locations/us-east1\n    {reason}" in out
    assert f"warning: projects/shop-prod/locations/us-east1 {reason}" in err
    assert err.splitlines()[-1].startswith(
        "2 streams in 1 location (1 not as expected), 1 location unreadable; 18 points written; "
    )
    assert up(cloud.points(PREFIX + "location/up")) == {"europe-west1": 1, "us-east1": 0}


def test_a_missing_permission_is_one_sentence_with_the_role(
    command: Command, served: ServeShop, shop: World
) -> None:
    """All locations of the project are in it; nothing could be read, and that is written: exit 0."""
    shop["projects"][1]["denied"] = ["datastream.streams.list"]
    cloud, environ = served(shop)
    code, out, err = command("run", environ=environ)
    assert code == OK
    (denied,) = [line for line in err.splitlines() if "permission denied" in line]
    assert denied.startswith("warning: 2 locations of projects/shop-prod (europe-west1, us-east1) ")
    assert "needs datastream.streams.list in project shop-prod. Grant a custom role" in denied
    assert "?       shop-prod  2 locations  unknown" in out
    assert "Nothing could be read: 2 locations unreadable; 6 points written; " in err
    assert up(cloud.points(PREFIX + "location/up")) == {"europe-west1": 0, "us-east1": 0}


def test_a_missing_permission_to_write_is_one_sentence_and_exit_1(
    command: Command, served: ServeShop, shop: World
) -> None:
    """However many requests are refused, the log stays a page, and the points are counted."""
    shop["projects"][0]["denied"] = ["monitoring.timeSeries.create"]
    shop["projects"][1]["locations"][0]["streams"] = [{"id": "orders-{:03}", "count": 200}]
    _, environ = served(shop)
    code, out, err = command("run", environ=environ)
    assert code == INCOMPLETE
    _, lost, held_back, summary = err.splitlines()
    assert lost.startswith(
        "error: 816 points lost, among location/up of datastream in shop-prod/europe-west1, "
    )
    assert " more: permission denied: " in lost
    assert "Grant roles/monitoring.metricWriter: gcloud projects add-iam-policy-binding " in lost
    assert held_back == (
        "warning: location/last_read of 2 locations of projects/shop-prod (europe-west1, us-east1) "
        "not written: a stream's last_seen may be lost, and the stream would look deleted."
    )
    assert summary.startswith("error: 201 streams in 2 locations; no points written, 816 lost; ")
    assert "\nDue in metrics-prod, though not all of it was written\n" in out


def test_two_runs_at_once_are_said_to_be_two(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Points that another exporter wrote first are counted and explained; that loses nothing."""
    _, environ = served(shop)
    command("run", environ=environ)
    code, _, err = command("run", environ=environ)
    assert code == OK
    (logged,) = [line for line in err.splitlines() if "points superseded, " in line]
    assert logged.startswith(
        "warning: 24 points superseded, among location/up of datastream in shop-prod/europe-west1, "
    )
    assert logged.endswith("Is there a second exporter, or was this machine's clock set back?")
    assert "; no points written, 24 superseded; " in err.splitlines()[-1]


def test_what_is_not_read_in_time_is_unreadable(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Nothing is written of the streams of a location that hangs; the log says what to raise."""
    shop["faults"] = [{"method": "ListStreams", "location": "us-east1", "latency": "10m"}]
    cloud, environ = served(shop)
    environ["DATASTREAM_EXPORTER_RUN__DEADLINE"] = "1s"
    code, _, err = command("run", environ=environ)
    assert code == OK
    assert "projects/shop-prod/locations/us-east1 could not be read" in err
    assert "timed out: " in err
    assert "raise run.deadline" in err
    assert up(cloud.points(PREFIX + "location/up")) == {"europe-west1": 1, "us-east1": 0}
    assert up(cloud.points(PREFIX + "stream/last_seen")).keys() == {"europe-west1"}


def test_what_is_not_written_in_time_is_lost(
    command: Command, served: ServeShop, shop: World
) -> None:
    """The exit code is 1, and the log says how many points, of which series, and what to do."""
    shop["faults"] = [{"method": "CreateTimeSeries", "latency": "10m"}]
    cloud, environ = served(shop)
    environ["DATASTREAM_EXPORTER_RUN__DEADLINE"] = "1s"
    code, _, err = command("run", environ=environ)
    assert code == INCOMPLETE
    assert not cloud.points()
    assert "points lost, among location/up of datastream in shop-prod/europe-west1" in err
    assert "raise run.deadline" in err
    assert "error: 3 streams in 2 locations (1 not as expected); no points written, " in err


def test_a_required_stream_that_is_missing_comes_first(
    command: Command, served: ServeShop, shop: World
) -> None:
    """It has a row without errors, and what to do about it."""
    _, environ = served(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] += f"required: [{EUROPE}/streams/refunds]\n"
    code, out, err = command("run", environ=environ)
    assert code == OK
    assert "refunds  shop-prod  europe-west1  missing  no             -\n" in out
    words = "is required but does not exist: create it, or remove it from `required`"
    assert f"Look at\n  {EUROPE}/streams/refunds\n    {words}\n  {CARTS}\n" in out
    assert f"warning: {EUROPE}/streams/refunds {words}." in err
    assert "3 streams in 2 locations (1 not as expected), 1 required and missing; " in err


def test_what_has_no_effect_is_a_warning(command: Command, served: ServeShop, shop: World) -> None:
    """A label that names no state, for twenty streams at most; a glob that matches no stream."""
    labels = {"expected-state": "off"}
    shop["projects"][1]["locations"][0]["streams"] = [
        {"id": "orders-{:02}", "count": 50, "labels": labels}
    ]
    _, environ = served(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] += (
        "    exclude: [test-*]\nexpectations: [{match: '*/streams/cart', states: [PAUSED]}]\n"
    )
    code, _, err = command("run", environ=environ)
    assert code == OK
    labels = [line for line in err.splitlines() if "/streams/orders-" in line]
    assert len(labels) == 20
    assert labels[0].startswith(f"warning: {EUROPE}/streams/orders-01: its label expected-state ")
    assert 'holds "off" and is ignored; allowed are not_started, running, paused, ' in labels[0]
    assert 'warning: sources[0].exclude[0]: "test-*" matches no stream\n' in err
    assert 'warning: expectations[0].match: "*/streams/cart" matches no stream\n' in err


def test_many_and_long_errors_stay_a_page(command: Command, served: ServeShop, shop: World) -> None:
    """Sixty failed streams with a megabyte each: every row, forty to look at, fifty log lines."""
    error = {"reason": "SLOT", "message": "x" * 1_000_000}
    longest = "a" * 60 + "-{:02}"
    shop["projects"][1]["locations"][0]["streams"] = [
        {"id": longest, "count": 60, "state": "FAILED", "errors": [error]}
    ]
    _, environ = served(shop)
    code, out, err = command("run", environ=environ)
    assert code == OK
    rows = [line.split() for line in out.splitlines()[1:61]]
    assert rows[0] == ["a" * 60 + "-01", "shop-prod", "europe-west1", "FAILED", "no", "1"]
    assert out.count("    failed; Datastream keeps retrying: xxx") == 40
    assert "\n  and 20 more\n" in out
    assert err.count("error: projects/shop-prod/") == 50
    assert "warning: 10 more streams changed, or not as expected.\n" in err
    assert max(map(len, (out + err).splitlines())) < 1300


@pytest.mark.parametrize(
    ("names", "count"), [(("all", "all"), 1), (("out", "err"), 2)], ids=["one file", "two files"]
)
def test_each_fact_is_once_where_it_is_kept(
    served: ServeShop, shop: World, tmp_path: Path, names: tuple[str, str], count: int
) -> None:
    """Data and log in one file say it once; in two files each says it, and can stand alone."""
    _, environ = served(shop)
    with (tmp_path / names[0]).open("a") as out, (tmp_path / names[1]).open("a") as err:
        assert main(["run"], environ, out, err) == OK
    assert sum((tmp_path / name).read_text().count(CARTS) for name in set(names)) == count


def test_at_a_terminal_the_log_does_not_repeat_the_data(served: ServeShop, shop: World) -> None:
    """``run | less`` has what to look at in the pipe, and the summary alone on the terminal."""
    _, environ = served(shop)
    out, err = io.StringIO(), Terminal()
    assert main(["run"], environ, out, err) == OK
    assert out.getvalue().count(CARTS) == 1
    assert CARTS not in err.getvalue()
    assert "3 streams in 2 locations (1 not as expected); 26 points written;" in err.getvalue()


@pytest.mark.parametrize("no_color", [False, True])
def test_tables_have_colours_at_a_terminal_unless_they_are_off(
    monkeypatch: pytest.MonkeyPatch, *, no_color: bool
) -> None:
    """Numbers are aligned right, control characters are escaped, and NO_COLOR is obeyed."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    rows = (("orders", "7", ("all is well", "green")), ("stock-eu", "1,200", "red \x1b[31m"))
    pipe, terminal = io.StringIO(), Terminal()
    for out in (pipe, terminal):
        print_table(("name", "count", "what"), rows, out, right=("count",))
    assert pipe.getvalue().splitlines() == [
        "NAME      COUNT  WHAT",
        "orders        7  all is well",
        r"stock-eu  1,200  red \x1b[31m",
    ]
    assert ("\x1b[32mall is well" in terminal.getvalue()) is not no_color
    assert r"red \x1b[31m" in terminal.getvalue(), "a narrow terminal cuts nothing off"
