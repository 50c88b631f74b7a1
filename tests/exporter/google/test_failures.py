"""What a refusal means in a sentence, and what mends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import grpc
import pytest
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from exporter.google.errors import (
    CallError,
    Failure,
    FailureKind,
    Target,
    explain_call_error,
    explain_credentials_error,
    explain_unexpected_error,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = Target(
    service="datastream.googleapis.com",
    project="shop-prod",
    permission="datastream.streams.list",
    role="a custom role with datastream.streams.list",
    key="endpoints.datastream",
)
NO_QUOTA_PROJECT = (
    "Your application is authenticating by using local Application Default Credentials. The "
    "datastream.googleapis.com API requires a quota project, which is not set by default. To "
    "learn how to set your quota project, see "
    "https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds ."
)


def denied(
    reason: str, text: str = "Permission denied.", metadata: Mapping[str, str] | None = None
) -> exceptions.PermissionDenied:
    """Return a 403 as Google sends it."""
    info = error_details_pb2.ErrorInfo(reason=reason, metadata=metadata or {})
    partial_write: exceptions.PermissionDenied = exceptions.PermissionDenied(
        text, details=[info], error_info=info
    )
    return partial_write


TABLE = [
    (
        denied("SERVICE_DISABLED", "Datastream API has not been used in project 12 before."),
        FailureKind.API_DISABLED,
        "gcloud services enable datastream.googleapis.com --project shop-prod",
    ),
    (
        denied("SERVICE_DISABLED", NO_QUOTA_PROJECT),
        FailureKind.API_DISABLED,
        "gcloud auth application-default set-quota-project shop-prod, or --quota-project",
    ),
    (
        denied("IAM_PERMISSION_DENIED", metadata={"permission": "datastream.objects.list"}),
        FailureKind.PERMISSION_DENIED,
        "needs datastream.objects.list in project shop-prod. Grant a custom role",
    ),
    (
        denied("IAM_PERMISSION_DENIED"),
        FailureKind.PERMISSION_DENIED,
        "needs datastream.streams.list in project shop-prod",
    ),
    (
        exceptions.PermissionDenied("no details"),
        FailureKind.PERMISSION_DENIED,
        "gcloud projects add-iam-policy-binding shop-prod --member MEMBER --role ROLE",
    ),
    (denied("CONSUMER_INVALID"), FailureKind.NOT_FOUND, "a project with the id shop-prod exists"),
    (denied("USER_PROJECT_DENIED"), FailureKind.NOT_FOUND, "serviceusage.serviceUsageConsumer"),
    (exceptions.NotFound("Location x."), FailureKind.NOT_FOUND, "in config.yaml"),
    (exceptions.Unauthenticated("Expired."), FailureKind.CREDENTIALS, "application-default login"),
    (exceptions.DeadlineExceeded("Deadline Exceeded"), FailureKind.TIMED_OUT, "raise run.deadline"),
    (
        exceptions.ResourceExhausted("Quota."),
        FailureKind.QUOTA,
        "quotas of datastream.googleapis.com",
    ),
    (
        exceptions.ServiceUnavailable("Down."),
        FailureKind.UNAVAILABLE,
        "https://status.cloud.google.com",
    ),
    (exceptions.InternalServerError("Oops."), FailureKind.UNAVAILABLE, "The next run tries again"),
    (exceptions.Aborted("Aborted."), FailureKind.UNAVAILABLE, "The next run tries again"),
    (exceptions.MethodNotImplemented("No."), FailureKind.REFUSED, "endpoints.datastream"),
    (
        exceptions.InvalidArgument("Bad."),
        FailureKind.REFUSED,
        "datastream.googleapis.com answers there",
    ),
    (ValueError("closed channel"), FailureKind.REFUSED, "report it"),
]
PLUGIN = "Getting metadata from plugin failed with error: "


@pytest.mark.parametrize(("error", "kind", "hint"), TABLE)
def test_each_refusal_has_its_kind_and_what_mends_it(
    error: Exception, kind: FailureKind, hint: str
) -> None:
    """Both are one line; the server's own words are kept."""
    failure = explain_call_error(error, TARGET)
    assert failure.kind is kind
    assert hint in failure.hint
    assert (error.message if hasattr(error, "message") else str(error)) in failure.message
    assert "\n" not in str(failure)
    assert str(failure).startswith(f"{kind}: ")


