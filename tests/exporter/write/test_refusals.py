"""What a refused CreateTimeSeries says of each point, in every wording that was ever seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.write.partial_write import PartialWrite, parse_partial_write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.exporter.write.conftest import ErrorOf, StatusOf

HEAD = "One or more TimeSeries could not be written: "
ORDER = (
    "Points must be written in order. One or more of the points specified had an older end time"
    " than the most recent point."
)
OFTEN = (
    "One or more points were written more frequently than the maximum sampling period configured"
    " for the metric."
)
INTERNAL = (
    "Internal error encountered. Please retry after a few seconds. If internal errors persist,"
    " contact support at https://cloud.google.com/support/docs."
)
TWICE = (
    "Field timeSeries[{0}] had an invalid value: Duplicate TimeSeries encountered. Only one point"
    " can be written per TimeSeries per request."
)
NODE = "generic_node{location:europe-west1,namespace:shop-prod,node_id:orders}"
STATE = "custom.googleapis.com/datastream/stream/state"
TIMES = (
    " {Metric: custom.googleapis.com/datastream/stream/state, Timestamps: {Youngest Existing:"
    " '2026/01/01-00:00:02.000', New: '2026/01/01-00:00:04.000'}}"
)
NEWER = (
    "timeSeries[0-2,5] (example metric.type="
    f'"{STATE}", metric.labels={{"stream_id": "orders"}}): write for resource={NODE} failed with: '
)


def _counts(refusal: PartialWrite) -> tuple[int, int, int, Mapping[int, bool] | None]:
    return refusal.refused, refusal.late, refusal.transient, refusal.named


LATE_AND_NAMED: list[tuple[str, str, set[int]]] = [
    ("named at the end", f"{HEAD}{ORDER}: timeSeries[0]", {0}),
    ("a range", f"{HEAD}{OFTEN}{TIMES}: timeSeries[0-3]", {0, 1, 2, 3}),
    ("ranges and numbers", f"{HEAD}{OFTEN}: timeSeries[0,2-3, 5 - 6]", {0, 2, 3, 5, 6}),
    (
        "a segment a series",
        f"{HEAD}{OFTEN}: global{{}} timeSeries[4]: {STATE}{{}}; {OFTEN}: global{{}} timeSeries[6]",
        {4, 6},
    ),
    ("on lines of their own", f"{HEAD}\n{OFTEN}: timeSeries[4];\n{ORDER}: timeSeries[6]", {4, 6}),
    ("resource before, metric behind", f"{HEAD}{ORDER}: {NODE} timeSeries[1]: {STATE}{{}}", {1}),
    ("the newer wording", f"{HEAD}{NEWER}{OFTEN}{TIMES}", {0, 1, 2, 5}),
    ("newer, several", f"{HEAD}{NEWER}{OFTEN}{TIMES}; {NEWER}{ORDER}{TIMES}", {0, 1, 2, 5}),
    ("a bare semicolon", f"{HEAD}{OFTEN}: timeSeries[4];{ORDER}: timeSeries[6]", {4, 6}),
    ("no head", f"{ORDER}: timeSeries[7]", {7}),
    ("start time", f"{HEAD}{ORDER.replace('end time', 'start time')}: timeSeries[3]", {3}),
]


@pytest.mark.parametrize(("_name", "text", "indexes"), LATE_AND_NAMED)
def test_late_points_are_known_by_their_index(
    _name: str, text: str, indexes: set[int], status_of: StatusOf, error_of: ErrorOf
) -> None:
    """Whichever way a text names points that came too late, they are late and nothing is lost."""
    many = len(indexes)
    errors = [("INVALID_ARGUMENT", many)]
    error = error_of(status_of("INVALID_ARGUMENT", text, written=200 - many, of=200, errors=errors))
    assert _counts(parse_partial_write(error, 200)) == (many, many, 0, dict.fromkeys(indexes, True))


REFUSED: list[tuple[str, str, dict[int, bool]]] = [
    ("a duplicate", f"{HEAD}{TWICE.format(8)}: timeSeries[8]", {8: False}),
    ("duplicates", f"{HEAD}{TWICE.format(8)}; {TWICE.format(9)}", {8: False, 9: False}),
    ("unknown", f"{HEAD}Unknown metric: {STATE}: timeSeries[45]", {45: False}),
    (
        "late and unknown",
        f"{HEAD}{ORDER}: timeSeries[0-1]; Unknown metric: {STATE}: timeSeries[45]",
        {0: True, 1: True, 45: False},
    ),
    (
        "late and unknown, a bare semicolon between",
        f"{HEAD}{ORDER}: timeSeries[0];Unknown metric: {STATE}: timeSeries[45]",
        {0: True, 45: False},
    ),
    (
        "late, and refused for another reason as well",
        f"{HEAD}{TWICE.format(3)}: timeSeries[3]; {ORDER}: timeSeries[3]",
        {3: False},
    ),
]


@pytest.mark.parametrize(("_name", "text", "named"), REFUSED)
def test_each_named_point_has_its_own_reason(
    _name: str, text: str, named: dict[int, bool], status_of: StatusOf, error_of: ErrorOf
) -> None:
    """A point is late if every reason that names it is that it came too late."""
    errors = [("INVALID_ARGUMENT", len(named))]
    status = status_of("INVALID_ARGUMENT", text, written=200 - len(named), of=200, errors=errors)
    assert _counts(parse_partial_write(error_of(status), 200)) == (
        len(named),
        sum(named.values()),
        0,
        named,
    )


def test_a_mixed_answer_tells_late_points_from_those_to_be_sent_again(
    status_of: StatusOf, error_of: ErrorOf
) -> None:
    """Named as late: late; the summary's transient codes: to be sent again; the rest: final."""
    text = (
        f"{HEAD}{ORDER}: timeSeries[0-1]; {INTERNAL}: timeSeries[155-161,163-199];"
        " Unknown metric: x: timeSeries[162]"
    )
    errors = [("INTERNAL", 44), ("FAILED_PRECONDITION", 2), ("INVALID_ARGUMENT", 1)]
    error = error_of(status_of("INTERNAL", text, written=153, of=200, errors=errors))
    partial_write = parse_partial_write(error, 200)
    assert (partial_write.refused, partial_write.late, partial_write.transient) == (47, 2, 44)
    assert partial_write.unwritten == 45
    assert partial_write.named is not None
    assert [index for index, late in partial_write.named.items() if late] == [0, 1]


