"""Timelines: which subjects and marks are drawn, and where."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from exporter import measure as samples
from exporter.states import StreamState
from lab.prove.comparison import Outcome
from lab.report.marks import ExpectedWindow, IncidentMark
from lab.report.subjects import EXPORTER, SubjectKind
from lab.report.timeline import MOST_TRACKS, drawn_phase
from tests.lab.report import drawn
from tests.lab.report.drawn import AT, ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.report.marks import PolicyRow, Timeline, Track

LASTS = 1200


def track(timeline: Timeline, short: str) -> Track:
    """Return a subject's track."""
    (found,) = (each for each in timeline.tracks if each.subject.short == short)
    return found


def row(of: Track, policy: str) -> PolicyRow:
    """Return a policy's row."""
    (found,) = (each for each in of.policies if each.policy == policy)
    return found


def spans(timeline: Timeline) -> Iterator[tuple[float, float]]:
    """Yield where each mark begins and ends."""
    for each in timeline.tracks:
        yield from ((one.begin, one.end) for states in each.states for one in states.intervals)
        yield from ((point.at, point.at) for row in each.points for point in row.points)
        yield from ((gap.begin, gap.end) for row in each.points for gap in row.gaps)
        for policy in each.policies:
            yield from ((one.begin, one.fires) for one in policy.intervals)
            yield from ((one.fires, one.end) for one in policy.intervals)
            yield from ((window.begin, window.end) for window in policy.windows)
            yield from ((page.begin, page.end) for page in policy.incidents)
            yield from ((at, at) for at in policy.log_entries)
    yield from ((tick.at, tick.at) for tick in timeline.ticks)
    yield from ((event.at, event.at) for event in timeline.events)


def test_a_failing_stream_has_all_marks() -> None:
    """State, points, condition, expected windows and incident are drawn at their times."""
    _, timeline = drawn.heals()
    orders = track(timeline, "orders")
    assert [(one.begin, one.end, one.text) for one in orders.states[0].intervals] == [
        (0, 300, "RUNNING"),
        (300, 720, "FAILED"),
        (720, 1200, "RUNNING"),
    ]
    shapes = {point.at: point.shape for point in orders.points[0].points}
    assert shapes[250] == "plain"
    assert shapes[310] == "failed"
    assert orders.points[0].gaps == ()
    failed = row(orders, "stream-failed")
    assert [*failed.intervals] == [(330, 390, 750)]
    assert failed.windows == (
        ExpectedWindow(360, 480, closes=False),
        ExpectedWindow(720, 900, closes=True),
    )
    assert failed.incidents == (IncidentMark(390, 750, open=False, outcome=Outcome.RIGHT),)
    assert failed.wrong == ()
    assert [event.at for event in timeline.events] == [300, 720]


def test_missed_and_extra_incidents_are_drawn() -> None:
    """A missed one is drawn on its stream, with its window and no incident."""
    _, timeline = drawn.hostile()
    missing = row(track(timeline, "stock"), "stream-missing")
    assert missing.wrong == ("missed",)
    assert missing.incidents == ()
    assert missing.windows == (ExpectedWindow(0, 600, closes=False),)
    extra = row(track(timeline, "orders"), "stream-lagging")
    assert extra.wrong == ("extra",)
    assert [(page.begin, page.end, page.open) for page in extra.incidents] == [(600, LASTS, True)]


def test_a_quiet_scenario_draws_one_stream() -> None:
    """Without incidents the first stream is drawn, without policies."""
    _, timeline = drawn.quiet()
    (only,) = timeline.tracks
    assert only.subject.short == "orders"
    assert only.policies == ()
    assert timeline.events == ()


def test_unread_locations_and_missing_runs_are_drawn() -> None:
    """An unread location has points of its own shape, a stopped exporter has a gap."""
    _, timeline = drawn.out_of_reach()
    project = track(timeline, "shop-prod")
    assert {point.shape for point in project.points[0].points if point.at >= 120} == {"unread"}
    (exporter,) = (each for each in timeline.tracks if each.subject == EXPORTER)
    assert [one.text for one in exporter.states[0].intervals] == [
        "every 1m",
        "not running",
        "every 1m",
    ]
    (gap,) = exporter.points[0].gaps
    assert gap.begin < 1201
    assert gap.end > 1800
    orders = track(timeline, "orders")
    assert {point.text for point in orders.points[0].points} == {"not readable"}


def test_similar_streams_share_a_track() -> None:
    """Of twelve streams that fail together one is drawn; its track names the others."""
    _, timeline = drawn.many()
    assert [each.subject.short for each in timeline.tracks] == ["europe-west1", "orders-1"]
    orders = timeline.tracks[1]
    assert {each.short for each in orders.similar} == {
        f"orders-{number}" for number in range(2, 13)
    }
    assert row(orders, "stream-activity-errors").log_entries == (300,)
    assert timeline.hidden == 0


def test_the_number_of_tracks_is_limited() -> None:
    """Further subjects are counted; tracks with a wrong outcome come first."""
    events = [
        {"at": 60 * number, "stream": f"orders-{number}", "do": "set_state", "state": "PAUSED"}
        for number in range(1, 11)
    ]
    result = drawn.scenario_result(
        drawn.scenario(*events, streams=12), [("stream-stuck", f"{AT}/streams/orders-9", 900, None)]
    )
    timeline = drawn.timeline(result)
    assert len(timeline.tracks) == MOST_TRACKS
    assert timeline.hidden == 10 - MOST_TRACKS
    assert timeline.tracks[0].subject.short == "orders-9"


