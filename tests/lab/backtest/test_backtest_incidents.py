"""The incidents that a back-test finds in a history, and the policies it cannot evaluate."""

from __future__ import annotations

import shutil
from threading import Event
from typing import TYPE_CHECKING

import pytest

from exporter.terminal import Progress
from lab.backtest.api_reader import ApiReader
from lab.backtest.backtest import Backtest
from lab.backtest.history import History, find_gaps
from lab.backtest.output import lasted_text, opened_text
from lab.backtest.required import Period, look_back, periods_to_read
from lab.policies.files import Policy, read_policies
from tests.lab.backtest.fleet_history import END, POLICIES, START, Lab

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.backtest.backtest import BacktestResult
    from lab.prove.incidents import Incident

AT = "projects/shop-prod/locations/europe-west1/streams"
MINUTE = 60.0


def read(lab: Lab, policies: Sequence[Policy], start: float) -> History:
    """Read the history that policies need."""
    history = History(look_back(policies), "ops-prod")
    reader = ApiReader(lab.clients.monitoring, "ops-prod", Event())
    assert reader.read(periods_to_read(policies, start, END), history) == ()
    return history


def backtest(lab: Lab, policies: Sequence[Policy], start: float = START) -> BacktestResult:
    """Back-test until the end of the history."""
    return Backtest(policies, read(lab, policies, start), Event()).run(start, END)


@pytest.fixture(scope="module")
def whole(lab: Lab, policies: tuple[Policy, ...]) -> BacktestResult:
    """Return the back-test of the whole history."""
    return backtest(lab, policies)


def of(found: Iterable[Incident], policy: str, stream: str = "") -> Incident:
    """Return the one incident of a policy for a stream."""
    (incident,) = (
        each
        for each in found
        if each.policy == policy and each.about == (f"{AT}/{stream}" if stream else each.about)
    )
    return incident


def test_a_failure_is_found_at_its_minute(whole: BacktestResult) -> None:
    """FAILED at 40:00, visible at 40:05, retest window 60 s: it opens at 41:30."""
    incident = of(whole.incidents, "stream-failed", "orders")
    assert incident.opened == 41.5 * MINUTE
    assert incident.closed is not None
    assert 55 * MINUTE < incident.closed <= 55 * MINUTE + 35
    assert incident.labels["stream_id"] == "orders"
    assert incident.labels["project_id"] == "ops-prod"


def test_an_unfinished_incident_is_open(whole: BacktestResult) -> None:
    """PAUSED from 100:00 on, retest window 120 s: still open at the end."""
    incident = of(whole.incidents, "stream-unexpected-state", "stock")
    assert (incident.opened, incident.closed) == (102.5 * MINUTE, None)
    assert lasted_text(incident) == "still open"


def test_a_delta_metric_is_a_counter(whole: BacktestResult) -> None:
    """Points of a DELTA are increments of a counter, labelled with the watched project."""
    incident = of(whole.incidents, "stream-unsupported-events", "orders")
    # The first point ends at 21:00 and is 4 minutes late; it closes 10 minutes after the last.
    # The policy is evaluated every two minutes.
    assert incident.opened == 26 * MINUTE
    assert incident.closed == 32 * MINUTE


def test_a_gap_is_listed_and_alerts(whole: BacktestResult) -> None:
    """Without runs from 70 to 79 there is a gap from 69 to 80, and exporter-silent alerts."""
    (gap,) = whole.gaps
    assert gap == ("datastream-exporter", START + 69 * MINUTE, START + 80 * MINUTE)
    assert 74 * MINUTE < of(whole.incidents, "exporter-silent").opened <= 75 * MINUTE


def test_nothing_else_alerts(whole: BacktestResult, policies: tuple[Policy, ...]) -> None:
    """All other policies are quiet, or lack series."""
    assert sorted(each.policy for each in whole.incidents) == [
        "exporter-silent",
        "stream-failed",
        "stream-failed",
        "stream-unexpected-state",
        "stream-unsupported-events",
    ]
    not_evaluated = {each.policy.name: each.reason for each in whole.not_evaluated}
    assert not_evaluated["stream-changed"] == "matches log entries, which the history does not have"
    assert not_evaluated["exporter-executions-failing"] == (
        "there is no series of run.googleapis.com/job/completed_execution_count with "
        'job_name="datastream-exporter"'
    )
    assert len(not_evaluated) == 7
    assert len(whole.quiet) + len(not_evaluated) + 4 == len(policies)


def test_an_earlier_incident_is_open_at_the_start(lab: Lab, policies: tuple[Policy, ...]) -> None:
    """History before the start counts, but the time of opening is not shown."""
    found = backtest(lab, policies, START + 50 * MINUTE)
    assert found.history_start is None
    incident = of(found.incidents, "stream-failed", "orders")
    assert opened_text(incident, found) == "before the start"
    assert lasted_text(incident) == "5m30s or more"


