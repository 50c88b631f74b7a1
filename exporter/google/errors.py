"""Explains Google's errors: one sentence about what happened, one about what to do."""

import os
import re
from enum import StrEnum
from typing import NamedTuple

from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import Credentials
from google.rpc import error_details_pb2

from exporter.text import quote


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


class Failure(NamedTuple):
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


_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_CREDENTIALS_HINT = (
    f"Run `gcloud auth application-default login`, or set {_FILE}"
    " to the path of a credentials file. On Cloud Run, set the service account that it"
    " runs as."
)

INVALID_TOKEN = Failure(
    FailureKind.CREDENTIALS,
    "the token server returned an invalid token",
    "Check what answers in place of the metadata server, or of the URL in the"
    " credentials file.",
)

MORE_THREADS = "Allow the exporter more threads, or more memory for them."
STATUS = "See https://status.cloud.google.com if it lasts"
MORE_TIME = (
    f"{STATUS}. List the locations of the source, so that a run makes fewer calls, or"
    " raise run.deadline, on Cloud Run to 50s at most"
)
_OTHER = (
    FailureKind.REFUSED,
    "If {key} is set in config.yaml, check that {service} answers there.",
)
_PASSING = (FailureKind.UNAVAILABLE, f"The next try may succeed. {STATUS}.")
_KINDS: dict[type[BaseException], tuple[FailureKind, str]] = {
    exceptions.Unauthenticated: (FailureKind.CREDENTIALS, _CREDENTIALS_HINT),
    exceptions.NotFound: (FailureKind.NOT_FOUND, "Check the project and the location."),
    exceptions.DeadlineExceeded: (
        FailureKind.TIMED_OUT,
        f"{MORE_TIME}. Check {{key}} in config.yaml if set.",
    ),
    exceptions.ResourceExhausted: (
        FailureKind.QUOTA,
        "See the quotas of {service} in project {project}, or run less often.",
    ),
    # Also of an answer that leaves something out
    exceptions.DataLoss: (FailureKind.UNREACHABLE, f"{STATUS}."),
    exceptions.ServiceUnavailable: _PASSING,
    exceptions.InternalServerError: _PASSING,
    exceptions.Aborted: _PASSING,
}

# The texts of gRPC 1.85 and earlier where there is no connection
_NO_GRPC = (
    "DNS resolution|errors resolving|failed to connect|HTTP/2|http1|andshake failed"
)
_NETWORK = (
    "No gRPC server answers there: check the network, proxies, and {key} in config.yaml"
    " if set."
)
_PERIMETER = (
    "A service perimeter of VPC Service Controls around project {project} blocks this"
    " account or network. Allow it with an ingress rule or an access level for"
    " {service}. To find the refusal in the audit log:"
    " https://cloud.google.com/vpc-service-controls/docs/retrieve-troubleshoot-errors"
)
# What a message says, and the hint that is better than that of its kind
_MORE_HINTS = (
    # How Cloud Monitoring says that a point's time is too far from its own clock.
    (r"minutes in the future|hours in the past", "Check this machine's clock."),
    (_NO_GRPC, _NETWORK),
    # Without a quota project, a user's calls count against a project of Google's, where
    # nobody else can enable an API.
    (
        "requires a quota project",
        "Name one: gcloud auth application-default set-quota-project {project}",
    ),
    ("vpcServiceControlsUniqueIdentifier", _PERIMETER),
)

_NO_PROJECT = (
    FailureKind.NOT_FOUND,
    (
        "Check that a project with the id {project} exists, and that the account may"
        " use it (roles/serviceusage.serviceUsageConsumer for a quota project)."
    ),
)
# By the reason that Google gives for a refusal
_REFUSALS: dict[str | None, tuple[FailureKind, str]] = {
    "SERVICE_DISABLED": (
        FailureKind.API_DISABLED,
        "Enable it: gcloud services enable {service} --project {project}",
    ),
    "SECURITY_POLICY_VIOLATED": (FailureKind.PERMISSION_DENIED, _PERIMETER),
    "CONSUMER_INVALID": _NO_PROJECT,
    "USER_PROJECT_DENIED": _NO_PROJECT,
    "RESOURCE_PROJECT_INVALID": _NO_PROJECT,
}
_NOT_GRANTED = (
    FailureKind.PERMISSION_DENIED,
    (
        "The account needs {needed} in project {project}. Grant {role}{or_less}: gcloud"
        " projects add-iam-policy-binding {project} --member {member} --role {role}"
    ),
)

_PLUGIN = "Getting metadata from plugin failed with error:"
# Characters of a message that are shown: a proxy may answer with a whole page
_LONGEST = 1000
_LONGEST_READ = 10_000  # characters of it that are looked at
_USERINFO = re.compile(r"//\S*@")  # a user and a password in a URL
# The codes of OAuth (RFC 6749, 5.2, and RFC 8693, 2.2.2) and of Google
_OAUTH_CODE = re.compile(
    r"\b(invalid_(request|client|grant|scope|target)|(unauthorized|deleted)_client"
    r"|unsupported_grant_type|access_denied|server_error|temporarily_unavailable)\b"
)

# What gRPC says in place of a server's status: the stream was reset or its connection
# closed, the server's trailers had no status, or a proxy's HTTP error came instead.
# Nothing else tells such an UNKNOWN or CANCELLED from one that the server sent. Source:
# gRPC 1.85, chttp2_transport.cc, filter_stack_call.cc and http_client_filter.cc.
_NO_STATUS = re.compile(  # after the code, or None
    r"\S+ (Stream removed|No status received|Received http2 header with)"
)

# The account of a person, in a shell
_USER = '"user:$(gcloud config get account)"'


