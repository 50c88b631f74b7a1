"""Which incidents a back-test finds in a history, and what it says that it cannot know."""

from __future__ import annotations

import shutil
from threading import Event
from typing import TYPE_CHECKING

import pytest

from exporter.gcp.retry import Calls
from exporter.progress import Progress
from lab.backtest.backtesting import Backtester
from lab.backtest.history import History, gaps
from lab.backtest.history_reading import Source, Span, read_history
from lab.backtest.incidents_table import lasted, opened
from lab.backtest.needs import names, wanted
from lab.policies.files import Policy, read_policies
from tests.lab.backtest.fleet_history import END, POLICIES, START, Lab

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.backtest.backtesting import Backtest
    from lab.prove.incidents import Incident

AT = "projects/shop-prod/locations/europe-west1/streams"
MINUTE = 60.0


def read(lab: Lab, policies: Sequence[Policy], start: float) -> History:
    """Read what some policies need from a moment on."""
    history = History(names(policies), "ops-prod")
    source = Source(lab.clients.monitoring, "ops-prod", Calls(), Event(), Progress())
    assert read_history(source, wanted(policies, start, END), history) == ()
    return history


def backtest(lab: Lab, policies: Sequence[Policy], start: float = START) -> Backtest:
    """Back-test from a moment on until the end of the history."""
    return Backtester(policies, read(lab, policies, start), Event()).run(start, END)


@pytest.fixture(scope="module")
def whole(lab: Lab, policies: tuple[Policy, ...]) -> Backtest:
    """Return what is found in all of the history."""
    return backtest(lab, policies)


def of(found: Iterable[Incident], policy: str, stream: str = "") -> Incident:
    """Return the one incident of a policy for a stream."""
    (incident,) = (
        each
        for each in found
        if each.policy == policy and each.about == (f"{AT}/{stream}" if stream else each.about)
    )
    return incident


def test_a_failure_is_found_at_its_minute(whole: Backtest) -> None:
    """FAILED at 40:00, seen at 40:05, a hold of a minute: it opens at 41:30, and closes in time."""
    incident = of(whole.incidents, "stream-failed", "orders")
    assert incident.opened == 41.5 * MINUTE
    assert incident.closed is not None
    assert 55 * MINUTE < incident.closed <= 55 * MINUTE + 35
    assert incident.labels["stream_id"] == "orders"
    assert incident.labels["project_id"] == "ops-prod"


def test_what_is_not_over_is_open(whole: Backtest) -> None:
    """PAUSED at 100:00 and for good, a hold of two minutes."""
    incident = of(whole.incidents, "stream-unexpected-state", "stock")
    assert (incident.opened, incident.closed) == (102.5 * MINUTE, None)
    assert lasted(incident) == "still open"


def test_a_delta_of_googles_own_counts(whole: Backtest) -> None:
    """Points of a DELTA are a counter that rises: dropped events page by the watched project."""
    incident = of(whole.incidents, "stream-unsupported-events", "orders")
    # Ends at 21:00, four minutes late; ten minutes after the last it is over.
    assert incident.opened == 25 * MINUTE
    assert incident.closed == 31.5 * MINUTE


def test_silence_is_told_and_pages(whole: Backtest) -> None:
    """No run from 70 to 79: the last one was at 69, the next at 80."""
    (gap,) = whole.gaps
    assert gap == ("datastream-exporter", START + 69 * MINUTE, START + 80 * MINUTE)
    assert 74 * MINUTE < of(whole.incidents, "exporter-silent").opened <= 75 * MINUTE


def test_nothing_else_pages(whole: Backtest, policies: tuple[Policy, ...]) -> None:
    """All others are quiet, or have nothing to be judged by."""
    assert sorted(each.policy for each in whole.incidents) == [
        "exporter-silent",
        "stream-failed",
        "stream-failed",
        "stream-unexpected-state",
        "stream-unsupported-events",
    ]
    unjudged = {each.policy.name: each.reason for each in whole.unjudged}
    assert unjudged["stream-changed"] == "looks at log entries, which are no metric"
    assert unjudged["exporter-executions-failing"] == (
        "there is no series of run.googleapis.com/job/completed_execution_count with "
        'job_name="datastream-exporter"'
    )
    assert len(unjudged) == 5
    assert len(whole.quiet) + len(unjudged) + 4 == len(policies)


