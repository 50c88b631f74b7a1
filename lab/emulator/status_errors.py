"""Errors as Google sends them: a code, a message, and google.rpc details in the trailers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from google.protobuf.any_pb2 import Any as PackedMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message


_MESSAGES = {
    "UNAVAILABLE": "The service is currently unavailable.",
    "DEADLINE_EXCEEDED": "Deadline expired before operation could complete.",
    "INTERNAL": "Internal error encountered.",
    "ABORTED": "The operation was aborted.",
    "RESOURCE_EXHAUSTED": "Quota exceeded for quota metric 'API requests' and limit 'API requests"
    " per minute per user'.",
    "PERMISSION_DENIED": "The caller does not have permission",
    "UNAUTHENTICATED": "Request had invalid authentication credentials. Expected OAuth 2 access"
    " token, login cookie or other valid authentication credential. See"
    " https://developers.google.com/identity/sign-in/web/devconsole-project.",
}


class StatusError(Exception):
    """A call that gets a status instead of a response."""

    def __init__(self, code: str, text: str, details: Sequence[Message] = ()) -> None:
        """Take the status code's name, the text and the details to pack."""
        super().__init__(text)
        self.status = status_pb2.Status(code=code_number(code), message=text)
        for detail in details:
            packed = PackedMessage()
            packed.Pack(detail)
            self.status.details.append(packed)


def code_number(code: str) -> int:
    """Return a gRPC status code's number by its name."""
    number: int = grpc.StatusCode[code].value[0]
    return number


def invalid_argument(text: str) -> StatusError:
    """Return the error for a malformed request."""
    return StatusError("INVALID_ARGUMENT", text)


def invalid_field(field: str, text: str, value: str | None = None) -> StatusError:
    """Return Cloud Monitoring's error for one field."""
    return invalid_argument(field_text(field, text, value))


def field_text(field: str, text: str, value: str | None = None) -> str:
    """Return Cloud Monitoring's message for a field with a wrong value."""
    of = "" if value is None else f' of "{value}"'
    return f"Field {field} had an invalid value{of}: {text}"


def fault_error(code: str, text: str, retry_delay: float | None) -> StatusError:
    """Return the error of an injected fault.

    Args:
        code: The status code's name.
        text: The fault's own message; Google's is used where it is empty.
        retry_delay: Seconds that RetryInfo asks the client to wait.
    """
    details = []
    if retry_delay is not None:
        delay = Duration()
        delay.FromNanoseconds(round(retry_delay * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return StatusError(code, text or _MESSAGES.get(code, code), details)


def api_disabled(number: int) -> StatusError:
    """Return Google's error while a project's Datastream API is disabled."""
    service = "datastream.googleapis.com"
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={number}"
    return StatusError(
        "PERMISSION_DENIED",
        f"Datastream API has not been used in project {number} before or it is disabled. Enable"
        f" it by visiting {url} then retry. If you enabled this API recently, wait a few minutes"
        " for the action to propagate to our systems and retry.",
        [
            error_details_pb2.Help(
                links=[
                    error_details_pb2.Help.Link(
                        description="Google developers console API activation", url=url
                    )
                ]
            ),
            error_details_pb2.ErrorInfo(
                reason="SERVICE_DISABLED",
                domain="googleapis.com",
                metadata={
                    "service": service,
                    "serviceTitle": "Datastream API",
                    "consumer": f"projects/{number}",
                    "containerInfo": str(number),
                    "activationUrl": url,
                },
            ),
        ],
    )


def permission_denied(permission: str, resource: str) -> StatusError:
    """Return Google's error for a caller without a permission.

    Args:
        permission: In full, ``datastream.streams.list``.
        resource: The requested name, ``projects/P/locations/L``.
    """
    service = permission.partition(".")[0] + ".googleapis.com"
    text = (
        f"Permission {permission} denied (or the resource may not exist)."
        if service == "monitoring.googleapis.com"
        else f"Permission '{permission}' denied on resource '//{service}/{resource}'"
        " (or it may not exist)."
    )
    return StatusError(
        "PERMISSION_DENIED",
        text,
        [
            error_details_pb2.ErrorInfo(
                reason="IAM_PERMISSION_DENIED",
                domain=service,
                metadata={"permission": permission, "resource": resource},
            )
        ],
    )
