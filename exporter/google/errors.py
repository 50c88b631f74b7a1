"""Explains Google's errors: one sentence about what happened, one about what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions


class FailureKind(StrEnum):
    """Why something could not be read or written. Never a stream's own state."""

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
    """Why a call failed.

    Attributes:
        kind: The kind of failure.
        message: What happened, in the server's words where it has any.
        hint: What the reader can do about it, a command or a role where there is one.
    """

    kind: FailureKind
    message: str
    hint: str

    def __str__(self) -> str:
        """Return both sentences on one line."""
        return f"{self.kind}: {_sentence(self.message)} {self.hint}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a call needs, for the hint of its failure.

    Attributes:
        service: The API, as ``gcloud services enable`` takes it.
        project: The project that is called.
        permission: The IAM permission that the call needs.
        role: The role to grant, in words that fit after "Grant".
        key: The key of config.yaml that names the endpoint.
    """

    service: str
    project: str
    permission: str
    role: str
    key: str


class CallError(Exception):
    """A call failed finally: the error is not transient, or all retries failed."""

    def __init__(self, failure: Failure) -> None:
        """Keep the failure; ``str()`` returns its sentences."""
        super().__init__(str(failure))
        self.failure = failure


def explain_credentials_error(error: Exception, impersonated: str | None = None) -> Failure:
    """Return why there are no credentials.

    Args:
        error: What google-auth raised.
        impersonated: The service account to impersonate, if any.
    """
    message = _auth_message(error)
    hint = _CREDENTIALS_HINT
    if isinstance(error, auth_exceptions.TransportError):
        hint = "The server that gives out tokens was not reached: check the network and proxies."
    elif isinstance(error, TimeoutError):
        message = "there was no token in time"
        hint = f"Check the network and proxies. {_CREDENTIALS_HINT}"
    elif impersonated and "impersonated" in message:
        message = f"{message} of {impersonated}"
        hint = (
            "Check that the service account exists and that iamcredentials.googleapis.com is "
            "enabled, and grant your own account roles/iam.serviceAccountTokenCreator on it: "
            f"gcloud iam service-accounts add-iam-policy-binding {impersonated} "
            "--member MEMBER --role roles/iam.serviceAccountTokenCreator"
        )
    return Failure(FailureKind.CREDENTIALS, message, hint)


def explain_unexpected_error(error: Exception) -> Failure:
    """Return the failure for an error that no call is known to raise."""
    return Failure(
        FailureKind.REFUSED,
        f"{type(error).__name__}: {_first_line(error)}",
        "This is a bug in the exporter: report it with the log.",
    )


def explain_call_error(error: Exception, target: Target) -> Failure:
    """Return why a call failed.

    Sources: https://cloud.google.com/apis/design/errors for codes and ErrorInfo. gRPC's own
    failures (no network, no credentials) have no codes of their own, so their texts are matched
    by substring.
    """
    if not isinstance(error, exceptions.GoogleAPICallError):
        return explain_unexpected_error(error)
    message = _first_line(error.message)
    if isinstance(error, exceptions.Forbidden):
        return _forbidden(error, message, target)
    if is_too_large(error):
        message = f"the answer is larger than the exporter accepts ({message})"
        hint = f"Check what answers as {target.service}, and {target.key} in config.yaml if set."
        return Failure(FailureKind.REFUSED, message, hint)
    kind = _kind(error)
    if message.startswith(_PLUGIN):
        # What follows is google-auth's error as Python shows it: its message, then an answer.
        refusal = re.split(r"[{}<>]|['\"], ", message.removeprefix(_PLUGIN))[0].strip(" ('\"),")
        kind, message = FailureKind.CREDENTIALS, _token_refusal(refusal)
    return Failure(kind, message, _hint(kind, message, target))


def is_too_large(error: BaseException) -> bool:
    """Return whether gRPC rejected an answer for its size (``max_receive_message_length``)."""
    # The text of gRPC 1.85 and earlier; the code is the same as that of an exhausted quota.
    return isinstance(error, exceptions.ResourceExhausted) and "larger than max" in error.message


def _kind(error: Exception) -> FailureKind:
    return next(
        (kind for cls, kind in _KINDS.items() if isinstance(error, cls)), FailureKind.REFUSED
    )


_KINDS = {
    exceptions.Unauthenticated: FailureKind.CREDENTIALS,
    exceptions.NotFound: FailureKind.NOT_FOUND,
    exceptions.DeadlineExceeded: FailureKind.TIMED_OUT,
    exceptions.ResourceExhausted: FailureKind.QUOTA,
    exceptions.ServiceUnavailable: FailureKind.UNAVAILABLE,
    exceptions.InternalServerError: FailureKind.UNAVAILABLE,
    exceptions.Aborted: FailureKind.UNAVAILABLE,
}

_PLUGIN = "Getting metadata from plugin failed with error:"
"""The start of gRPC's message when there is no token for a call."""

_CREDENTIALS_HINT = (
    "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a "
    "credentials file. On Cloud Run, set the service account that it runs as."
)