def test_what_opened_before_is_open_at_the_beginning(
    lab: Lab, policies: tuple[Policy, ...]
) -> None:
    """What came before the days counts, and when it opened is not made up."""
    found = backtest(lab, policies, START + 50 * MINUTE)
    assert found.begins is None
    incident = of(found.incidents, "stream-failed", "orders")
    assert opened(incident, found) == "open at the beginning"
    assert lasted(incident) == "5m30s or more"


def test_a_hold_that_began_before_counts(lab: Lab, policies: tuple[Policy, ...]) -> None:
    """Failed half a minute before the start: it opens when it would have, not a hold later."""
    found = backtest(lab, policies, START + 41 * MINUTE)
    incident = of(found.incidents, "stream-failed", "orders")
    assert incident.opened == 0.5 * MINUTE


def test_days_before_the_history_are_left_out(lab: Lab, policies: tuple[Policy, ...]) -> None:
    """Where nothing was written yet, nobody is called silent or failing."""
    found = backtest(lab, policies, START - 600)
    assert (found.begins, found.start) == (START, START)
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


def test_many_parts_find_what_one_finds(
    lab: Lab, policies: tuple[Policy, ...], whole: Backtest
) -> None:
    """How much the engine is filled with at once changes nothing, at no seam."""
    progress = Parts()
    history = read(lab, policies, START)
    parted = Backtester(policies, history, Event(), progress, points_at_once=500).run(START, END)
    assert parted == whole
    assert len(progress.updates) > 5
    done, total = progress.updates[-1]
    assert done == total


def test_whoever_asks_to_stop_is_heard(lab: Lab, policies: tuple[Policy, ...]) -> None:
    """After that no engine is started."""
    stop = Event()
    stop.set()
    assert not Backtester(policies, read(lab, policies, START), stop).run(START, END).incidents


def variant(folder: Path, name: str, old: str, new: str) -> tuple[Policy, ...]:
    """Return a policy with a part of its file replaced."""
    shutil.copy(POLICIES / "streams-failing-together.yaml", folder)
    text = (POLICIES / f"{name}.yaml").read_text("utf-8")
    assert old in text
    (folder / f"{name}.yaml").write_text(text.replace(old, new), "utf-8")
    return tuple(each for each in read_policies(folder) if each.name == name)


def test_a_policy_that_was_changed_is_judged_as_it_stands(lab: Lab, tmp_path: Path) -> None:
    """The file decides: with a hold of ten minutes the same failure pages later."""
    found = backtest(lab, variant(tmp_path, "stream-failed", "duration: 60s", "duration: 600s"))
    assert of(found.incidents, "stream-failed", "orders").opened == 50.5 * MINUTE


def test_a_policy_that_is_switched_off_does_not_page(lab: Lab, tmp_path: Path) -> None:
    """The file says so, whatever its query finds."""
    found = backtest(
        lab, variant(tmp_path, "stream-failed", "combiner: OR", "combiner: OR\nenabled: false")
    )
    ((_, reason),) = found.unjudged
    assert reason == "is switched off in its file"
    assert not found.incidents


def test_a_query_that_the_engine_refuses_is_told(lab: Lab, tmp_path: Path) -> None:
    """One policy that can not be evaluated does not end the others."""
    changed = variant(tmp_path, "stream-missing", "location_last_read", "stream_state")
    ((_, reason),) = backtest(lab, changed).unjudged
    assert reason.startswith("Prometheus refuses the query: found duplicate series")


def test_a_metric_that_nobody_knows_is_told(lab: Lab, tmp_path: Path) -> None:
    """What its type is called does not follow from its name, so it is not read."""
    name = "custom_googleapis_com:shop_orders"
    old = "custom_googleapis_com:datastream_location_up"
    changed = variant(tmp_path, "location-unreadable", old, name)
    ((_, reason),) = backtest(lab, changed).unjudged
    assert reason == f"there is no series of {name}"


def test_a_distribution_is_read_once(tmp_path: Path) -> None:
    """Its several names are one metric, read as far back as any of them needs."""
    name, old = "datastream_googleapis_com:stream_latencies", "[3h]) == 3"
    more = f"unless on (location) rate({name}_sum[5h]) / rate({name}_count[1h]) > 9"
    changed = variant(tmp_path, "private-connection-failed", old, f"{old} {more}")
    read = wanted(changed, 100_000, 200_000)
    start = 100_000 - 5 * 3600 - 600
    assert read["datastream.googleapis.com/stream/latencies"] == Span(start, 200_000)
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
def test_gaps_are_longer_than_a_pause(times: list[float], found: list[tuple[float, float]]) -> None:
    """From the start to the first point, in between, and from the last one to the end."""
    assert gaps(times, 0, 1000, 300) == found
