"""Timelines: what is drawn of states and incidents, on a page that loads nothing."""

from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree as ET

from exporter.steps.measure import NEVER_MISSING, metrics
from lab.policies.promql import promql_name
from lab.prove.incidents import Incident
from lab.simulate.series import Series
from lab.timeline.charts import MOST_ROWS, Chart, chart, picture, write_page
from lab.timeline.spans import Period, Spans
from tests.lab.policies.folders import POLICIES

AT = "projects/shop-prod/locations/europe-west1/streams"
HOUR = Period(1_767_571_200.0, 1_767_574_800.0)
MINUTE = 60.0
ByMinute: TypeAlias = dict[float, float]


def states(metric: str, by_minute: ByMinute, **labels: str) -> Series:
    """Return a series with values at minutes of the hour."""
    labels = {"namespace": "shop-prod", "location": "europe-west1"} | labels
    name = promql_name(metrics()[metric].type)
    series = Series(name, tuple(sorted(labels.items())))
    for minute, value in by_minute.items():
        time = HOUR.start + minute * MINUTE
        series.add(time, time, value)
    return series


def always(value: float, since: int = 0, until: int = 60) -> ByMinute:
    """Return a value at each minute of the hour, or of a part of it."""
    return dict.fromkeys(map(float, range(since, until)), value)


def stream(id_: str, by_minute: ByMinute) -> Series:
    """Return the states of a stream."""
    return states("stream/state", by_minute, stream_id=id_)


def exporter(name: str, *minutes: int) -> Series:
    """Return the runs of an exporter at these minutes."""
    return states("exporter/last_run", dict.fromkeys(minutes, 9.0), namespace=name)


def draw(*series: Series, incidents: tuple[Incident, ...] = ()) -> Chart:
    """Return the chart of an hour."""
    spans = Spans()
    spans.add(series)
    return chart(HOUR, spans, incidents, POLICIES.values())


def bars(drawn: Chart) -> list[tuple[str, float, float]]:
    """Return the spans of the last row: state, start and end in percent."""
    found = []
    for bar in drawn.rows[-1].spans:
        end = round(bar.x + bar.width, 1)
        found.append((bar.text, bar.x, end))
    return found


def test_a_history_that_begins_now_is_drawn() -> None:
    """A period without length has an axis, as right after an exporter's first run."""
    spans = Spans()
    spans.add([stream("orders", always(2))])
    now = Period(HOUR.start, HOUR.start)
    (row,) = chart(now, spans, (), POLICIES.values()).rows
    assert [bar.text for bar in row.spans] == ["RUNNING"]


def test_a_state_lasts_to_the_next_one() -> None:
    """Each state has a bar, and a pause another one when it is not expected."""
    values = always(2) | always(3, since=15) | always(42, since=45)
    expected = states(
        "stream/expected", always(1) | always(0, since=30), stream_id="orders"
    )
    assert bars(draw(stream("orders", values), expected)) == [
        ("RUNNING", 0.0, 25.0),
        ("PAUSED, expected", 25.0, 50.0),
        ("PAUSED", 50.0, 75.0),
        ("state 42", 75.0, 100.0),
    ]


def test_silence_is_a_dead_exporter() -> None:
    """A dead exporter has its name, and is dead since it was last heard everywhere."""
    values = dict.fromkeys([0.0, 4.0, 8.0, 12.0, 57.0], 2.0)
    drawn = draw(
        exporter("shop", *range(16), 57, 58, 59),
        exporter("bank", *range(60)),
        stream("orders", values),
    )
    assert bars(drawn) == [
        ("RUNNING", 0.0, 25.0),
        ("shop dead", 25.0, 95.0),
        ("RUNNING", 95.0, 100.0),
    ]


def test_a_stream_without_a_state_is_missing_unknown_or_not_watched() -> None:
    """A location's points tell whether a stream is missing or unknown."""
    read = always(1, until=30)
    unread = always(0, since=30, until=42)
    drawn = draw(
        stream("orders", always(2, until=6)),
        states("stream/last_seen", {6.0: NEVER_MISSING}, stream_id="orders"),
        states("location/up", read | unread),
        states("location/last_read", read),
        exporter("datastream-exporter", *range(60)),
    )
    assert bars(drawn) == [
        ("RUNNING", 0.0, 10.0),
        ("not watched", 10.0, 11.7),
        ("missing", 11.67, 50.0),
        ("unknown", 50.0, 100.0),
    ]


def test_other_subjects_are_drawn_where_something_happens() -> None:
    """A location that is readable and an exporter that runs need no row."""
    drawn = draw(
        states("location/up", always(1)),
        exporter("datastream-exporter", *range(60)),
        states("location/up", always(0), location="us-east1"),
    )
    (row,) = drawn.rows
    assert [bar.text for bar in row.spans] == ["unreadable"]


def incident(
    policy: str, opened: float, closed: float | None, about: str = f"{AT}/orders"
) -> Incident:
    """Return an incident, with its times in minutes."""
    closes = None if closed is None else closed * MINUTE
    return Incident(policy, about, {}, opened * MINUTE, closes)


def test_incidents_are_under_their_subject() -> None:
    """Each policy has a line with severity, times and number; the oldest come first."""
    drawn = draw(
        stream("stock", always(2)),
        stream("orders", always(2)),
        exporter("datastream-exporter", *range(60)),
        incidents=(
            incident("stream-failed", 0, 5),
            incident("stream-failed", 12, None),
            incident("stream-errors", 20, 30.5),
            incident("exporter-silent", 30, 40, about="every exporter"),
        ),
    )
    names = [row.name for row in drawn.rows]
    assert names == [f"{AT}/orders", "exporters/datastream-exporter", f"{AT}/stock"]
    failed, errors = drawn.rows[0].incidents
    assert failed.text == "stream-failed (2) before the start → still open"
    assert failed.severity == "CRITICAL"
    assert len(failed.bars) == 2
    assert errors.text == "stream-errors 00:20Z → 00:30Z"
    assert errors.severity == "ERROR"
    assert len(errors.bars) == 1


def test_streams_that_look_alike_share_a_row() -> None:
    """Streams that look alike share a row, and rows that do not fit are counted."""
    alike = [stream(f"s{number:03}", always(2)) for number in range(500)]
    (row,) = draw(*alike).rows
    assert row.name == f"{AT}/s000"
    assert row.more == 499
    different = [stream(f"s{number}", always(2, since=number)) for number in range(50)]
    drawn = draw(*different)
    assert len(drawn.rows) == MOST_ROWS
    assert drawn.left_out == 10


def test_names_are_no_markup(tmp_path: Path) -> None:
    """Names are text on the page, and the picture is well-formed XML."""
    drawn = draw(stream("<script>&\x1b", always(2)))
    hour = {"from": "2026-01-05T00:00:00Z", "until": "2026-01-05T01:00:00Z"}
    found = {"incidents": [], "quiet": [], "not_evaluated": {}, **hour}
    write_page(tmp_path / "page", "<b>", "<i>", drawn, found)
    assert "<script" not in (tmp_path / "page").read_text("utf-8")
    root = ET.fromstring(picture(drawn, "<b>"))  # noqa: S314 - our own
    assert "<script>&\\x1b" in "".join(root.itertext())
