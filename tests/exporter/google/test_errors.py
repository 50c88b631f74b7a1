"""What an error of Google's means in a sentence, and what to do about it."""

import pytest
from google.api_core import exceptions
from google.rpc import error_details_pb2

from exporter.google.errors import (
    CallError,
    Failure,
    FailureKind,
    explain_call_error,
    explain_unexpected_error,
)
from tests.canary import Canary

NO_QUOTA = (
    "The datastream.googleapis.com API requires a quota project, which is not set"
)
REFUSAL = "vpcServiceControlsUniqueIdentifier: Vx7_a"
PLUGIN = "Getting metadata from plugin failed with error: "


def denied(reason: str, text: str = "Permission denied.", **metadata: str) -> Exception:
    """Return a 403 as Google sends it."""
    info = error_details_pb2.ErrorInfo(reason=reason, metadata=metadata)
    error: Exception = exceptions.PermissionDenied(
        text, details=[info], error_info=info
    )
    return error


def lacking(permission: str) -> Exception:
    """Return the 403 of an account that lacks a permission."""
    return denied("IAM_PERMISSION_DENIED", permission=permission)


def explain(error: Exception) -> Failure:
    """Return why streams could not be listed."""
    return explain_call_error(error, "shop-prod", "datastream.streams.list")


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (
            denied("SERVICE_DISABLED"),
            "API disabled",
            "enable datastream.googleapis.com --project",
        ),
        (
            denied("SERVICE_DISABLED", NO_QUOTA),
            "API disabled",
            "set-quota-project shop-prod",
        ),
        (
            denied("NEW_REASON"),
            "permission denied",
            "needs datastream.streams.list in project shop",
        ),
        (
            exceptions.PermissionDenied("No."),
            "permission denied",
            "add-iam-policy-binding shop-prod",
        ),
        (
            lacking("datastream.objects.list"),
            "permission denied",
            "Grant a custom role with datast",
        ),
        (
            lacking("monitoring.timeSeries.create"),
            "permission denied",
            "monitoring.metricWriter",
        ),
        (
            denied("CONSUMER_INVALID"),
            "not found",
            "a project with the id shop-prod exists",
        ),
        (
            exceptions.PermissionDenied(f"Prohibited. {REFUSAL}"),
            "permission denied",
            "VPC Service Controls around project shop-prod",
        ),
        (
            denied("SECURITY_POLICY_VIOLATED"),
            "permission denied",
            "To find the refusal in the audit log",
        ),
        (
            denied("USER_PROJECT_DENIED"),
            "not found",
            "roles/serviceusage.serviceUsageConsumer",
        ),
        (exceptions.NotFound("Location x."), "not found", "in config.yaml"),
        (
            exceptions.Unauthenticated("Expired."),
            "no valid credentials",
            "default login",
        ),
        (exceptions.DeadlineExceeded("Too late"), "timed out", "raise run.deadline"),
        (
            exceptions.ResourceExhausted("Quota."),
            "quota exhausted",
            "datastream.googleapis.com",
        ),
        (
            exceptions.ResourceExhausted("larger than max"),
            "refused",
            "endpoints.datastream",
        ),
        (
            exceptions.ServiceUnavailable("Down."),
            "unavailable",
            "https://status.cloud.google.com",
        ),
        (
            exceptions.ServiceUnavailable("DNS resolution failed"),
            "unavailable",
            "check the net",
        ),
        (
            exceptions.ServiceUnavailable("Socket closed"),
            "unavailable",
            "The next run tries again",
        ),
        (
            exceptions.InternalServerError("Oops."),
            "unavailable",
            "The next run tries again",
        ),
        (exceptions.Aborted("Aborted."), "unavailable", "The next run tries again"),
        (exceptions.MethodNotImplemented("No."), "refused", "endpoints.datastream"),
        (
            exceptions.InvalidArgument("25 hours in the past"),
            "refused",
            "this machine's clock",
        ),
        (ValueError("closed channel"), "refused", "report it"),
    ],
)
def test_each_error_has_its_kind_and_what_mends_it(
    error: Exception,
    kind: str,
    hint: str,
) -> None:
    """An error of Google's is one line: its kind, the server's words, and a hint."""
    failure = explain(error)
    assert str(failure).startswith(f"{kind}: ")
    assert hint in failure.hint
    assert getattr(error, "message", str(error)) in failure.message
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    "text", ["", "\n", f"{PLUGIN}\n", "one\ntwo", "<html>" + "x" * 100_000]
)
def test_whatever_a_server_says_is_one_line(text: str) -> None:
    """A message of several lines, or a proxy's whole page, is cut to one line."""
    line = str(explain(exceptions.ServiceUnavailable(text)))
    assert len(line.splitlines()) == 1
    assert len(line) < 1_500


def test_a_url_is_shown_without_its_password() -> None:
    """A proxy's user and password are left out of a message."""
    url = f"http://alice:{Canary.PROXY_PASSWORD}@proxy:3128"
    message = explain(exceptions.ServiceUnavailable(f"connecting to {url} failed"))
    assert message.message == "connecting to http://proxy:3128 failed"


def test_an_error_reads_as_its_failure() -> None:
    """An error prints as its kind, its message and its hint."""
    failure = Failure(FailureKind.NOT_FOUND, "", "Look again.")
    assert (
        str(CallError(failure)) == "not found: the server gave no reason. Look again."
    )
    assert str(explain_unexpected_error(KeyError("x"))).startswith(
        "refused: KeyError: 'x'. "
    )
