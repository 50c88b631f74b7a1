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

from exporter.gcp.errors import (
    CallError,
    Failure,
    Kind,
    Target,
    credentials_failure,
    failure_of,
    unforeseen,
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
    refusal: exceptions.PermissionDenied = exceptions.PermissionDenied(
        text, details=[info], error_info=info
    )
    return refusal


TABLE = [
    (
        denied("SERVICE_DISABLED", "Datastream API has not been used in project 12 before."),
        Kind.API_DISABLED,
        "gcloud services enable datastream.googleapis.com --project shop-prod",
    ),
    (
        denied("SERVICE_DISABLED", NO_QUOTA_PROJECT),
        Kind.API_DISABLED,
        "gcloud auth application-default set-quota-project shop-prod, or --quota-project",
    ),
    (
        denied("IAM_PERMISSION_DENIED", metadata={"permission": "datastream.objects.list"}),
        Kind.PERMISSION_DENIED,
        "needs datastream.objects.list in project shop-prod. Grant a custom role",
    ),
    (
        denied("IAM_PERMISSION_DENIED"),
        Kind.PERMISSION_DENIED,
        "needs datastream.streams.list in project shop-prod",
    ),
    (
        exceptions.PermissionDenied("no details"),
        Kind.PERMISSION_DENIED,
        "gcloud projects add-iam-policy-binding shop-prod --member MEMBER --role ROLE",
    ),
    (denied("CONSUMER_INVALID"), Kind.NOT_FOUND, "a project with the id shop-prod exists"),
    (denied("USER_PROJECT_DENIED"), Kind.NOT_FOUND, "serviceusage.serviceUsageConsumer"),
    (exceptions.NotFound("Location x."), Kind.NOT_FOUND, "in config.yaml"),
    (exceptions.Unauthenticated("Expired."), Kind.CREDENTIALS, "application-default login"),
    (exceptions.DeadlineExceeded("Deadline Exceeded"), Kind.TIMED_OUT, "raise run.deadline"),
    (exceptions.ResourceExhausted("Quota."), Kind.QUOTA, "quotas of datastream.googleapis.com"),
    (exceptions.ServiceUnavailable("Down."), Kind.UNAVAILABLE, "https://status.cloud.google.com"),
    (exceptions.InternalServerError("Oops."), Kind.UNAVAILABLE, "The next run tries again"),
    (exceptions.Aborted("Aborted."), Kind.UNAVAILABLE, "The next run tries again"),
    (exceptions.MethodNotImplemented("No."), Kind.REFUSED, "endpoints.datastream"),
    (exceptions.InvalidArgument("Bad."), Kind.REFUSED, "datastream.googleapis.com answers there"),
    (ValueError("closed channel"), Kind.REFUSED, "report it"),
]
PLUGIN = "Getting metadata from plugin failed with error: "


@pytest.mark.parametrize(("error", "kind", "mend"), TABLE)
def test_each_refusal_has_its_kind_and_what_mends_it(
    error: Exception, kind: Kind, mend: str
) -> None:
    """Both are one line; the server's own words are kept."""
    failure = failure_of(error, TARGET)
    assert failure.kind is kind
    assert mend in failure.mend
    assert (error.message if hasattr(error, "message") else str(error)) in failure.said
    assert "\n" not in str(failure)
    assert str(failure).startswith(f"{kind}: ")


def test_every_kind_is_in_the_table() -> None:
    """Only what an answer itself says is not the meaning of a refusal."""
    assert {kind for _, kind, _ in TABLE} == set(Kind) - {Kind.UNREACHABLE}


@pytest.mark.parametrize(
    ("text", "mend"),
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
def test_a_connection_that_fails_is_told_by_its_cause(text: str, mend: str) -> None:
    """The words of gRPC lead to what to check: a name, a network, or what answers there."""
    failure = failure_of(exceptions.ServiceUnavailable(text), TARGET)
    assert failure.kind is Kind.UNAVAILABLE
    assert mend in failure.mend
    assert ("endpoints.datastream in config.yaml" in failure.mend) == ("next run" not in mend)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "('invalid_grant: Bad Request', {'error': 'invalid_grant'})",
            "invalid_grant: Bad Request",
        ),
        ('("It isn\'t valid", "details")', "It isn't valid"),
        ("Connection aborted.", "Connection aborted."),
        ("", ""),
    ],
)
def test_a_token_that_cannot_be_had_for_a_call_is_a_matter_of_credentials(
    text: str, said: str
) -> None:
    """It is unavailable to gRPC; the sentence of google-auth is unwrapped."""
    failure = failure_of(exceptions.ServiceUnavailable(PLUGIN + text), TARGET)
    assert failure.kind is Kind.CREDENTIALS
    assert failure.said == said


@pytest.mark.parametrize(
    ("error", "said"),
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
    error: Exception, said: str
) -> None:
    """What google-auth keeps among an error's arguments may be the key itself."""
    failure = credentials_failure(error)
    assert failure.kind is Kind.CREDENTIALS
    assert said in failure.said
    assert "S3CR3T" not in str(failure)
    assert "application-default login" in failure.mend


def test_a_token_server_that_is_out_of_reach_is_a_matter_of_the_network() -> None:
    """Logging in again would not help."""
    failure = credentials_failure(auth_exceptions.TransportError(OSError("Name not known")))
    assert "network" in failure.mend
    assert "login" not in failure.mend


def test_a_refused_impersonation_names_the_account_and_the_role() -> None:
    """It is the caller who lacks the role, on the account that is to be acted as."""
    account = "exporter@shop-prod.iam.gserviceaccount.com"
    error = auth_exceptions.RefreshError("Unable to acquire impersonated credentials", "{}")
    failure = credentials_failure(error, impersonated=account)
    assert account in failure.said
    assert f"add-iam-policy-binding {account}" in failure.mend
    assert "roles/iam.serviceAccountTokenCreator" in failure.mend
    own = auth_exceptions.RefreshError("invalid_grant: expired", {})
    assert "login" in credentials_failure(own, impersonated=account).mend


@given(
    code=st.sampled_from([code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]),
    text=st.one_of(st.text(), st.text().map(lambda text: PLUGIN + text)),
    reason=st.sampled_from(["", "SERVICE_DISABLED", "IAM_PERMISSION_DENIED", "NEW_REASON"]),
)
def test_whatever_a_server_says_is_one_line(code: grpc.StatusCode, text: str, reason: str) -> None:
    """No text makes a sentence of several lines, or one without an end."""
    info = error_details_pb2.ErrorInfo(reason=reason)
    error = exceptions.from_grpc_status(code, text, details=[info], error_info=info)
    line = str(failure_of(error, TARGET))
    assert len(line.splitlines()) == 1
    assert re.search(r"[.!?] \S", line)


def test_a_page_of_text_is_cut() -> None:
    """A proxy that answers with a whole page does not fill the log."""
    failure = failure_of(exceptions.ServiceUnavailable("<html>" + "x" * 100_000), TARGET)
    assert len(str(failure)) < 1_500


def test_a_refused_error_reads_as_its_failure() -> None:
    """``str()`` is the sentence that a person reads."""
    failure = Failure(Kind.NOT_FOUND, "", "Look again.")
    assert str(CallError(failure)) == "not found: the server gave no reason. Look again."
    assert str(unforeseen(KeyError("x"))).startswith("refused: KeyError: 'x'. ")