class Caller(NamedTuple):
    """Who calls Google: what a role is granted to, and what no text may show."""

    credentials: Credentials | None = None  # None with emulators

    @property
    def member(self) -> str:
        """The account, as the command that grants a role takes it."""
        email = str(getattr(self.credentials, "service_account_email", ""))
        return f"serviceAccount:{email}" if "@" in email else _USER

    def hide_secrets(self, text: str) -> str:
        """Return a text without the caller's token, and users and passwords in URLs."""
        token = getattr(self.credentials, "token", None)
        if isinstance(token, str) and token:
            text = text.replace(token, "…")
        return _USERINFO.sub("//", text)


NOBODY = Caller()


def explain_call_error(
    error: Exception, project: str, permission: str, caller: Caller = NOBODY
) -> Failure:
    """Return why a call failed; ``permission`` is the one of IAM that it needs.

    Codes and ErrorInfo are those of https://cloud.google.com/apis/design/errors; gRPC's
    own failures have none of their own, so their texts are matched.
    """
    if not isinstance(error, exceptions.GoogleAPICallError):
        return explain_unexpected_error(error, caller)
    message = _first_line(error.message, caller)
    kind, hint = _kind_and_hint(error)
    if message.startswith(_PLUGIN):
        message = _with_oauth_code("the token could not be renewed", error)
        kind, hint = FailureKind.CREDENTIALS, _CREDENTIALS_HINT
    for pattern, better in _MORE_HINTS:
        if re.search(pattern, message):
            hint = better
    needed = (error.metadata or {}).get("permission", permission)
    role, or_less = "roles/datastream.viewer", ", or a custom role that shows less"
    if needed.startswith("monitoring."):
        role, or_less = "roles/monitoring.viewer", ""
    if needed.endswith(".create"):
        role = "roles/monitoring.metricWriter"
    api = permission.partition(".")[0]
    hint = hint.format(
        key=f"endpoints.{api}",
        member=caller.member,
        needed=needed,
        or_less=or_less,
        project=project,
        role=role,
        service=f"{api}.googleapis.com",
    )
    return Failure(kind, message, hint)


def explain_unexpected_error(error: Exception, caller: Caller = NOBODY) -> Failure:
    """Return the failure for an error that no call is known to raise."""
    return Failure(
        FailureKind.REFUSED,
        f"{type(error).__name__}: {_first_line(error, caller)}",
        "This is a bug in the exporter: report it with the log.",
    )


def explain_credentials_error(error: Exception) -> Failure:
    """Return why there are no credentials.

    Of google-auth's text only OAuth's code is shown: the rest may quote a token, a
    credentials file or a proxy's URL.
    """
    message = f"google-auth gave no token: {type(error).__name__}"
    hint = _CREDENTIALS_HINT
    file = os.environ.get(_FILE)
    if isinstance(error, auth_exceptions.TransportError | TimeoutError):
        hint = f"Check the network and proxies. {hint}"
    elif file and isinstance(error, auth_exceptions.DefaultCredentialsError | OSError):
        hint = (
            f"{_FILE} is set to {quote(file)}: no credentials file is there (an OAuth"
            f" client's file is not one). Correct or unset it. {hint}"
        )
    elif "acquire impersonated" in str(error):
        # `gcloud auth application-default login` was told to impersonate it.
        hint = (
            "Check that the service account exists and that"
            " iamcredentials.googleapis.com is enabled, and grant your own account"
            " roles/iam.serviceAccountTokenCreator on it: gcloud iam service-accounts"
            f" add-iam-policy-binding ACCOUNT --member {_USER} --role"
            " roles/iam.serviceAccountTokenCreator"
        )
    return Failure(FailureKind.CREDENTIALS, _with_oauth_code(message, error), hint)


def _with_oauth_code(message: str, error: Exception) -> str:
    if code := _OAUTH_CODE.search(str(error)):
        words = code[0].replace("invalid_grant", "invalid_grant: expired or revoked")
        message += f" ({words})"
    return message


def is_unknown_metric(failure: Failure) -> bool:
    """Return whether series could not be listed as their metric was never written."""
    # As observed: Cloud Monitoring does not know a metric before its first point.
    is_missing = failure.kind is FailureKind.NOT_FOUND
    return is_missing and "Cannot find metric" in failure.message


def retry_delay(error: object) -> float:
    """Return the seconds after which the server asks for a retry, 0 if it doesn't."""
    for detail in getattr(error, "details", None) or ():
        if isinstance(detail, error_details_pb2.RetryInfo):
            return float(detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9)
    return 0.0


def is_transient(error: BaseException) -> bool:
    """Return whether a retry of the call can succeed."""
    kind, _ = _kind_and_hint(error)
    return kind in {FailureKind.UNAVAILABLE, FailureKind.TIMED_OUT, FailureKind.QUOTA}


def _kind_and_hint(error: BaseException) -> tuple[FailureKind, str]:
    """Return what kind of failure an error is, and the hint of that kind."""
    if isinstance(error, exceptions.Forbidden):
        return _REFUSALS.get(error.reason, _NOT_GRANTED)
    kind, hint = _KINDS.get(type(error), _OTHER)
    # The text of gRPC 1.85 and earlier for an answer that is too large
    if kind is FailureKind.QUOTA and "larger than max" in str(error):
        return _OTHER
    unclear = isinstance(error, exceptions.Unknown | exceptions.Cancelled)
    if unclear and _NO_STATUS.match(str(error)):
        return _PASSING
    return kind, hint


def _first_line(text: object, caller: Caller) -> str:
    lines = caller.hide_secrets(str(text)[:_LONGEST_READ]).strip().splitlines()
    return lines[0].strip()[:_LONGEST] if lines else ""
