"""What an error of Google's means in a sentence, and what to do about it."""

import re

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
    explain_call_error,
    explain_credentials_error,
    explain_unexpected_error,
)

NO_QUOTA_PROJECT = (
    "Your application is authenticating by using local Application Default Credentials. The "
    "datastream.googleapis.com API requires a quota project, which is not set by default."
)
PLUGIN = "Getting metadata from plugin failed with error: "


def denied(reason: str, text: str = "Permission denied.", **metadata: str) -> Exception:
    """Return a 403 as Google sends it."""
    info = error_details_pb2.ErrorInfo(reason=reason, metadata=metadata)
    error: Exception = exceptions.PermissionDenied(text, details=[info], error_info=info)
    return error


def explain(error: Exception) -> Failure:
    """Return why streams could not be listed."""
    return explain_call_error(error, "shop-prod", "datastream.streams.list")


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (
            denied("SERVICE_DISABLED", "Datastream API has not been used in project 12 before."),
            "API disabled",
            "gcloud services enable datastream.googleapis.com --project shop-prod",
        ),
        (
            denied("SERVICE_DISABLED", NO_QUOTA_PROJECT),
            "API disabled",
            "gcloud auth application-default set-quota-project shop-prod",
        ),
        (
            denied("IAM_PERMISSION_DENIED", permission="datastream.objects.list"),
            "permission denied",
            "needs datastream.objects.list in project shop-prod. Grant a custom role",
        ),
        (
            denied("IAM_PERMISSION_DENIED", permission="monitoring.timeSeries.create"),
            "permission denied",
            "Grant roles/monitoring.metricWriter: gcloud projects add-iam-policy-binding shop-prod",
        ),
        (
            exceptions.PermissionDenied("no details"),
            "permission denied",
            "needs datastream.streams.list in project shop-prod",
        ),
        (denied("CONSUMER_INVALID"), "not found", "a project with the id shop-prod exists"),
        (denied("USER_PROJECT_DENIED"), "not found", "roles/serviceusage.serviceUsageConsumer"),
        (exceptions.NotFound("Location x."), "not found", "in config.yaml"),
        (exceptions.Unauthenticated("Expired."), "no valid credentials", "default login"),
        (exceptions.DeadlineExceeded("Too late"), "timed out", "raise run.deadline"),
        (exceptions.ResourceExhausted("Quota."), "quota exhausted", "datastream.googleapis.com"),
        (exceptions.ResourceExhausted("larger than max"), "refused", "endpoints.datastream"),
        (exceptions.ServiceUnavailable("Down."), "unavailable", "https://status.cloud.google.com"),
        (exceptions.ServiceUnavailable("DNS resolution failed"), "unavailable", "check the net"),
        (exceptions.ServiceUnavailable("Socket closed"), "unavailable", "The next run tries again"),
        (exceptions.InternalServerError("Oops."), "unavailable", "The next run tries again"),
        (exceptions.Aborted("Aborted."), "unavailable", "The next run tries again"),
        (exceptions.MethodNotImplemented("No."), "refused", "endpoints.datastream"),
        (exceptions.InvalidArgument("25 hours in the past"), "refused", "this machine's clock"),
        (ValueError("closed channel"), "refused", "report it"),
    ],
)
def test_each_error_has_its_kind_and_what_mends_it(error: Exception, kind: str, hint: str) -> None:
    """Both are one line; the server's own words are kept."""
    failure = explain(error)
    assert str(failure).startswith(f"{kind}: ")
    assert hint in failure.hint
    assert getattr(error, "message", str(error)) in failure.message
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("invalid_grant: Bad Request", "invalid_grant: Bad Request"),
        ("Connection aborted.", "Connection aborted."),
        ("", "the token server's answer is not one of OAuth"),
    ],
)
def test_a_call_without_a_token_is_a_matter_of_credentials(text: str, message: str) -> None:
    """It is unavailable to gRPC; the sentence of google-auth is unwrapped."""
    failure = explain(exceptions.ServiceUnavailable(PLUGIN + text))
    assert (failure.kind, failure.message) == (FailureKind.CREDENTIALS, message)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (auth_exceptions.RefreshError("invalid_grant: no", {"x": "S3CR3T"}), "invalid_grant: no"),
        (auth_exceptions.DefaultCredentialsError("bad file", ValueError("S3CR3T")), "bad file"),
        (auth_exceptions.GoogleAuthError(), ""),
        (FileNotFoundError(2, "No such file", "key.json"), "No such file"),
        (AttributeError("'S3CR3T' object has no attribute"), "AttributeError"),
        (UnicodeDecodeError("utf-8", b"S3CR3T", 0, 1, "invalid"), "UnicodeDecodeError"),
    ],
)
def test_what_google_auth_keeps_in_an_error_is_not_shown(error: Exception, message: str) -> None:
    """Its arguments can be the key itself."""
    failure = explain_credentials_error(error)
    assert message in failure.message
    assert "S3CR3T" not in str(failure)
    assert "application-default login" in failure.hint


@given(
    code=st.sampled_from([code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]),
    text=st.text() | st.text().map(lambda text: PLUGIN + text) | st.just("<html>" + "x" * 100_000),
    reason=st.sampled_from(["", "SERVICE_DISABLED", "IAM_PERMISSION_DENIED", "NEW_REASON"]),
)
def test_whatever_a_server_says_is_one_line(code: grpc.StatusCode, text: str, reason: str) -> None:
    """No text makes several lines or no end, and a proxy's whole page does not fill the log."""
    info = error_details_pb2.ErrorInfo(reason=reason)
    line = str(explain(exceptions.from_grpc_status(code, text, details=[info], error_info=info)))
    assert len(line.splitlines()) == 1
    assert re.search(r"[.!?…] \S", line)
    assert len(line) < 1_500


def test_an_error_reads_as_its_failure() -> None:
    """``str()`` is the sentence that a person reads."""
    failure = Failure(FailureKind.NOT_FOUND, "", "Look again.")
    assert str(CallError(failure)) == "not found: the server gave no reason. Look again."
    assert str(explain_unexpected_error(KeyError("x"))).startswith("refused: KeyError: 'x'. ")
