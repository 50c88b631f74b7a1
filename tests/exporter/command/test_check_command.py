"""``check``: one line for everything a run needs, and how to fix what does not work."""

import json

import pytest
from freezegun import freeze_time

from exporter.process import INCOMPLETE, OK, USAGE
from exporter.setup import check
from tests.conftest import Ended
from tests.exporter.command.conftest import (
    CARTS_PAUSED,
    CONFIG,
    DISCOVERING,
    EUROPE,
    PREFIX,
    Shop,
    command,
)
from tests.tables import rows

COLLECTING = "collect: {objects: true}\n"


def lines(ended: Ended, grade: str) -> list[str]:
    """Return the findings of a grade, as they stand on stdout."""
    return [line for line in ended.out.splitlines() if line.startswith(f"{grade:<8} ")]


def test_everything_in_place_is_a_line_each(shop: Shop) -> None:
    """Every line says ok; one point is written, which no run writes; exit 0."""
    shop.project["locations"].append({"id": "us-east4"})
    shop.config = DISCOVERING + COLLECTING
    ended = shop.command("check")
    assert (
        ended.out
        == f"""\
ok       config: DATASTREAM_EXPORTER_CONFIG is valid
ok       credentials: none are needed, as emulators are used
ok       projects/shop-prod: 3 locations discovered
ok       projects/shop-prod/locations/europe-west1: 2 streams watched
warning  alerts if it lasts: {CARTS_PAUSED[:-1]}
ok       projects/shop-prod/locations/us-east1: 1 stream watched
ok       projects/metrics-prod: problems of earlier runs can be read back
ok       projects/metrics-prod: points can be written to Cloud Monitoring
"""
    )
    assert ended.err.splitlines()[-1] == "8 checks: none failed, 1 warning."
    (point,) = shop.cloud.points()
    assert point.metric_type == PREFIX + "exporter/points_lost"
    assert point.resource_labels["node_id"] == "check"
    assert ended.code == OK


def test_the_findings_are_one_json_document_for_scripts(shop: Shop) -> None:
    """With --json, each finding has its level, what it is about, and its text."""
    ended = shop.command("check", "--json", "--strict")
    assert ended.code == INCOMPLETE
    bad = [one for one in json.loads(ended.out)["findings"] if one["level"] != "ok"]
    text = CARTS_PAUSED[:-1]
    assert bad == [{"level": "warning", "part": "alerts if it lasts", "text": text}]


def test_a_check_right_after_another_succeeds(shop: Shop) -> None:
    """Cloud Monitoring refuses a point so soon: no permission is missing; exit 0."""
    shop.command("check")
    ended = shop.command("check")
    assert ended.code == OK
    text = "projects/metrics-prod: points can be written to Cloud Monitoring"
    assert lines(ended, "ok")[-1] == f"ok       {text}"


@rows
def test_what_cannot_be_read_fails(
    shop: Shop,
    source: dict[str, object],
    change: dict[str, object],
    subject: str,
    message: str,
) -> None:
    """What is not discovered, read or collected has a line with a fix; exit 1."""
    shop.project |= change
    metrics = {"project": "metrics-prod"}
    config = {"metrics": metrics, "sources": [source], "collect": {"objects": True}}
    shop.config = json.dumps(config)
    ended = shop.command("check")
    assert ended.code == INCOMPLETE
    (failed,) = lines(ended, "failed")
    assert failed.startswith(f"failed   {subject}")
    assert message in failed


@rows
def test_a_refusal_to_write_or_to_read_back_fails(
    shop: Shop, permission: str, text: str, role: str
) -> None:
    """Check writes a point and reads back, and names the role that is missing."""
    shop.metrics_project["denied"] = [f"monitoring.timeSeries.{permission}"]
    ended = shop.command("check")
    assert ended.code == INCOMPLETE
    (failed,) = lines(ended, "failed")
    assert failed.startswith(f"failed   {text}")
    assert "permission denied: " in failed
    assert f"roles/monitoring.{role}" in failed
    assert ended.err.splitlines()[-1] == "8 checks: 1 failed, 1 warning."