def _forbidden(error: exceptions.Forbidden, message: str, target: Target) -> Failure:
    details: Mapping[str, str] = error.metadata or {}
    if error.reason == "SERVICE_DISABLED":
        # Without a quota project, a user's calls count against a project of Google's, where
        # nobody else can enable an API.
        hint = (
            "Name one: gcloud auth application-default set-quota-project "
            f"{target.project}, or --quota-project"
            if "requires a quota project" in message
            else f"Enable it: gcloud services enable {target.service} --project {target.project}"
        )
        return Failure(FailureKind.API_DISABLED, message, hint)
    if error.reason in {"CONSUMER_INVALID", "USER_PROJECT_DENIED", "RESOURCE_PROJECT_INVALID"}:
        return Failure(
            FailureKind.NOT_FOUND,
            message,
            f"Check that a project with the id {target.project} exists, and that the account may "
            f"use it (roles/serviceusage.serviceUsageConsumer for a quota project).",
        )
    permission = details.get("permission", target.permission)
    return Failure(
        FailureKind.PERMISSION_DENIED,
        message,
        f"The account needs {permission} in project {target.project}. Grant {target.role}: "
        f"gcloud projects add-iam-policy-binding {target.project} --member MEMBER --role ROLE",
    )


def _hint(kind: FailureKind, message: str, target: Target) -> str:
    hints = {
        FailureKind.CREDENTIALS: _CREDENTIALS_HINT,
        FailureKind.NOT_FOUND: "Check the project and the location in config.yaml.",
        FailureKind.TIMED_OUT: f"See https://status.cloud.google.com if it lasts, raise "
        f"run.deadline, or check {target.key} in config.yaml if set.",
        FailureKind.QUOTA: f"See the quotas of {target.service} in project {target.project}, or "
        f"run less often.",
        FailureKind.UNAVAILABLE: "The next run tries again; see https://status.cloud.google.com "
        "if it lasts.",
        FailureKind.REFUSED: f"If {target.key} is set in config.yaml, check that "
        f"{target.service} answers there.",
    }
    if kind is FailureKind.REFUSED and any(words in message for words in _WRONG_TIME):
        return "Check this machine's clock."
    if kind is FailureKind.UNAVAILABLE:
        for words, hint in _NO_CONNECTION.items():
            if any(word in message for word in words):
                return f"{hint}, and {target.key} in config.yaml if set."
    return hints[kind]


_WRONG_TIME = ("minutes in the future", "hours in the past")
"""How Cloud Monitoring says that a point's time is too far from its own clock."""

# The texts of gRPC 1.85 and earlier, the more specific ones first.
_NO_CONNECTION = {
    ("DNS resolution", "errors resolving"): "The name does not resolve: check the network",
    ("HTTP/2", "http1", "andshake failed"): (
        "What answers there does not speak gRPC over TLS (or, for an emulator, plain gRPC): check "
        "proxies"
    ),
    ("failed to connect", "connections to all backends failing"): (
        "Nothing answers there: check the network, proxies and firewalls"
    ),
}


def _auth_message(error: Exception) -> str:
    """Return the message of google-auth or of the operating system, on one line.

    Only the first argument of google-auth's errors is a message; the others can contain a
    credentials file. The first can contain one too, where a path should be, or a token server's
    answer: only an error and its description, as OAuth defines them, are shown of that.
    """
    if isinstance(error, OSError):
        return _first_line(error)
    if not isinstance(error, auth_exceptions.GoogleAuthError):
        return (
            f"the credentials file or a token server's answer is malformed ({type(error).__name__})"
        )
    first = error.args[0] if error.args else ""
    if isinstance(first, auth_exceptions.GoogleAuthError):
        return _auth_message(first)
    text = _first_line(first)
    if isinstance(error, auth_exceptions.RefreshError | auth_exceptions.OAuthError):
        return _token_refusal(text)
    if _CONTENT.search(text):
        return (
            "the credentials file is malformed, or GOOGLE_APPLICATION_CREDENTIALS is its content "
            "and not its path"
        )
    return _QUOTED_ANSWER.sub("", text)


def _token_refusal(text: str) -> str:
    """Return what a token server answered, without anything that may be a secret."""
    text = _QUOTED_ANSWER.sub("", text)
    if not text or _CONTENT.search(text):
        return "the token server's answer is not one of OAuth"
    return " ".join(
        "…" if len(word) >= _SHORTEST_SECRET and not _EMAIL.fullmatch(word) else word
        for word in text.split(" ")
    )


_SHORTEST_SECRET = 20
"""Characters; no word of an English sentence has as many."""

_EMAIL = re.compile(r"[\w.+-]+@[\w.-]+")

_CONTENT = re.compile(r"[{}<>]|-----BEGIN |\S{400}")
"""What is in a credentials file, as it is or in Base64, and hardly in a path."""

_QUOTED_ANSWER = re.compile(r"(Response|BadStatusLine|InvalidChunkLength|IncompleteRead)[:(].*|(?<=valid type\.).*")
"""Where google-auth and urllib3 quote what a server answered, or what is in a file."""


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0].strip()[:_LONGEST] if lines else ""


_LONGEST = 1000
"""Characters of a server's message that are shown: a proxy may answer with a whole page."""


def _sentence(text: str) -> str:
    text = text or "the server gave no reason"
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
