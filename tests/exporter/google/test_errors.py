"""What an error of Google's means in a sentence, and what to do about it."""

from typing import Any

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
from tests.tables import beside

ERRORS = beside(__file__, "errors.yaml")
PLUGIN = "Getting metadata from plugin failed with error: "


def explain(error: Exception) -> Failure:
    """Return why streams could not be listed."""
    return explain_call_error(error, "shop-prod", "datastream.streams.list")


@pytest.mark.parametrize("said", ERRORS, ids=lambda said: said["hint"])
def test_each_error_has_its_kind_and_what_mends_it(said: dict[str, Any]) -> None:
    """An error of Google's is one line: its kind, the server's words, and a hint."""
    text = said.get("text", "Permission denied.")
    more: dict[str, Any] = {}
    if "reason" in said:
        info = error_details_pb2.ErrorInfo(
            reason=said["reason"], metadata=said.get("metadata")
        )
        more = {"details": [info], "error_info": info}
    failure = explain(getattr(exceptions, said["error"])(text, **more))
    assert str(failure).startswith(f"{said['kind']}: ")
    assert said["hint"] in failure.hint
    assert text in failure.message
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
    assert "report it" in explain(ValueError("closed channel")).hint