def test_more_calls_than_datastream_allows_are_a_warning(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of two locations and a discovery makes three calls, however seldom."""
    shop.config = f"{DISCOVERING}run: {{interval: 5m}}\n"
    for quota, warnings in ((3, 0), (2, 1)):
        monkeypatch.setattr(check, "_QUOTA", quota)
        ended = shop.command("check", "--read-only")
        text = "sources: a run makes 3 calls, and Datastream allows 2 a minute; list"
        assert ended.out.count(text) == warnings


DOUBTFUL = """\
metrics: {project: metrics-prod}
sources:
  - project: shop-prod
    locations: [europe-west1, us-east99]
    include: [c*, o*]
    exclude: [cart]
  - project: metrics-prod
expectations:
  - match: "*/streams/cart"
    states: [PAUSED]
  - match: projects/*/locations/*/streams/*
    states: [NOT_STARTED]
    during: {schedule: "0 */2 * * *", duration: 3h, timezone: UTC}
  - match: "*/streams/orders"
    states: [PAUSED]
    during: {from: 2026-01-02, until: 2026-01-03, timezone: UTC}
mutes:
  - {match: "*/gone", until: 2026-01-02, timezone: Europe/Berlin}
required:
  - projects/shop-prod/locations/europe-west1/streams/cellar
  - projects/shop-prod/locations/europe-west1/streams/ordres
run: {deadline: 51s}
"""


DOUBTS = """\
warning  config.yaml:22: run.deadline: 51s is too long for a job or function, which \
Cloud Run ends after 55s; write at most 50s
warning  config.yaml:11: expectations[1]: its states are fine for every stream of \
shop-prod, metrics-prod, so no stream there alerts for them; narrow its match
warning  config.yaml:16: expectations[2].during: has ended; remove this expectation, \
or correct its times
warning  config.yaml:4: sources[0].locations[1]: this version doesn't know \
"us-east99"; it is new or misspelled; did you mean us-east5?
warning  projects/metrics-prod: 1 location discovered; none has a stream
warning  alerts if it lasts: projects/shop-prod/locations/europe-west1/streams/carts \
is PAUSED, which config does not expect (config.yaml:11: expectations[1]: adds \
NOT_STARTED)
warning  alerts if it lasts: projects/shop-prod/locations/europe-west1/streams/cellar \
is required but does not exist: create it, or remove it from `required`
warning  alerts if it lasts: projects/shop-prod/locations/europe-west1/streams/ordres \
is required but does not exist: create it, or remove it from `required`; did you mean \
projects/shop-prod/locations/europe-west1/streams/orders?
warning  projects/shop-prod/locations/us-east1: no source watches stock; add the \
location to its source
warning  projects/shop-prod/locations/us-east99: no streams watched, 1 not included
warning  projects/shop-prod/locations/us-east99: no source watches returns; add them \
to `include`, or to `exclude`
warning  config.yaml:9: expectations[0].match: "*/streams/cart" matches no stream; \
did you mean projects/shop-prod/locations/europe-west1/streams/carts?
warning  config.yaml:6: sources[0].exclude[0]: "cart" matches no stream; did you \
mean carts?
""".splitlines()


def test_what_may_be_right_is_a_warning(shop: Shop) -> None:
    """Each doubt about config has a line and is counted; exit 0, or 1 with --strict."""
    place = {"id": "us-east99", "streams": [{"id": "returns"}]}
    shop.project["locations"].append(place)
    shop.metrics_project["locations"] = [{"id": "us-east4"}]
    shop.config = DOUBTFUL
    ended = shop.command("check")
    assert [
        line.replace(CONFIG, "config.yaml") for line in lines(ended, "warning")
    ] == DOUBTS
    assert ended.err.splitlines()[-1] == "22 checks: none failed, 13 warnings."
    assert ended.code == OK
    assert shop.command("check", "--strict").code == INCOMPLETE


OFFLINE = """\
metrics: {project: metrics-prod}
sources: [{project: my-project, locations: [europe-wset1, eu-west1], exclude: ["*"]}]
expectations:
  - match: "*/streams/orders"
    states: [PAUSED]
    during: {schedule: 0 22 * * 6, duration: 4h, timezone: Europe/Berlin}
  - match: "*/streams/carts"
    states: [PAUSED]
    during: {from: 2026-12-24, until: 2026-12-27T06:00, timezone: Europe/Berlin}
  - {match: "*", lag: 2h, quiet: 24h, failed: 31m}
  - match: "*/streams/carts"
    quiet: 6h
    during: {schedule: 0 22 * * *, duration: 5h, timezone: UTC}
  - match: "*/streams/stock"
    states: [PAUSED]
    during: {schedule: 0 11 * * *, duration: 3h, timezone: UTC}
  - match: "*/streams/stock"
    states: [PAUSED]
    during: {schedule: "*/30 * * * *", duration: 1h, timezone: UTC}
mutes:
  - {match: "*/streams/stock", until: 2026-07-01, timezone: America/New_York}
  - {match: "*/streams/*", until: 2026-01-02, timezone: Europe/Berlin}
  - {match: "projects/*/location/*/streams/b", until: 2026-07-01, timezone: UTC}
"""
SAID = """\
ok       config: DATASTREAM_EXPORTER_CONFIG is valid
warning  config.yaml: my-project is a placeholder; write your own project's id
ok       config.yaml:21: mutes[0]: "*/streams/stock" is muted until 2026-07-01 00:00 \
America/New_York (2026-07-01 04:00 UTC)
notice   config.yaml:22: mutes[1]: this mute of "*/streams/*" ended at 2026-01-02 \
00:00 Europe/Berlin (2026-01-01 23:00 UTC); remove it
ok       config.yaml:23: mutes[2]: "projects/*/location/*/streams/b" is muted until \
2026-07-01 00:00 UTC
warning  config.yaml:23: mutes[2].match: "projects/*/location/*/streams/b" matches no \
stream's full name; write it as projects/*/locations/*/streams/*
ok       config.yaml:6: expectations[0].during: opens next at 2026-06-06 22:00 \
Europe/Berlin (2026-06-06 20:00 UTC), for 4h
ok       config.yaml:9: expectations[1].during: opens next at 2026-12-24 00:00 \
Europe/Berlin (2026-12-23 23:00 UTC), for 78h
notice   config.yaml:10: expectations[2].failed: 31m begins anew after four good \
minutes, so a stream that comes and goes may never page
ok       config.yaml:13: expectations[3].during: opens next at 2026-06-01 22:00 UTC, \
for 5h
warning  config.yaml:13: expectations[3].during: quiet: 6h never alerts: this window \
is open for at most 5h; make it longer than quiet, or remove quiet
ok       config.yaml:16: expectations[4].during: is open until 2026-06-01 14:00 UTC
ok       config.yaml:16: expectations[4].during: opens next at 2026-06-02 11:00 UTC, \
for 3h
ok       config.yaml:19: expectations[5].during: is open until 2026-06-01 13:00 UTC
ok       config.yaml:19: expectations[5].during: opens next at 2026-06-01 12:30 UTC, \
for 1h
warning  config.yaml:2: sources[0]: no stream of my-project is watched; narrow \
excludes or mutes
warning  config.yaml:2: sources[0].locations[0]: this version doesn't know \
"europe-wset1"; it is new or misspelled; did you mean europe-west1?
warning  config.yaml:2: sources[0].locations[1]: this version doesn't know "eu-west1"; \
it is new or misspelled; did you mean europe-west1?
""".splitlines()


@freeze_time("2026-06-01 12:00")
def test_offline_says_what_config_mutes_and_expects() -> None:
    """Check --offline needs no account, and exits with 0, 1 if strict, or 2."""
    ended = command("check", "--offline", **{CONFIG: OFFLINE})
    assert ended.out.replace(f"{CONFIG}:", "config.yaml:").splitlines() == SAID
    strict = command("check", "--offline", "--strict", **{CONFIG: OFFLINE})
    wrong = command("check", "--offline", **{CONFIG: "sources: []"})
    assert ended.code == OK
    assert strict.code == INCOMPLETE
    assert wrong.code == USAGE


def test_a_warning_can_be_accepted(shop: Shop) -> None:
    """An accepted warning is a notice, and no text accepts what fails or nothing."""
    shop.metrics_project["denied"] = ["monitoring.timeSeries.create"]
    accepted = ("--accept", "streams/carts is PAUSED", "--accept", "timeSeries")
    ended = shop.command("check", "--strict", *accepted, "--accept", "")
    (notice,) = lines(ended, "notice")
    assert notice == f"notice   alerts if it lasts: {CARTS_PAUSED[:-1]} (accepted)"
    assert len(lines(ended, "failed")) == 1
    assert lines(ended, "warning") == [
        'warning  --accept: no warning has the text ""; correct or remove it',
        'warning  --accept: no warning has the text "timeSeries"; correct or remove it',
    ]


def test_read_only_writes_nothing(shop: Shop) -> None:
    """With --read-only, no permission to write is needed; --strict takes a notice."""
    shop.metrics_project["denied"] = ["monitoring.timeSeries.create"]
    accepted = ("--accept", "streams/carts is PAUSED")
    ended = shop.command("check", "--read-only", "--strict", *accepted)
    assert ended.code == OK
    assert ended.err.splitlines()[-1] == "7 checks: none failed, no warnings."
    assert shop.cloud.calls["CreateTimeSeries"] == 0


def test_on_cloud_run_each_finding_is_as_loud_as_it_is_bad(shop: Shop) -> None:
    """Each finding is a log entry with the severity of its grade."""
    shop.faults = [{"location": "us-east1", "code": "NOT_FOUND"}]
    shop.config += f"required: [{EUROPE}/streams/stock]\n"
    ended = shop.job("check")
    assert ended.code == INCOMPLETE
    severities = {entry["message"].split()[0]: entry["severity"] for entry in ended.log}
    expected = {"ok": "INFO", "warning": "WARNING", "failed": "ERROR"}
    assert {grade: severities[grade] for grade in expected} == expected