def test_a_retest_window_can_begin_before_the_start(lab: Lab, policies: tuple[Policy, ...]) -> None:
    """A failure half a minute before the start opens at its real time."""
    found = backtest(lab, policies, START + 41 * MINUTE)
    incident = of(found.incidents, "stream-failed", "orders")
    assert incident.opened == 0.5 * MINUTE


def test_time_before_the_history_is_left_out(lab: Lab, policies: tuple[Policy, ...]) -> None:
    """Before its first point the exporter counts neither as silent nor as failing."""
    found = backtest(lab, policies, START - 600)
    assert (found.history_start, found.start) == (START, START)
    assert len(found.gaps) == 1
    assert sum(each.policy == "exporter-silent" for each in found.incidents) == 1


class Parts(Progress):
    """Records how many parts are evaluated, of how many."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.updates: list[tuple[int, int | None]] = []

    def update(self, task: str, done: int, total: int | None = None) -> None:
        """Record it."""
        assert task == "evaluating"
        self.updates.append((done, total))


def test_several_engines_find_the_same(
    lab: Lab, policies: tuple[Policy, ...], whole: BacktestResult
) -> None:
    """The result does not depend on how many points an engine holds."""
    progress = Parts()
    history = read(lab, policies, START)
    parted = Backtest(policies, history, Event(), progress, points_per_engine=500).run(START, END)
    assert parted == whole
    assert len(progress.updates) > 5
    done, total = progress.updates[-1]
    assert done == total


def test_a_stopped_back_test_evaluates_nothing(lab: Lab, policies: tuple[Policy, ...]) -> None:
    """After ``stop`` no engine is started."""
    stop = Event()
    stop.set()
    assert not Backtest(policies, read(lab, policies, START), stop).run(START, END).incidents


def variant(folder: Path, name: str, old: str, new: str) -> tuple[Policy, ...]:
    """Return a policy with a part of its file replaced."""
    shutil.copy(POLICIES / "streams-failing-together.yaml", folder)
    text = (POLICIES / f"{name}.yaml").read_text("utf-8")
    assert old in text
    (folder / f"{name}.yaml").write_text(text.replace(old, new), "utf-8")
    return tuple(each for each in read_policies(folder) if each.name == name)


def test_a_changed_policy_is_evaluated_as_it_is(lab: Lab, tmp_path: Path) -> None:
    """With a retest window of ten minutes the same failure alerts later."""
    found = backtest(lab, variant(tmp_path, "stream-failed", "duration: 60s", "duration: 600s"))
    assert of(found.incidents, "stream-failed", "orders").opened == 50.5 * MINUTE


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        (
            "stream-failed",
            "combiner: OR",
            "combiner: OR\nenabled: false",
            "is disabled in its file",
        ),
        # The other policies are evaluated all the same.
        (
            "stream-missing",
            "location_last_read",
            "stream_state",
            "Prometheus refuses the query: found duplicate series",
        ),
        # It is not read: its type does not follow from its PromQL name.
        (
            "location-unreadable",
            "datastream_location_up",
            "shop_orders",
            "there is no series of custom_googleapis_com:shop_orders",
        ),
    ],
)
def test_a_policy_that_cannot_be_evaluated_is_listed(
    lab: Lab, tmp_path: Path, name: str, old: str, new: str, reason: str
) -> None:
    """A disabled policy, a failing query and an unknown metric each have their reason."""
    found = backtest(lab, variant(tmp_path, name, old, new))
    ((_, said),) = found.not_evaluated
    assert said.startswith(reason)
    assert not found.incidents


def test_a_distribution_is_read_once(tmp_path: Path) -> None:
    """The names of a distribution are one metric, read as far back as any of them needs."""
    name, old = "datastream_googleapis_com:stream_latencies", "[3h]) == 3"
    more = f"unless on (location) rate({name}_sum[5h]) / rate({name}_count[1h]) > 9"
    changed = variant(tmp_path, "private-connection-failed", old, f"{old} {more}")
    read = periods_to_read(changed, 100_000, 200_000)
    start = 100_000 - 5 * 3600 - 600
    assert read["datastream.googleapis.com/stream/latencies"] == Period(start, 200_000)
    assert set(read) == {
        "custom.googleapis.com/datastream/exporter/last_run",
        "custom.googleapis.com/datastream/private_connection/state",
        "datastream.googleapis.com/stream/latencies",
    }


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([], [(0, 1000)]),
        ([0, 300, 600, 900], []),
        ([-50, 301, 600, 900, 2000], [(0, 301)]),
        ([0, 300, 600], [(600, 1000)]),
    ],
)
def test_gaps_are_longer_than_the_limit(
    times: list[float], found: list[tuple[float, float]]
) -> None:
    """Gaps are found at the start, in between and at the end."""
    assert find_gaps(times, 0, 1000, 300) == found
