"""Timelines: what is drawn of states and incidents, on a page that loads nothing."""

import re
from typing import TypeAlias
from xml.etree import ElementTree as ET

from exporter.steps.measure import NEVER_MISSING, metrics
from lab.policies.promql import promql_name
from lab.prove.incidents import Incident
from lab.simulate.series import Series
from lab.timeline.charts import MOST_ROWS, Chart, chart, page, picture
from lab.timeline.spans import Period, Spans
from tests.lab.policies.folders import POLICIES

AT = "projects/shop-prod/locations/europe-west1/streams"
HOUR = Period(1_767_571_200.0, 1_767_574_800.0)
MINUTE = 60.0
ByMinute: TypeAlias = dict[float, float]


def states(metric: str, by_minute: ByMinute, **labels: str) -> Series:
    """Return a series with values at minutes of the hour."""
    labels = {"namespace": "shop-prod", "location": "europe-west1"} | labels
    series = Series(promql_name(metrics()[metric].type), tuple(sorted(labels.items())))
    for minute, value in by_minute.items():
        time = HOUR.start + minute * MINUTE
        series.add(time, time, value)
    return series


def always(value: float, since: int = 0) -> ByMinute:
    """Return a value at each minute of the hour."""
    return dict.fromkeys(map(float, range(since, 60)), value)


def stream(id_: str, by_minute: ByMinute) -> Series:
    """Return the states of a stream."""
    return states("stream/state", by_minute, stream_id=id_)


def draw(*series: Series, incidents: tuple[Incident, ...] = ()) -> Chart:
    """Return the chart of an hour."""
    spans = Spans()
    spans.add(series)
    return chart(
        HOUR,
        spans,
        incidents,
        POLICIES.values(),
    )


def bars(drawn: Chart) -> list[tuple[str, float, float]]:
    """Return the spans of the last row: state, start and end in percent."""
    spans = drawn.rows[-1].spans
    return [(bar.text, bar.x, round(bar.x + bar.width, 1)) for bar in spans]


def test_a_state_lasts_to_the_next_one() -> None:
    """Each state has a bar; a state without a known name is drawn by its number."""
    values = always(2) | always(5, since=15) | always(42, since=30)
    assert bars(draw(stream("orders", values))) == [
        ("RUNNING", 0.0, 25.0),
        ("FAILED", 25.0, 50.0),
        ("state 42", 50.0, 100.0),
    ]


def test_silence_is_a_dead_exporter() -> None:
    """More than five minutes without a point are drawn as a dead exporter."""
    values = dict.fromkeys([0.0, 4.0, 8.0, 12.0, 57.0], 2.0)
    assert bars(draw(stream("orders", values))) == [
        ("RUNNING", 0.0, 20.0),
        ("exporter dead", 20.0, 95.0),
        ("RUNNING", 95.0, 100.0),
    ]


def test_a_stream_without_a_state_is_missing_unknown_or_not_watched() -> None:
    """A location's points tell whether a stream is missing or unknown."""
    read = dict.fromkeys(map(float, range(30)), 1.0)
    silent = read | dict.fromkeys(map(float, range(30, 42)), 0.0)
    drawn = draw(
        stream("orders", dict.fromkeys(map(float, range(6)), 2.0)),
        states("stream/last_seen", {6.0: NEVER_MISSING}, stream_id="orders"),
        states("location/up", silent),
        states("location/last_read", read),
        states("exporter/last_run", always(9), namespace="datastream-exporter"),
    )
    assert bars(drawn) == [
        ("RUNNING", 0.0, 10.0),
        ("not watched", 10.0, 11.7),
        ("missing", 11.67, 50.0),
        ("unknown", 50.0, 100.0),
    ]


def test_other_subjects_are_drawn_where_something_happens() -> None:
    """A location that is readable and an exporter that runs need no row."""
    vpn = {
        0.0: 3.0,
        15.0: 3.0,
        30.0: 2.0,
        45.0: 2.0,
    }
    drawn = draw(
        states("location/up", always(1)),
        states("exporter/last_run", always(9), namespace="datastream-exporter"),
        states("location/up", always(0), location="us-east1"),
        states("private_connection/state", vpn, private_connection_id="vpn"),
    )
    found = {row.name: [bar.text for bar in row.spans] for row in drawn.rows}
    assert found == {"us-east1": ["unreadable"], "vpn": ["FAILED", "CREATED"]}


def test_incidents_are_under_their_subject() -> None:
    """Each policy has a line with severity, times and number; the oldest come first."""
    drawn = draw(
        stream("stock", always(2)),
        stream("orders", always(2)),
        states("exporter/last_run", always(9), namespace="datastream-exporter"),
        incidents=(
            Incident(
                "stream-failed",
                f"{AT}/orders",
                {},
                0.0,
                5 * MINUTE,
            ),
            Incident(
                "stream-failed",
                f"{AT}/orders",
                {},
                12 * MINUTE,
                None,
            ),
            Incident(
                "stream-errors",
                f"{AT}/orders",
                {},
                20 * MINUTE,
                30.5 * MINUTE,
            ),
            Incident(
                "exporter-silent",
                "",
                {},
                30 * MINUTE,
                40 * MINUTE,
            ),
        ),
    )
    assert [row.name for row in drawn.rows] == [
        "orders",
        "datastream-exporter",
        "stock",
    ]
    failed, errors = drawn.rows[0].incidents
    assert failed.text == "stream-failed (2) before the start → still open"
    assert (failed.severity, len(failed.bars)) == ("critical", 2)
    assert errors.text == "stream-errors 20m → 30m30s"
    assert (errors.severity, len(errors.bars)) == ("warning", 1)


def test_streams_that_look_alike_share_a_row() -> None:
    """Streams that look alike share a row, and rows that do not fit are counted."""
    alike = [stream(f"s{number:03}", always(2)) for number in range(500)]
    (row,) = draw(*alike).rows
    assert (row.name, row.place) == (
        "s000",
        "europe-west1 · shop-prod · and 499 more like it",
    )
    different = [stream(f"s{number}", always(2, since=number)) for number in range(50)]
    drawn = draw(*different)
    assert (len(drawn.rows), drawn.notes) == (MOST_ROWS, ["10 more rows not drawn."])


def test_names_are_no_markup() -> None:
    """Names are text on the page, and the picture is well-formed XML."""
    drawn = draw(stream("<script>&\x1b", always(2)))
    assert "<script" not in page("<b>", "<i>", [drawn])
    root = ET.fromstring(picture(drawn))  # noqa: S314 - our own
    assert "<script>&\\x1b" in "".join(root.itertext())


def test_the_picture_needs_no_style_sheet() -> None:
    """Each shape has its colour in the picture, and narrow bars have labels below."""
    values = always(2) | always(6, since=57)
    root = ET.fromstring(picture(draw(stream("orders", values))))  # noqa: S314 - our own
    drawn = [each for each in root.iter() if each.tag.endswith(("}rect", "}text"))]
    for each in drawn:
        assert re.match(r"#\w{6}|url\(#\w+\)", each.attrib["fill"])
    (label, _) = [each for each in drawn if each.text == "FAILED_PERMANENTLY"]
    assert (label.get("text-anchor"), label.get("x")) == ("end", "100.0%")


def test_dates_have_a_year_and_a_zone() -> None:
    """A back-test's times are in UTC, and the last label ends at the edge."""
    drawn = chart(
        HOUR,
        Spans(),
        (),
        (),
        dated=True,
    )
    end = 'text-anchor="end" x="100.0%" y="12">2026-01-05 01:00Z'
    assert end in page("Back-test", "", [drawn])
