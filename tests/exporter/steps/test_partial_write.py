"""What a refused CreateTimeSeries says of its points, in every known wording."""

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from google.api_core import exceptions

from exporter.steps.partial_write import PartialWrite, parse_partial_write
from tests.exporter.worlds import refusal
from tests.tables import rows

HEAD = "One or more TimeSeries could not be written: "
ORDER = (
    "Points must be written in order. One or more of the points specified had an older"
    " end time than the most recent point."
)
OFTEN = (
    "One or more points were written more frequently than the maximum sampling period"
    " configured for the metric."
)
INTERNAL = (
    "Internal error encountered. Please retry after a few seconds. If internal errors"
    " persist, contact support at https://cloud.google.com/support/docs."
)
TWICE = (
    "Field timeSeries[8] had an invalid value: Duplicate TimeSeries encountered. Only"
    " one point can be written per TimeSeries per request."
)
NODE = "generic_node{location:europe-west1,namespace:shop-prod,node_id:orders}"
STATE = "custom.googleapis.com/datastream/stream/state"
TIMES = (
    f" {{Metric: {STATE}, Timestamps: {{Youngest Existing: '2026/01/01-00:00:02.000',"
    " New: '2026/01/01-00:00:04.000'}}"
)
NEWER = (
    f'timeSeries[0-2,5] (example metric.type="{STATE}", metric.labels={{"stream_id":'
    f' "orders"}}): write for resource={NODE} failed with: '
)
INVALID = "INVALID_ARGUMENT"


def parsed(code: str, text: str, sent: int = 7, **summary: Any) -> PartialWrite:
    """Return what is read of an error, as Google's client raises it."""
    status = refusal(code, text, **summary).status
    error = exceptions.from_grpc_status(
        grpc.StatusCode[code], text, details=list(status.details)
    )
    return parse_partial_write(error, sent)


def counts(
    code: str, text: str, written: int = 5, errors: Sequence[Any] = ()
) -> tuple[int, int, int]:
    """Return the refused, late and transient points of 7 in an error with a summary."""
    one = parsed(code, text, written=written, of=7, errors=errors)
    return one.refused, one.late, one.transient


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}{ORDER}",
        f"400 {HEAD}{ORDER}",
        f"{HEAD}{ORDER}: timeSeries[0]",
        f"{HEAD}{OFTEN}{TIMES}: timeSeries[0-3]",
        f"{HEAD}{OFTEN}: timeSeries[0,2-3, 5 - 6]",
        (
            f"{HEAD}{OFTEN}: global{{}} timeSeries[4]: {STATE}{{}}; {ORDER}: global{{}}"
            " timeSeries[6]"
        ),
        f"{HEAD}\n{OFTEN}: timeSeries[4];\n{ORDER}: timeSeries[6]",
        f"{HEAD}{ORDER}: {NODE} timeSeries[1]: {STATE}{{}}",
        f"{HEAD}{NEWER}{OFTEN}{TIMES}",
        f"{HEAD}{NEWER}{OFTEN}{TIMES}; {NEWER}{ORDER}{TIMES}",
        f"{HEAD}{OFTEN}: timeSeries[4];{ORDER}: timeSeries[6]",
        f"{ORDER}: timeSeries[7]",
        f"{ORDER}: timeSeries[\N{ARABIC-INDIC DIGIT THREE}]",
        f"{HEAD}{ORDER.replace('end time', 'start time')}: timeSeries[3]",
    ],
)
def test_points_that_came_too_late_are_not_lost(text: str) -> None:
    """Points are late where every reason is another write, however series are named."""
    assert counts(INVALID, text, errors=[("FAILED_PRECONDITION", 2)]) == (2, 2, 0)
    one = parsed(INVALID, text)
    assert one.refused == 7
    assert one.late == 7


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}{TWICE}: timeSeries[8]",
        f"{HEAD}Unknown metric: {STATE}: timeSeries[4]",
        f"{HEAD}{ORDER}: timeSeries[0]; Unknown metric: {STATE}: timeSeries[4]",
        f"{HEAD}{TWICE}: timeSeries[3];{ORDER}: timeSeries[3]",
        "One or more TimeSeries could not be written",
        "Refused.",
        "",
    ],
)
def test_another_reason_or_none_loses_every_refused_point(text: str) -> None:
    """Points whose reason nobody knows are lost, so that last_read is held back."""
    assert counts(INVALID, text, errors=[(INVALID, 2)]) == (2, 0, 0)
    one = parsed(INVALID, text)
    assert one.refused == 7
    assert one.late == 0


def test_the_texts_of_the_summary_count_where_it_has_any() -> None:
    """Each entry of a summary is late or not by its own text."""
    order = (INVALID, 1, ORDER)
    other = (INVALID, 1, "Unknown metric.")
    assert counts(INVALID, "Partial failure.", errors=[order, (INVALID, 1, OFTEN)]) == (
        2,
        2,
        0,
    )
    assert counts(INVALID, "Partial failure.", errors=[order, other]) == (2, 1, 0)
    # An entry without a text leaves its reason to the message.
    assert counts(INVALID, "Partial failure.", errors=[order, (INVALID, 1)]) == (
        2,
        1,
        0,
    )


def test_transient_points_are_told_from_those_that_are_refused_for_good() -> None:
    """The codes of the summary say how many points a retry may mend."""
    errors = [
        ("INTERNAL", 3),
        ("FAILED_PRECONDITION", 1, ORDER),
        (INVALID, 1, "Unknown metric."),
    ]
    assert counts("INTERNAL", INTERNAL, 2, errors) == (5, 1, 3)
    assert counts("UNAVAILABLE", "Try again.", 5) == (2, 0, 2)
    # Where no text tells them apart, the ones that are late may count as lost.
    errors = [("INTERNAL", 5), ("FAILED_PRECONDITION", 2)]
    assert counts("INTERNAL", f"{HEAD}{ORDER}; {INTERNAL}", 0, errors) == (7, 0, 5)


@rows
def test_the_code_decides_where_there_is_no_summary(codes: str, transient: int) -> None:
    """After a transient error, any point may be written; after another, none is."""
    for code in codes.split():
        assert parsed(code, "timeSeries[0] is not what it should be.") == PartialWrite(
            7, 0, transient
        )
    assert parsed("ABORTED", f"{HEAD}{OFTEN}: timeSeries[0]") == PartialWrite(7, 0, 7)


@rows
def test_a_summary_that_contradicts_itself_or_the_request_proves_nothing(
    written: int, of: int
) -> None:
    """With a wrong summary, every point counts as refused."""
    assert parsed(INVALID, "Refused.", written=written, of=of) == PartialWrite(7, 0, 0)


@rows
def test_no_more_points_are_refused_than_were_sent(points: int) -> None:
    """No number in a summary makes more points refused than were sent."""
    late = ("FAILED_PRECONDITION", points, ORDER)
    other = ("INTERNAL", points)
    for errors in ([late], [other], [late, other], [("OK", points, ORDER), late]):
        for code in ("INTERNAL", INVALID):
            refused, too_late, transient = counts(code, ORDER, 2, errors)
            assert refused == 5
            assert 0 <= too_late <= refused
            assert 0 <= transient <= refused - too_late
