"""Builds errors, with google.rpc details in trailers, and pages, as Google does."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from google.cloud import monitoring_v3
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from lab.emulator.world import Fault

Item = TypeVar("Item")

_Summary: Any = monitoring_v3.CreateTimeSeriesSummary.pb()

_MESSAGES = {
    "UNAVAILABLE": "The service is currently unavailable.",
    "DEADLINE_EXCEEDED": "Deadline expired before operation could complete.",
    "INTERNAL": "Internal error encountered.",
    "RESOURCE_EXHAUSTED": (
        "Quota exceeded for quota metric 'API requests' and limit 'API requests"
        " per minute per user'."
    ),
    "PERMISSION_DENIED": "The caller does not have permission",
}


# The number of a status code's name
code_number = code_pb2.Code.Value


class StatusError(Exception):
    """The status that a call gets instead of a response."""

    def __init__(self, code: str, text: str, details: Sequence[Message] = ()) -> None:
        super().__init__(text)
        self.status = status_pb2.Status(code=code_number(code), message=text)
        for detail in details:
            self.status.details.add().Pack(detail)


def field_text(field: str, text: str, value: str | None = None) -> str:
    """Return Cloud Monitoring's message for a field with a wrong value."""
    of = "" if value is None else f' of "{value}"'
    return f"Field {field} had an invalid value{of}: {text}"


def fault_error(fault: Fault) -> StatusError:
    """Return the error of a fault with a code; Google's message is the default."""
    code = str(fault.code)
    text = fault.message or _MESSAGES.get(code, code)
    details = []
    if fault.retry_delay is not None:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromNanoseconds(round(fault.retry_delay * 1e9))
        details.append(info)
    return StatusError(code, text, details)


def api_disabled(number: int) -> StatusError:
    """Return Google's error while a project's Datastream API is disabled."""
    service = "datastream.googleapis.com"
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={number}"
    text = (
        f"Datastream API has not been used in project {number} before or it is"
        f" disabled. Enable it by visiting {url} then retry. If you enabled this API"
        " recently, wait a few minutes for the action to propagate to our systems and"
        " retry."
    )
    info = error_details_pb2.ErrorInfo(
        reason="SERVICE_DISABLED",
        domain="googleapis.com",
        metadata={
            "service": service,
            "consumer": f"projects/{number}",
            "activationUrl": url,
        },
    )
    return StatusError("PERMISSION_DENIED", text, [info])


def permission_denied(permission: str, resource: str) -> StatusError:
    """Return Google's error for a caller without a permission on a resource."""
    service = permission.partition(".")[0] + ".googleapis.com"
    text = (
        f"Permission '{permission}' denied on resource '//{service}/{resource}'"
        " (or it may not exist)."
    )
    if service == "monitoring.googleapis.com":
        text = f"Permission {permission} denied (or the resource may not exist)."
    info = error_details_pb2.ErrorInfo(
        reason="IAM_PERMISSION_DENIED",
        domain=service,
        metadata={"permission": permission, "resource": resource},
    )
    return StatusError("PERMISSION_DENIED", text, [info])


class RejectedPointError(Exception):
    """Why a series is not written, in Google's words and with Google's code."""

    def __init__(self, text: str, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(text)
        self.code = code


def partial_write_error(
    given: Sequence[Any], rejected: Mapping[int, RejectedPointError]
) -> StatusError:
    """Return the error for a request's series, some of them rejected, by index."""
    refused: Counter[str] = Counter()
    named = []
    for index, why in rejected.items():
        refused[why.code] += len(given[index].points)
        named.append(f"timeSeries[{index}] {_named(given[index], why)}")
    points = sum(len(series.points) for series in given)
    summary = _Summary(
        total_point_count=points, success_point_count=points - refused.total()
    )
    for code, count in refused.items():
        # A code and a count: Google sends no text here.
        summary.errors.add(point_count=count).status.code = code_number(code)
    text = f"One or more TimeSeries could not be written: {'; '.join(named)}"
    return StatusError("INVALID_ARGUMENT", text, [summary])


def _named(series: Any, why: RejectedPointError) -> str:
    metric = series.metric
    pairs = [f'"{key}": "{value}"' for key, value in sorted(metric.labels.items())]
    labels = ", ".join(pairs)
    text = str(why)
    if why.code == "FAILED_PRECONDITION":
        resource = series.resource
        pairs = [f"{key}:{value}" for key, value in sorted(resource.labels.items())]
        of = ",".join(pairs)
        text = f"write for resource={resource.type}{{{of}}} failed with: {text}"
    where = f'metric.type="{metric.type}", metric.labels={{{labels}}}'
    return f"({where}): {text}"


# A token of the first page of any listing, which only a fault gives
FIRST_PAGE = "first-page"


class PageRange(NamedTuple):
    """The part of a listing that a request asks for: first index, size, of what."""

    start: int
    size: int
    listing: str

    def cut(self, items: Sequence[Item]) -> tuple[Sequence[Item], str]:
        """Return the page's items, and the next page's token, empty after the last."""
        stop = self.start + self.size
        page = items[self.start : stop]
        if stop >= len(items):
            return page, ""
        return page, self.token(stop)

    def token(self, start: int) -> str:
        """Return the token of the page of this listing that begins at an index."""
        return f"{start} {self.listing}"


def page_range(request: Any, listing: str, *, default: int, largest: int) -> PageRange:
    """Return the part of a listing that a request asks for, or raise a StatusError."""
    size = min(request.page_size or default, largest)
    if request.page_token in ("", FIRST_PAGE):
        return PageRange(0, size, listing)
    start, _, made_for = request.page_token.partition(" ")
    if made_for != listing or not start.isdecimal():
        text = "The page token is invalid: it was made for another request."
        raise StatusError("INVALID_ARGUMENT", text)
    return PageRange(int(start), size, listing)