@pytest.mark.parametrize(
    "code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED"]
)
def test_a_transient_code_without_a_summary_is_of_every_point(
    code: str, status_of: StatusOf, error_of: ErrorOf
) -> None:
    """Nothing is known of the effect, so all points are to be sent again, whatever is named."""
    error = error_of(status_of(code, f"{HEAD}{OFTEN}: timeSeries[0]"))
    assert _counts(parse_partial_write(error, 7)) == (7, 0, 7, None)


def test_a_transient_code_with_a_summary_without_errors_is_of_its_refused_points(
    status_of: StatusOf, error_of: ErrorOf
) -> None:
    """The counts say how many points are to be sent again."""
    error = error_of(status_of("UNAVAILABLE", "Try again.", written=5, of=7))
    assert _counts(parse_partial_write(error, 7)) == (2, 0, 2, None)


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "PERMISSION_DENIED", "NOT_FOUND"])
def test_a_final_code_without_a_summary_refuses_every_point(
    code: str, status_of: StatusOf, error_of: ErrorOf
) -> None:
    """None of the points was written, and none will be."""
    error = error_of(status_of(code, "Name must begin with 'projects/{project_id}'."))
    assert _counts(parse_partial_write(error, 7)) == (7, 0, 0, None)


def test_the_summary_s_own_texts_are_read(status_of: StatusOf, error_of: ErrorOf) -> None:
    """Where the summary says why, in place of the message, its reasons count."""
    late = status_of(
        "INVALID_ARGUMENT",
        "Partial failure.",
        written=5,
        of=7,
        errors=[("INVALID_ARGUMENT", 1, ORDER), ("INVALID_ARGUMENT", 1, OFTEN)],
    )
    other = status_of(
        "INVALID_ARGUMENT",
        "Partial failure.",
        written=5,
        of=7,
        errors=[("INVALID_ARGUMENT", 1, ORDER), ("INVALID_ARGUMENT", 1, "Unknown metric.")],
    )
    assert _counts(parse_partial_write(error_of(late), 7)) == (2, 2, 0, None)
    assert _counts(parse_partial_write(error_of(other), 7)) == (2, 0, 0, None)


def test_late_without_names_is_late(status_of: StatusOf, error_of: ErrorOf) -> None:
    """A text that gives no reason but lateness, and names nothing, is of all that were refused."""
    error = error_of(status_of("INVALID_ARGUMENT", f"{HEAD}{ORDER}", written=5, of=7))
    assert _counts(parse_partial_write(error, 7)) == (2, 2, 0, None)
    error = error_of(status_of("INVALID_ARGUMENT", f"{HEAD}{ORDER}"))
    assert _counts(parse_partial_write(error, 7)) == (7, 7, 0, None)


def test_no_reason_is_no_lateness(status_of: StatusOf, error_of: ErrorOf) -> None:
    """Where a refusal names neither series nor reason, its points are not written by anybody."""
    status = status_of(
        "INVALID_ARGUMENT",
        "One or more TimeSeries could not be written",
        written=5,
        of=7,
        errors=[("FAILED_PRECONDITION", 2)],
    )
    assert _counts(parse_partial_write(error_of(status), 7)) == (2, 0, 0, None)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (f"{HEAD}{ORDER}: timeSeries[0-1]", 4),
        (f"{HEAD}{ORDER}: timeSeries[0-1]; {ORDER}: timeSeries[7]", 4),
        (f"{HEAD}{ORDER}: timeSeries[3-1]", 6),
        (f"{HEAD}{ORDER}: timeSeries[0-]", 6),
        (f"{HEAD}{ORDER}: timeSeries[,]", 6),
        (f"{HEAD}{ORDER}: timeSeries[0-999999999]", 6),
        (f"{HEAD}{ORDER}: timeSeries[{'9' * 5000}]", 6),
        (f"{HEAD}{ORDER}: timeSeries[٣]", 6),
        (f"{HEAD}{ORDER}: timeSeries[-1]", 6),
    ],
)
def test_names_that_contradict_the_count_are_no_names(
    text: str, written: int, status_of: StatusOf, error_of: ErrorOf
) -> None:
    """The count holds; which series it was is then unknown."""
    partial_write = parse_partial_write(
        error_of(status_of("INVALID_ARGUMENT", text, written=written, of=7)), 7
    )
    assert _counts(partial_write) == (7 - written, 7 - written, 0, None)