def test_the_first_wrong_phase_is_drawn() -> None:
    """If all phases are right, the first one is drawn."""
    wrong, _ = drawn.hostile()
    assert drawn_phase(wrong) == 0
    late = [each for each in wrong.results if each.phase == 15]
    right, _ = drawn.heals()
    both = replace(right, results=(*right.results, *late))
    assert drawn_phase(both) == 15
    assert drawn_phase(right) == 0


def test_a_briefly_true_condition_is_left_out() -> None:
    """A condition gets a row if it is true for more than half of its retest window."""
    result = drawn.scenario_result(drawn.scenario())
    hardly = drawn.timeline(
        result, drawn.true_condition("stream-unexpected-state", ORDERS, (300, 330))
    )
    assert track(hardly, "orders").policies == ()
    nearly = drawn.timeline(result, drawn.true_condition("stream-stalled", ORDERS, (300, 800)))
    assert row(track(nearly, "orders"), "stream-stalled").incidents == ()


def test_an_unknown_state_has_its_own_style() -> None:
    """A number that the client doesn't know is neither healthy nor failed."""
    event = {"at": 300, "stream": "orders", "do": "set_state", "state": 9}
    result = drawn.scenario_result(
        drawn.scenario(event), series=[drawn.points(samples.STATE, ORDERS, {310: 9, 370: 3})]
    )
    orders = track(drawn.timeline(result), "orders")
    assert [(one.style, one.text) for one in orders.states[0].intervals][-1] == ("odd", "state 9")
    assert [point.text for point in orders.points[0].points] == ["state 9", StreamState.PAUSED.name]


MOMENTS = st.integers(0, LASTS)
NAMES = st.sampled_from(
    [ORDERS, f"{AT}/streams/stock", AT, "projects/shop-prod", "exporters/a", ""]
)
METRICS = sorted(name for name, policy in drawn.POLICIES.items() if not policy.is_log)


@st.composite
def incidents(draw: st.DrawFn) -> drawn.Paged:
    """Return an incident within the scenario."""
    opened = draw(MOMENTS)
    closed = draw(st.none() | st.integers(opened, LASTS))
    return draw(st.sampled_from(METRICS)), draw(NAMES), opened, closed


@st.composite
def expectations(draw: st.DrawFn) -> dict[str, object]:
    """Return an expected alert that opens within the scenario, and closes at any time."""
    after, by = sorted((draw(MOMENTS), draw(MOMENTS)))
    wanted: dict[str, object] = {
        "policy": draw(st.sampled_from(METRICS)),
        "of": draw(st.sampled_from(["*", "orders", "stock", "europe-west1"])),
        "opens": {"after": after, "by": by},
    }
    if draw(st.booleans()):
        wanted["closes"] = {"after": by, "by": by + draw(st.integers(0, 2 * LASTS))}
    return wanted


@st.composite
def events(draw: st.DrawFn) -> dict[str, object]:
    """Return an event of a stream, perhaps after the end."""
    what = draw(st.sampled_from(["fail", "heal", "delete", "appear", "pause", "stall"]))
    more: dict[str, object] = {}
    if what in {"fail", "pause"}:
        more = {"reason": "DOWN"} if what == "fail" else {"draining": 60}
    return {
        "at": draw(st.integers(0, 2 * LASTS)),
        "stream": draw(st.sampled_from(["orders", "stock", "*"])),
        "do": what,
        **more,
    }


@given(
    st.lists(incidents(), max_size=6),
    st.lists(expectations(), max_size=4),
    st.lists(events(), max_size=6),
    st.lists(MOMENTS, unique=True, max_size=8),
)
def test_marks_are_within_the_scenario_and_in_order(
    paged: list[drawn.Paged],
    expected: list[dict[str, object]],
    happens: list[dict[str, object]],
    sampled: list[int],
) -> None:
    """No mark is outside, ends before it begins, or gets lost."""
    of = drawn.scenario(*happens, expect=expected)
    states = dict.fromkeys(sorted(sampled), float(StreamState.RUNNING))
    result = drawn.scenario_result(of, paged, [drawn.points(samples.STATE, ORDERS, states)])
    timeline = drawn.timeline(result)

    assert all(0 <= begin <= end <= LASTS for begin, end in spans(timeline))
    for each in timeline.tracks:
        for states_of in each.states:
            stretches = states_of.intervals
            assert (stretches[0].begin, stretches[-1].end) == (0, LASTS)
            assert all(one.end == other.begin for one, other in pairwise(stretches))
            assert all(one[2:] != other[2:] for one, other in pairwise(stretches))
        for policy in each.policies:
            assert [*policy.incidents] == sorted(policy.incidents)
    assert [event.number for event in timeline.events] == [*range(1, len(timeline.events) + 1)]
    assert [event.at for event in timeline.events] == sorted(
        {event.at for event in timeline.events}
    )
    if not timeline.hidden:
        rows = [row for each in timeline.tracks for row in each.policies]
        alike = sum(len(each.similar) * len(each.policies) for each in timeline.tracks)
        assert sum(len(row.incidents) for row in rows) + alike >= len(paged)
        wrong = any(row.wrong for row in rows)
        assert wrong or result.passed


@given(MOMENTS, MOMENTS)
def test_location_and_stream_have_separate_tracks(at: int, other: int) -> None:
    """An incident about a location isn't drawn on its streams."""
    result = drawn.scenario_result(
        drawn.scenario(),
        [("stream-failed", ORDERS, at, None), ("streams-failing-together", AT, other, None)],
    )
    kinds = {each.subject.kind for each in drawn.timeline(result).tracks}
    assert kinds == {SubjectKind.STREAM, SubjectKind.LOCATION}
