"""Explains Google's errors: one sentence about what happened, one about what to do."""

import re
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
    """Why a call failed."""

    kind: FailureKind
    message: str  # what happened, in the server's words where it has any
    hint: str  # what the reader can do about it, a command or a role where there is one

    def __str__(self) -> str:
        message = self.message or "the server gave no reason"
        end = "" if message.endswith((".", "!", "?", "…")) else "."
        return f"{self.kind}: {message}{end} {self.hint}"


class CallError(Exception):
    """A call failed finally: the error is not transient, or all retries failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


_CREDENTIALS_HINT = (
    "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
    " to a credentials file. On Cloud Run, set the service account that it runs as."
)

# The role with a permission; for reading Datastream, roles/datastream.viewer shows too
# much
_ROLES = {
    "monitoring.timeSeries.create": "roles/monitoring.metricWriter",
    "monitoring.timeSeries.list": "roles/monitoring.viewer",
    "monitoring.notificationChannels.list": "roles/monitoring.viewer",
}

STATUS = "See https://status.cloud.google.com if it lasts"
_LATER = f"The next run tries again. {STATUS}."
_SLOW = f"{STATUS}, raise run.deadline, or check {{key}} in config.yaml if set."
_NAMES = "Check the project and the location in config.yaml."
_QUOTA = "See the quotas of {service} in project {project}, or run less often."
_CHECK = "If {key} is set in config.yaml, check that {service} answers there."
_KINDS: tuple[tuple[type[Exception], FailureKind, str], ...] = (
    (exceptions.Unauthenticated, FailureKind.CREDENTIALS, _CREDENTIALS_HINT),
    (exceptions.NotFound, FailureKind.NOT_FOUND, _NAMES),
    (exceptions.DeadlineExceeded, FailureKind.TIMED_OUT, _SLOW),
    (exceptions.ResourceExhausted, FailureKind.QUOTA, _QUOTA),
    (exceptions.ServiceUnavailable, FailureKind.UNAVAILABLE, _LATER),
    (exceptions.InternalServerError, FailureKind.UNAVAILABLE, _LATER),
    (exceptions.Aborted, FailureKind.UNAVAILABLE, _LATER),
    (Exception, FailureKind.REFUSED, _CHECK),
)

_MORE_HINTS = (
    # How Cloud Monitoring says that a point's time is too far from its own clock.
    (r"minutes in the future|hours in the past", "Check this machine's clock."),
    # The texts of gRPC 1.85 and earlier.
    (
        (
            r"DNS resolution|errors resolving|failed to connect|HTTP/2|http1|andshake"
            r" failed"
        ),
        (
            "Nothing there speaks gRPC: check the network, proxies, and {key} in"
            " config.yaml if set."
        ),
    ),
)

_PLUGIN = "Getting metadata from plugin failed with error:"
# Characters of a message that are shown: a proxy may answer with a whole page
_LONGEST = 1000
_SHORTEST_SECRET = 20  # characters; no word of an English sentence has as many
# An email address, or an error code of OAuth such as ``unsupported_grant_type``
_HARMLESS = re.compile(r"[\w.+-]+@[\w.-]+|[a-z_]+:?")
# What is in a credentials file, as it is or in Base64, and hardly in a path
_CONTENT = re.compile(r"[{}<>]|-----BEGIN |\S{400}")

# Where google-auth and urllib3 quote what a server answered, or what is in a file
_QUOTED_ANSWER = re.compile(
    r"(Response|BadStatusLine|InvalidChunkLength|IncompleteRead)[:(].*|(?<=valid"
    r" type\.).*"
)


def explain_call_error(error: Exception, project: str, permission: str) -> Failure:
    """Return why a call failed that needs an IAM permission such as ``datastream.streams.list``.

    Codes and ErrorInfo are those of https://cloud.google.com/apis/design/errors; gRPC's
    own failures have none of their own, so their texts are matched.
    """
    if not isinstance(error, exceptions.GoogleAPICallError):
        return explain_unexpected_error(error)
    message = _first_line(error.message)
    api = permission.partition(".")[0]
    service, key = f"{api}.googleapis.com", f"endpoints.{api}"
    if isinstance(error, exceptions.Forbidden):
        return _forbidden(error, project, service, permission)
    if message.startswith(_PLUGIN):
        # What follows is google-auth's error as Python shows it: its message, then an
        # answer.
        refusal = re.split(r"[{}<>]|['\"], ", message.removeprefix(_PLUGIN))[0].strip(
            " ('\"),"
        )
        return Failure(
            FailureKind.CREDENTIALS, _token_refusal(refusal), _CREDENTIALS_HINT
        )
    kind, hint = next(
        (kind, hint) for cls, kind, hint in _KINDS if isinstance(error, cls)
    )
    if is_too_large(error):
        kind, hint = FailureKind.REFUSED, _CHECK
    more = (hint for pattern, hint in _MORE_HINTS if re.search(pattern, message))
    hint = next(more, hint).format(key=key, service=service, project=project)
    return Failure(kind, message, hint)


def explain_unexpected_error(error: Exception) -> Failure:
    """Return the failure for an error that no call is known to raise."""
    message = f"{type(error).__name__}: {_first_line(error)}"
    hint = "This is a bug in the exporter: report it with the log."
    return Failure(FailureKind.REFUSED, message, hint)


def explain_no_thread(error: RuntimeError) -> Failure:
    """Return the failure for the error that Python raises when no thread can be started."""
    message = f"this machine can start no thread ({error})"
    hint = "Allow this user or container more processes and threads, or more memory."
    return Failure(FailureKind.REFUSED, message, hint)


def explain_credentials_error(
    error: Exception, impersonated: str | None = None
) -> Failure:
    """Return why there are no credentials, of a service account to impersonate if it is given."""
    message, hint = _auth_message(error), _CREDENTIALS_HINT
    if isinstance(error, auth_exceptions.TransportError):
        hint = (
            "The server that gives out tokens was not reached: check the network and"
            " proxies."
        )
    elif isinstance(error, TimeoutError):
        message = "there was no token in time"
        hint = f"Check the network and proxies. {_CREDENTIALS_HINT}"
    elif impersonated and "impersonated" in message:
        message = f"{message} of {impersonated}"
        hint = (
            "Check that the service account exists and that"
            " iamcredentials.googleapis.com is enabled, and grant your own account"
            " roles/iam.serviceAccountTokenCreator on it: gcloud iam service-accounts"
            f" add-iam-policy-binding {impersonated} --member MEMBER --role"
            " roles/iam.serviceAccountTokenCreator"
        )
    return Failure(FailureKind.CREDENTIALS, message, hint)


def is_too_large(error: BaseException) -> bool:
    """Return whether gRPC rejected an answer for its size (``max_receive_message_length``)."""
    # The text of gRPC 1.85 and earlier; the code is the same as that of an exhausted
    # quota.
    return (
        isinstance(error, exceptions.ResourceExhausted)
        and "larger than max" in error.message
    )


def _forbidden(
    error: exceptions.Forbidden, project: str, service: str, permission: str
) -> Failure:
    message = _first_line(error.message)
    if error.reason == "SERVICE_DISABLED":
        # Without a quota project, a user's calls count against a project of Google's,
        # where nobody else can enable an API.
        hint = (
            f"Name one: gcloud auth application-default set-quota-project {project}"
            if "requires a quota project" in message
            else f"Enable it: gcloud services enable {service} --project {project}"
        )
        return Failure(FailureKind.API_DISABLED, message, hint)
    if error.reason in {
        "CONSUMER_INVALID",
        "USER_PROJECT_DENIED",
        "RESOURCE_PROJECT_INVALID",
    }:
        hint = (
            f"Check that a project with the id {project} exists, and that the account"
            " may use it (roles/serviceusage.serviceUsageConsumer for a quota"
            " project)."
        )
        return Failure(FailureKind.NOT_FOUND, message, hint)
    needed = (error.metadata or {}).get("permission", permission)
    role = _ROLES.get(
        needed, f"a custom role with {needed} (roles/datastream.viewer has it too)"
    )
    hint = (
        f"The account needs {needed} in project {project}. Grant {role}: "
        f"gcloud projects add-iam-policy-binding {project} --member MEMBER --role ROLE"
    )
    return Failure(FailureKind.PERMISSION_DENIED, message, hint)


def _auth_message(error: Exception) -> str:
    """Return the message of google-auth or of the operating system, on one line, without secrets.

    The first argument of google-auth's errors is a message, or where a path should be
    the content of a credentials file, or a token server's answer. The others can
    contain such a file, too.
    """
    if isinstance(error, OSError):
        return _first_line(error)
    if not isinstance(error, auth_exceptions.GoogleAuthError):
        kind = type(error).__name__
        return f"the credentials file or a token server's answer is malformed ({kind})"
    first = error.args[0] if error.args else ""
    if isinstance(first, auth_exceptions.GoogleAuthError):
        return _auth_message(first)
    text = _QUOTED_ANSWER.sub("", _first_line(first))
    if isinstance(error, auth_exceptions.RefreshError | auth_exceptions.OAuthError):
        return _token_refusal(text)
    if _CONTENT.search(text):
        problem = "GOOGLE_APPLICATION_CREDENTIALS is its content and not its path"
        return f"the credentials file is malformed, or {problem}"
    return text


def _token_refusal(text: str) -> str:
    """Return what a token server answered, without anything that may be a secret."""
    shown = " ".join(
        "…" if len(word) >= _SHORTEST_SECRET and not _HARMLESS.fullmatch(word) else word
        for word in text.split(" ")
    )
    if shown in {"", "…"} or _CONTENT.search(text):
        return "the token server's answer is not one of OAuth"
    return shown


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0].strip()[:_LONGEST] if lines else ""
