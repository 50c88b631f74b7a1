"""What Google's refusals mean: one sentence of what happened, one of what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from google.api_core import exceptions

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """Why something could not be read or written. Never mixed up with a stream's own state."""

    API_DISABLED = "API disabled"
    PERMISSION_DENIED = "permission denied"
    NOT_FOUND = "not found"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed out"
    QUOTA = "quota exhausted"
    UNREACHABLE = "unreachable"
    CREDENTIALS = "no valid credentials"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal, kept as what it was.

    Attributes:
        kind: Which of the different facts it is.
        said: What happened, in the server's words where it has any.
        mend: What the reader can do about it, a command or a role where there is one.
    """

    kind: Kind
    said: str
    mend: str

    def __str__(self) -> str:
        """Return both sentences on one line."""
        return f"{self.kind}: {_sentence(self.said)} {self.mend}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a call asks of whom, for the sentence about its failure.

    Attributes:
        service: The API, as ``gcloud services enable`` takes it.
        project: The project that is asked.
        permission: The IAM permission that the call needs.
        role: The role to grant, in words that fit after "Grant".
        key: The key of config.yaml that names the endpoint.
    """

    service: str
    project: str
    permission: str
    role: str
    key: str


class RefusedError(Exception):
    """A call failed for good: what is not transient, or what outlasted its retries."""

    def __init__(self, failure: Failure, *, code: int | None = None) -> None:
        """Keep the failure; ``code`` is the gRPC status number where a server answered."""
        super().__init__(str(failure))
        self.failure = failure
        self.code = code


def credentials_failure(error: Exception) -> Failure:
    """Return what it means that no credentials could be had."""
    return Failure(Kind.CREDENTIALS, _first_line(str(error)), _MEND_CREDENTIALS)


def failure_of(error: Exception, target: Target) -> Failure:
    """Return what a failed call means.

    Sources: https://cloud.google.com/apis/design/errors for codes and ErrorInfo; the texts of
    gRPC's own failures (no network, no credentials) are matched by substring, as gRPC gives
    them no code of their own.
    """
    said = _first_line(error.message if isinstance(error, exceptions.GoogleAPICallError) else error)
    if isinstance(error, exceptions.Forbidden):
        return _forbidden(error, said, target)
    kind = next((kind for cls, kind in _KINDS.items() if isinstance(error, cls)), Kind.REFUSED)
    if "Getting metadata from plugin failed" in said:
        kind = Kind.CREDENTIALS
    return Failure(kind, said, _mend(kind, said, target))


_KINDS = {
    exceptions.Unauthenticated: Kind.CREDENTIALS,
    exceptions.NotFound: Kind.NOT_FOUND,
    exceptions.DeadlineExceeded: Kind.TIMED_OUT,
    exceptions.ResourceExhausted: Kind.QUOTA,
    exceptions.ServiceUnavailable: Kind.UNAVAILABLE,
}

_MEND_CREDENTIALS = (
    "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a "
    "credentials file; on Cloud Run give the job a service account."
)


def _forbidden(error: exceptions.Forbidden, said: str, target: Target) -> Failure:
    details: Mapping[str, str] = error.metadata or {}
    if error.reason == "SERVICE_DISABLED":
        return Failure(
            Kind.API_DISABLED,
            said,
            f"Enable it: gcloud services enable {target.service} --project {target.project}",
        )
    if error.reason in {"CONSUMER_INVALID", "USER_PROJECT_DENIED", "RESOURCE_PROJECT_INVALID"}:
        return Failure(
            Kind.NOT_FOUND,
            said,
            f"Check that a project with the id {target.project} exists, and that the account may "
            f"use it (roles/serviceusage.serviceUsageConsumer for a quota project).",
        )
    permission = details.get("permission", target.permission)
    return Failure(
        Kind.PERMISSION_DENIED,
        said,
        f"The account needs {permission} in project {target.project}. Grant {target.role}: "
        f"gcloud projects add-iam-policy-binding {target.project} --member MEMBER --role ROLE",
    )


def _mend(kind: Kind, said: str, target: Target) -> str:
    mends = {
        Kind.CREDENTIALS: _MEND_CREDENTIALS,
        Kind.NOT_FOUND: "Check the project and the location in config.yaml.",
        Kind.TIMED_OUT: f"See https://status.cloud.google.com if it lasts, raise run.deadline, or "
        f"check {target.key} in config.yaml if set.",
        Kind.QUOTA: f"See the quotas of {target.service} in project {target.project}, or run "
        f"less often.",
        Kind.UNAVAILABLE: "The next run tries again; see https://status.cloud.google.com if it "
        "lasts.",
        Kind.REFUSED: f"If {target.key} is set in config.yaml, check that {target.service} "
        f"answers there.",
    }
    if kind is Kind.UNAVAILABLE and any(word in said for word in ("DNS", "resolution")):
        return (
            f"The name does not resolve: check the network, and {target.key} in config.yaml if set."
        )
    if kind is Kind.UNAVAILABLE and any(word in said for word in ("connect", "refused")):
        return (
            f"Nothing answers there: check the network, proxies and firewalls, and {target.key} "
            f"in config.yaml if set."
        )
    return mends[kind]


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0].strip() if lines else ""


def _sentence(text: str) -> str:
    text = text or "the server gave no reason"
    return text if text.endswith((".", "!", "?")) else f"{text}."