def test_every_kind_is_in_the_table() -> None:
    """Only what an answer itself says is not the meaning of a refusal."""
    assert {kind for _, kind, _ in TABLE} == set(FailureKind) - {FailureKind.UNREACHABLE}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("DNS resolution failed for x:443: C-ares status is not ARES_SUCCESS", "not resolve"),
        ("errors resolving x:443: [field:hostname lookup error: not found]", "not resolve"),
        ("failed to connect to all addresses; last error: UNKNOWN: refused", "Nothing answers"),
        ("connections to all backends failing; last error: timeout", "Nothing answers"),
        ("failed to connect to all addresses; last error: Ssl handshake failed", "speak gRPC"),
        ("failed to connect to all addresses; Trying to connect an http1.x server", "speak gRPC"),
        ("Socket closed", "The next run tries again"),
    ],
)
def test_a_connection_that_fails_is_told_by_its_cause(text: str, hint: str) -> None:
    """The words of gRPC lead to what to check: a name, a network, or what answers there."""
    failure = explain_call_error(exceptions.ServiceUnavailable(text), TARGET)
    assert failure.kind is FailureKind.UNAVAILABLE
    assert hint in failure.hint
    assert ("endpoints.datastream in config.yaml" in failure.hint) == ("next run" not in hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("invalid_grant: Bad Request", "invalid_grant: Bad Request"),
        ("Connection aborted.", "Connection aborted."),
        ("", ""),
    ],
)
def test_a_token_that_cannot_be_had_for_a_call_is_a_matter_of_credentials(
    text: str, message: str
) -> None:
    """It is unavailable to gRPC; the sentence of google-auth is unwrapped."""
    failure = explain_call_error(exceptions.ServiceUnavailable(PLUGIN + text), TARGET)
    assert failure.kind is FailureKind.CREDENTIALS
    assert failure.message == message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            auth_exceptions.RefreshError("invalid_grant: no", {"secret": "S3CR3T"}),
            "invalid_grant: no",
        ),
        (auth_exceptions.DefaultCredentialsError("bad file", ValueError("S3CR3T")), "bad file"),
        (auth_exceptions.GoogleAuthError(), ""),
        (FileNotFoundError(2, "No such file", "key.json"), "No such file"),
        (AttributeError("'S3CR3T' object has no attribute"), "AttributeError"),
        (UnicodeDecodeError("utf-8", b"S3CR3T", 0, 1, "invalid"), "UnicodeDecodeError"),
    ],
)
def test_credentials_that_cannot_be_had_are_told_without_what_they_hold(
    error: Exception, message: str
) -> None:
    """What google-auth keeps among an error's arguments may be the key itself."""
    failure = explain_credentials_error(error)
    assert failure.kind is FailureKind.CREDENTIALS
    assert message in failure.message
    assert "S3CR3T" not in str(failure)
    assert "application-default login" in failure.hint


def test_a_token_server_that_is_out_of_reach_is_a_matter_of_the_network() -> None:
    """Logging in again would not help."""
    failure = explain_credentials_error(auth_exceptions.TransportError(OSError("Name not known")))
    assert "network" in failure.hint
    assert "login" not in failure.hint


def test_a_refused_impersonation_names_the_account_and_the_role() -> None:
    """It is the caller who lacks the role, on the account that is to be acted as."""
    account = "exporter@shop-prod.iam.gserviceaccount.com"
    error = auth_exceptions.RefreshError("Unable to acquire impersonated credentials", "{}")
    failure = explain_credentials_error(error, impersonated=account)
    assert account in failure.message
    assert f"add-iam-policy-binding {account}" in failure.hint
    assert "roles/iam.serviceAccountTokenCreator" in failure.hint
    own = auth_exceptions.RefreshError("invalid_grant: expired", {})
    assert "login" in explain_credentials_error(own, impersonated=account).hint


@given(
    code=st.sampled_from([code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]),
    text=st.one_of(st.text(), st.text().map(lambda text: PLUGIN + text)),
    reason=st.sampled_from(["", "SERVICE_DISABLED", "IAM_PERMISSION_DENIED", "NEW_REASON"]),
)
def test_whatever_a_server_says_is_one_line(code: grpc.StatusCode, text: str, reason: str) -> None:
    """No text makes a sentence of several lines, or one without an end."""
    info = error_details_pb2.ErrorInfo(reason=reason)
    error = exceptions.from_grpc_status(code, text, details=[info], error_info=info)
    line = str(explain_call_error(error, TARGET))
    assert len(line.splitlines()) == 1
    assert re.search(r"[.!?] \S", line)


def test_a_page_of_text_is_cut() -> None:
    """A proxy that answers with a whole page does not fill the log."""
    failure = explain_call_error(exceptions.ServiceUnavailable("<html>" + "x" * 100_000), TARGET)
    assert len(str(failure)) < 1_500


def test_a_refused_error_reads_as_its_failure() -> None:
    """``str()`` is the sentence that a person reads."""
    failure = Failure(FailureKind.NOT_FOUND, "", "Look again.")
    assert str(CallError(failure)) == "not found: the server gave no reason. Look again."
    assert str(explain_unexpected_error(KeyError("x"))).startswith("refused: KeyError: 'x'. ")
