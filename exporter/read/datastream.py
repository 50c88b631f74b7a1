"""The Datastream API as the exporter reads it: whole answers, or the reason why not.

Every list is paged by hand, one bounded call a page: the client has no default timeout and no
default retry on any list call, and its pager keeps ``unreachable`` of the last page alone.

Source: https://cloud.google.com/datastream/docs/reference/rpc (ListStreams, ListStreamObjects,
ListPrivateConnections; google.cloud.location.ListLocations).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.cloud import datastream_v1
from google.cloud.location import locations_pb2

from exporter.gcp.errors import CallError, Failure, FailureKind, Target, explain_call_error
from exporter.gcp.retry import Calls, call_with_retry
from exporter.measure.expectations import LABEL
from exporter.read.observations import Objects, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.gcp.deadline import Deadline
    from exporter.names import LocationName, StreamName

PAGE = 1000
"""Children in a page, the most that the API gives (ListStreamsRequest.page_size)."""

MOST_OBJECT_PAGES = 50
"""Pages read of one stream's objects; 10,000 tables a stream are recommended at most."""

SERVICE = "datastream.googleapis.com"

_TRY_OF_THE_WHOLE = 1 / 2


class Datastream:
    """Reads projects, locations and streams through Google's client.

    Each method is given the deadline of the whole answer. A try of one page may take half of
    the time that is left at the start, so that a call that hangs is tried once more.
    """

    def __init__(self, client: datastream_v1.DatastreamClient, calls: Calls) -> None:
        """Keep the client, and where calls are counted; nothing is called yet."""
        self._client = client
        self._calls = calls

    def locations(self, project: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the ids of every location in which the project can have streams.

        Raises:
            CallError: They could not be listed.
        """
        # The mixin answers with the raw response and has no pager.
        request = locations_pb2.ListLocationsRequest(name=f"projects/{project}", page_size=PAGE)

        def page(timeout: float) -> Any:
            return self._client.list_locations(request, retry=None, timeout=timeout)

        return tuple(
            location.location_id or location.name.rsplit("/", 1)[-1]
            for answer in self._pages(
                page, request, _target(project, "datastream.locations.list"), deadline
            )
            for location in answer.locations
        )

    def streams(
        self, at: LocationName, wants: Callable[[str], bool], deadline: Deadline
    ) -> tuple[Stream, ...]:
        """Return the streams of a location whose ids are wanted.

        Raises:
            CallError: The location could not be read, or not all of it.
        """
        request = datastream_v1.ListStreamsRequest(parent=str(at), page_size=PAGE)

        def page(timeout: float) -> Any:
            pager = self._client.list_streams(request, retry=None, timeout=timeout)
            return datastream_v1.ListStreamsResponse.pb(next(pager.pages))

        # By id, as a list that shifts between two pages shows a stream on both.
        seen: dict[str, Stream] = {}
        for answer in self._pages(
            page, request, _target(at.project, "datastream.streams.list"), deadline
        ):
            _whole(answer)
            for stream in answer.streams:
                # The name may carry the project's number, so only its end is used.
                stream_id = stream.name.rsplit("/", 1)[-1]
                if wants(stream_id):
                    label = stream.labels.get(LABEL)
                    errors = stream.errors
                    reason = (errors[0].message or errors[0].reason) if errors else None
                    seen[stream_id] = Stream(stream_id, stream.state, len(errors), label, reason)
        return tuple(seen.values())

    def objects(self, name: StreamName, deadline: Deadline) -> Objects:
        """Return how many objects of a stream are in each backfill state, and have errors.

        Raises:
            CallError: They could not be listed, or are more than the bound on pages.
        """
        request = datastream_v1.ListStreamObjectsRequest(parent=str(name), page_size=PAGE)

        def page(timeout: float) -> Any:
            pager = self._client.list_stream_objects(request, retry=None, timeout=timeout)
            return datastream_v1.ListStreamObjectsResponse.pb(next(pager.pages))

        # By name, as a list that shifts between two pages shows an object on both.
        seen: dict[str, tuple[int, bool]] = {}
        target = _target(name.project, "datastream.objects.list")
        for number, answer in enumerate(self._pages(page, request, target, deadline), start=1):
            for found in answer.stream_objects:
                seen[found.name] = found.backfill_job.state, bool(found.errors)
            if number == MOST_OBJECT_PAGES and answer.next_page_token:
                raise CallError(
                    Failure(
                        FailureKind.REFUSED,
                        f"the stream has more than {MOST_OBJECT_PAGES * PAGE:,} objects",
                        "Its objects are left out; split the stream.",
                    )
                )
        return Objects(
            by_state=Counter(state for state, _ in seen.values()),
            with_errors=sum(with_errors for _, with_errors in seen.values()),
        )

    def connections(self, at: LocationName, deadline: Deadline) -> dict[str, int]:
        """Return the state of each private connection of a location, by its id.

        Raises:
            CallError: They could not be listed, or not all of them.
        """
        request = datastream_v1.ListPrivateConnectionsRequest(parent=str(at), page_size=PAGE)

        def page(timeout: float) -> Any:
            pager = self._client.list_private_connections(request, retry=None, timeout=timeout)
            return datastream_v1.ListPrivateConnectionsResponse.pb(next(pager.pages))

        states: dict[str, int] = {}
        target = _target(at.project, "datastream.privateConnections.list")
        for answer in self._pages(page, request, target, deadline):
            _whole(answer)
            for found in answer.private_connections:
                states[found.name.rsplit("/", 1)[-1]] = found.state
        return states

    def _pages(
        self, page: Callable[[float], Any], request: Any, target: Target, deadline: Deadline
    ) -> Iterator[Any]:
        """Yield every page of a list, as raw messages; ``request`` is moved on to each."""
        longest = deadline.left * _TRY_OF_THE_WHOLE
        while True:
            try:
                answer = call_with_retry(
                    page, deadline=deadline, longest=longest, calls=self._calls
                )
            except exceptions.GoogleAPICallError as error:
                raise CallError(explain_call_error(error, target)) from error
            yield answer
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token


def _target(project: str, permission: str) -> Target:
    return Target(
        service=SERVICE,
        project=project,
        permission=permission,
        role=f"a custom role with {permission} (roles/datastream.viewer has it too)",
        key="endpoints.datastream",
    )


def _whole(answer: Any) -> None:
    if answer.unreachable:
        raise CallError(
            Failure(
                FailureKind.UNREACHABLE,
                f"the answer leaves out what is in {', '.join(answer.unreachable)}",
                "See https://status.cloud.google.com if it lasts.",
            )
        )