@pytest.mark.parametrize(
    ("written", "of"), [(0, 0), (7, 7), (9, 7), (0, 9), (1, 3), (-1, 7), (-(2**31), 2**31 - 1)]
)
def test_a_summary_that_contradicts_itself_or_the_request_says_nothing(
    written: int, of: int, status_of: StatusOf, error_of: ErrorOf
) -> None:
    """Every point counts as refused then."""
    error = error_of(status_of("INVALID_ARGUMENT", "Refused.", written=written, of=of))
    assert _counts(parse_partial_write(error, 7)) == (7, 0, 0, None)


def test_what_is_late_is_not_sent_again(status_of: StatusOf, error_of: ErrorOf) -> None:
    """A point that the text names as late is late, whatever the summary counts it as."""
    errors = [("INTERNAL", 5)]
    text = f"{HEAD}{ORDER}: timeSeries[0-1]; {INTERNAL}: timeSeries[2-4]"
    error = error_of(status_of("INTERNAL", text, written=2, of=7, errors=errors))
    refusal = parse_partial_write(error, 7)
    assert (refusal.refused, refusal.late, refusal.transient) == (5, 2, 3)


@pytest.mark.parametrize(("text", "older"), [(OFTEN, True), (ORDER, False), (INTERNAL, False)])
def test_a_point_that_is_seconds_older_may_be_the_reason(
    text: str, *, older: bool, status_of: StatusOf, error_of: ErrorOf
) -> None:
    """Only where points come too often: what is out of order meets a point that is not older."""
    error = error_of(status_of("INVALID_ARGUMENT", f"{HEAD}{text}: timeSeries[0]", written=6, of=7))
    assert parse_partial_write(error, 7).older is older
    assert not parse_partial_write(error_of(status_of("UNAVAILABLE", text)), 7).older


def test_series_that_moved_elsewhere_are_no_longer_refused(
    status_of: StatusOf, error_of: ErrorOf
) -> None:
    """What is left of a refusal: fewer points, and the names of the others."""
    unknown = "Unrecognized region or location"
    text = f"{HEAD}{unknown}: timeSeries[1,4]; {ORDER}: timeSeries[0]; {TWICE}: timeSeries[5]"
    error = error_of(status_of("INVALID_ARGUMENT", text, written=3, of=7))
    refusal = parse_partial_write(error, 7)
    assert refusal.unknown_locations == {1, 4}
    rest = refusal.without(refusal.unknown_locations)
    assert _counts(rest) == (2, 1, 0, {0: True, 5: False})
    assert rest.unwritten == 1


reasons = st.sampled_from([ORDER, OFTEN, INTERNAL, TWICE, "Unknown metric", HEAD, NODE, TIMES])
indexes = st.from_regex(r"timeSeries\[[0-9,\s\-٣²]{0,12}\]", fullmatch=True)
texts = st.lists(
    st.one_of(reasons, indexes, st.sampled_from(["; ", ";\n", "\n", ": "]), st.text(max_size=5))
).map("".join)
codes = st.sampled_from(["OK", "UNAVAILABLE", "INTERNAL", "INVALID_ARGUMENT", "UNKNOWN"])
counts = st.integers(-3, 210) | st.integers(-(2**31), 2**31 - 1)


@settings(max_examples=300)
@given(
    code=codes.filter(lambda code: code != "OK"),
    text=texts,
    summary=st.fixed_dictionaries(
        {
            "written": st.none() | counts,
            "of": counts,
            "errors": st.lists(st.tuples(codes, counts, texts), max_size=3),
        }
    ),
    sent=st.integers(1, 200),
)
def test_any_answer_can_be_read(
    code: str,
    text: str,
    summary: dict[str, Any],
    sent: int,
    status_of: StatusOf,
    error_of: ErrorOf,
) -> None:
    """No answer raises; what is read of it never counts more points than were sent."""
    partial_write = parse_partial_write(error_of(status_of(code, text, **summary)), sent)
    assert 0 < partial_write.refused <= sent
    assert 0 <= partial_write.late <= partial_write.refused
    assert 0 <= partial_write.transient <= partial_write.unwritten
    if partial_write.named is not None:
        assert len(partial_write.named) == partial_write.refused
        assert sum(partial_write.named.values()) == partial_write.late
        assert set(partial_write.named) <= set(range(sent))
