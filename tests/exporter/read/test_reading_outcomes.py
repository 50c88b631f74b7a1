"""Why a location was not read, and that it costs no other location its reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.config import Endpoints
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.google.calls import Deadline
from exporter.google.errors import CallError, FailureKind
from exporter.names import LocationName
from exporter.measure import Observations
from tests.exporter.conftest import Lab
from tests.exporter.read.worlds import failure_of, project, seen

if TYPE_CHECKING:
    from tests.exporter.conftest import Serve

WELL = "us-east1"
SECONDS = 4.5
"""For reading; a location that fails transiently is given up after a third of it."""

KINDS = {
    "PERMISSION_DENIED": FailureKind.PERMISSION_DENIED,
    "NOT_FOUND": FailureKind.NOT_FOUND,
    "UNAVAILABLE": FailureKind.UNAVAILABLE,
    "INTERNAL": FailureKind.UNAVAILABLE,
    "ABORTED": FailureKind.UNAVAILABLE,
    "DEADLINE_EXCEEDED": FailureKind.TIMED_OUT,
    "RESOURCE_EXHAUSTED": FailureKind.QUOTA,
    "UNAUTHENTICATED": FailureKind.CREDENTIALS,
    "INVALID_ARGUMENT": FailureKind.REFUSED,
    "FAILED_PRECONDITION": FailureKind.REFUSED,
    "UNIMPLEMENTED": FailureKind.REFUSED,
    "UNKNOWN": FailureKind.REFUSED,
    "DATA_LOSS": FailureKind.REFUSED,
    "CANCELLED": FailureKind.REFUSED,
}


def failure(lab: Lab, source: dict[str, Any]) -> tuple[FailureKind, str, str]:
    """Return how the one location of a source failed."""
    (location,) = lab.read(source, seconds=SECONDS).unread
    return location.failure.kind, location.failure.message, location.failure.hint


def test_every_code_is_told_and_costs_no_other_location_its_reading(serve: Serve) -> None:
    """Each failing location has its own reason; those that are well are read beside them."""
    places = dict(zip((f"europe-west{n}" for n in range(1, 99)), KINDS, strict=False))
    lab = serve(
        {
            "projects": [
                project("shop-prod", {WELL: ["orders"]} | {place: ["x"] for place in places}),
                project("bank-prod", {WELL: ["ledger"]}),
            ],
            "faults": [
                {"method": "ListStreams", "location": place, "code": code}
                for place, code in places.items()
            ],
        }
    )
    observations = lab.read({"project": "shop-prod"}, {"project": "bank-prod"}, seconds=SECONDS)
    kinds = {}
    for unread in observations.unread:
        assert unread.failure.message
        assert unread.failure.hint
        kinds[places[unread.name.location]] = unread.failure.kind
    assert kinds == KINDS
    assert seen(observations) == {f"bank-prod/{WELL}": ["ledger"], f"shop-prod/{WELL}": ["orders"]}
    assert not observations.nothing_read


def test_a_disabled_api_is_told_with_the_command_that_enables_it(serve: Serve) -> None:
    """The other project is read; this one's location and discovery have the same reason."""
    off = project("shop-prod", {WELL: ["orders"]}, api="disabled")
    lab = serve({"projects": [off, project("bank-prod", {WELL: ["ledger"]})]})
    listed = {"project": "shop-prod", "locations": [WELL]}
    observations = lab.read(listed, {"project": "bank-prod"})
    unread = failure_of(observations, "shop-prod", WELL)
    assert unread.kind is FailureKind.API_DISABLED
    assert unread.hint == (
        "Enable it: gcloud services enable datastream.googleapis.com --project shop-prod"
    )
    assert seen(observations) == {f"bank-prod/{WELL}": ["ledger"]}
    assert lab.cloud.calls == {"ListLocations": 1, "ListStreams": 2}

    discovery = lab.read({"project": "shop-prod"}).failed_discoveries["shop-prod"]
    assert discovery.kind is FailureKind.API_DISABLED


def test_a_missing_permission_is_named(serve: Serve) -> None:
    """The permission of the answer's ErrorInfo stands in the sentence, with its project."""
    lab = serve(
        {"projects": [project("shop-prod", {WELL: ["a"]}, denied=["datastream.streams.list"])]}
    )
    kind, message, hint = failure(lab, {"project": "shop-prod", "locations": [WELL]})
    assert kind is FailureKind.PERMISSION_DENIED
    assert "datastream.streams.list" in message
    assert "needs datastream.streams.list in project shop-prod" in hint
    assert "gcloud projects add-iam-policy-binding shop-prod" in hint
    assert lab.cloud.calls == {"ListStreams": 1}


@pytest.mark.parametrize("source", [("no-such-project", WELL), ("shop-prod", "us-west4")])
def test_an_unknown_project_or_location_is_not_found(serve: Serve, source: tuple[str, str]) -> None:
    """It is told at once, with where to look."""
    lab = serve({"projects": [project("shop-prod", {WELL: ["orders"]})]})
    kind, _, hint = failure(lab, {"project": source[0], "locations": [source[1]]})
    assert kind is FailureKind.NOT_FOUND
    assert "config.yaml" in hint
    assert lab.calls.made == 1


def test_a_run_that_can_read_nothing_is_blind(serve: Serve) -> None:
    """Every discovery and every location failed; one that is well, and it is not."""
    denied = project("shop-prod", {WELL: ["a"]}, api="disabled")
    lab = serve({"projects": [denied, project("bank-prod", {WELL: []})]})
    shop = {"project": "shop-prod"}
    assert lab.read(shop).nothing_read
    assert lab.read(shop, fallback={"shop-prod": (WELL,)}).nothing_read
    assert not lab.read(shop, {"project": "bank-prod"}).nothing_read
    assert not Observations().nothing_read


def test_an_error_that_is_no_answer_leaves_the_location_unread(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a call ends in is an observation, its stack trace stands in the log."""
    lab = serve({"projects": [project("shop-prod", {WELL: ["orders"]})]})
    lab.clients.close()
    observations = lab.read({"project": "shop-prod"}, fallback={"shop-prod": (WELL,)})
    discovery = observations.failed_discoveries["shop-prod"]
    assert discovery.kind is FailureKind.REFUSED
    assert "closed channel" in discovery.message
    assert failure_of(observations, "shop-prod", WELL) == discovery
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


def test_an_answer_that_cannot_be_parsed_leaves_the_location_unread(serve: Serve) -> None:
    """Bytes that are not a protobuf are a failure like any other, reported after the retries."""
    lab = serve({"projects": [project("shop-prod", {WELL: ["orders"]})]})
    lab.cloud.answer("ListStreams", lambda _request: b"\xff")
    kind, message, _ = failure(lab, {"project": "shop-prod", "locations": [WELL]})
    assert kind is FailureKind.UNAVAILABLE
    assert "deserializing response" in message


def test_another_services_endpoint_is_told(serve: Serve) -> None:
    """UNIMPLEMENTED is final, and leads to the key of config.yaml that names the endpoint."""
    lab = serve({"projects": [project("shop-prod", {WELL: ["orders"]})]})
    named = dict.fromkeys((DATASTREAM_EMULATOR, MONITORING_EMULATOR), lab.cloud.monitoring)
    clients, _ = connect(Endpoints(), named, Identity())
    with clients, pytest.raises(CallError) as caught:
        Lab(lab.cloud, clients).api.streams(
            LocationName("shop-prod", WELL), lambda _stream: True, Deadline.after(SECONDS)
        )
    assert caught.value.failure.kind is FailureKind.REFUSED
    assert "endpoints.datastream" in caught.value.failure.hint
