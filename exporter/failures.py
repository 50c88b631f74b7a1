"""What Google's refusals mean: one sentence of what happened, one of what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions


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
    if isinstance(error, auth_exceptions.GoogleAuthError):
        return credentials_failure(error)
    said = _first_line(error.message if isinstance(error, exceptions.GoogleAPICallError) else error)
    if "Getting metadata from plugin failed" in said or isinstance(
        error, exceptions.Unauthenticated
    ):
        return Failure(Kind.CREDENTIALS, said, _MEND_CREDENTIALS)
    if isinstance(error, exceptions.Forbidden):
        return _forbidden(error, said, target)
    if isinstance(error, exceptions.NotFound):
        return Failure(Kind.NOT_FOUND, said, "Check the project and the location in config.yaml.")
    if isinstance(error, exceptions.DeadlineExceeded):
        return Failure(
            Kind.TIMED_OUT,
            said,
            f"If it lasts, see https://status.cloud.google.com or raise run.deadline; a wrong "
            f"{target.key} does this too.",
        )
    if isinstance(error, exceptions.ResourceExhausted):
        return Failure(
            Kind.QUOTA,
            said,
            f"See the quotas of {target.service} in project {target.project}, or run less often.",
        )
    if isinstance(error, exceptions.ServiceUnavailable):
        return Failure(Kind.UNAVAILABLE, said, _mend_unavailable(said, target))
    if isinstance(error, exceptions.MethodNotImplemented):
        return Failure(
            Kind.REFUSED,
            said or "the server does not know the method",
            f"No {target.service} answers there: check {target.key} in config.yaml.",
        )
    return Failure(Kind.REFUSED, said, f"The answer came from {target.service}.")


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


def _mend_unavailable(said: str, target: Target) -> str:
    if "DNS" in said or "resolution" in said:
        return (
            f"The name does not resolve: check the network, and {target.key} in config.yaml if set."
        )
    if "failed to connect" in said or "Connection refused" in said:
        return (
            f"Nothing answers there: check the network, proxies and firewalls, and {target.key} "
            f"in config.yaml if set."
        )
    return "The next run tries again; see https://status.cloud.google.com if it lasts."


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0].strip() if lines else ""


def _sentence(text: str) -> str:
    text = text or "the server gave no reason"
    return text if text.endswith((".", "!", "?")) else f"{text}."
