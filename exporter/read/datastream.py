"""The Datastream API as the exporter reads it: complete answers, or the reason why not.

Every list is paged here, one bounded call for each page: the client's list calls have no default
timeout and no default retry, and its pager keeps only the last page's ``unreachable``.

Source: https://cloud.google.com/datastream/docs/reference/rpc (ListStreams, ListStreamObjects,
ListPrivateConnections; google.cloud.location.ListLocations).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

from google.api_core import exceptions
from google.cloud import datastream_v1
from google.cloud.location import locations_pb2

from exporter.gcp.errors import CallError, Failure, FailureKind, Target, explain_call_error
from exporter.gcp.retry import Calls, call_with_retry
from exporter.measure.expectations import LABEL
from exporter.read.observations import Objects, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.gcp.deadline import Deadline
    from exporter.names import LocationName, StreamName

PAGE = 1000
"""Children in a page, the most that the API gives (ListStreamsRequest.page_size)."""

MOST_PAGES = 50
"""Pages read of one list: 200 streams a location are the API's quota, and 10,000 objects a stream
its recommendation."""

SERVICE = "datastream.googleapis.com"

_SAME_PAGE = "the page that follows is the same page again"
_INCOMPLETE = "What it holds is left out, as some of it is not known."

_HEDGE_SHARE = 1 / 3
"""After this part of the time that is left, a call without an answer is made once more."""
_LONGEST_ERROR = 8192
"""Characters of an error's text that are kept; the log shows fewer."""


class _Location(Protocol):
    name: str
    location_id: str


class _Page(Protocol):
    next_page_token: str


class _LocationsPage(_Page, Protocol):
    """``google.cloud.location.ListLocationsResponse``, which comes without types."""

    locations: Sequence[_Location]


class _PartialPage(_Page, Protocol):
    unreachable: Sequence[str]


class _Request(Protocol):
    page_token: str


M = TypeVar("M")
P = TypeVar("P", bound=_Page)
P_co = TypeVar("P_co", bound=_Page, covariant=True)


class _Pager(Protocol[P_co]):
    @property
    def pages(self) -> Iterator[P_co]: ...


class Datastream:
    """Reads projects, locations and streams through Google's client.

    Each method takes the deadline of the complete answer. A call that hangs is made once more
    while it goes on, so an answer counts however late it comes.

    Pages are raw protobuf messages, typed as the wrappers around them: the fields are the same,
    and wrapping a thousand streams takes longer than everything else here.
    """

    def __init__(self, client: datastream_v1.DatastreamClient, calls: Calls) -> None:
        """Keep the client and the counter of calls. No call is made yet."""
        self._client = client
        self._calls = calls

    def locations(self, project: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the ids of every location in which the project can have streams.

        Raises:
            CallError: They could not be listed, or not all of them.
        """
        request = locations_pb2.ListLocationsRequest(name=f"projects/{project}", page_size=PAGE)

        def page(timeout: float) -> _LocationsPage:
            # This method has no pager and returns the raw response.
            response: _LocationsPage | None = self._client.list_locations(
                request, retry=None, timeout=timeout
            )
            return _message(response)

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

        # By id, since a list that shifts between two pages repeats a stream.
        streams: dict[str, Stream] = {}
        target = _target(at.project, "datastream.streams.list")
        for answer in self._list(self._client.list_streams, request, target, deadline):
            _require_complete(answer)
            for stream in answer.streams:
                # The name may carry the project's number, so only its end is used.
                stream_id = stream.name.rsplit("/", 1)[-1]
                if wants(stream_id):
                    label = stream.labels.get(LABEL)
                    first = stream.errors[0] if stream.errors else None
                    streams[stream_id] = Stream(
                        stream_id,
                        stream.state,
                        len(stream.errors),
                        label,
                        first.reason if first else None,
                        first.message[:_LONGEST_ERROR] if first else None,
                    )
        return tuple(streams.values())

    def objects(self, name: StreamName, deadline: Deadline) -> Objects:
        """Return how many objects of a stream are in each backfill state, and have errors.

        Raises:
            CallError: They could not be listed, or not all of them.
        """
        request = datastream_v1.ListStreamObjectsRequest(parent=str(name), page_size=PAGE)

        # By name, since a list that shifts between two pages repeats an object.
        objects: dict[str, tuple[int, bool]] = {}
        target = _target(name.project, "datastream.objects.list")
        answers = self._list(self._client.list_stream_objects, request, target, deadline)
        for answer in answers:
            for found in answer.stream_objects:
                objects[found.name] = found.backfill_job.state, bool(found.errors)
        return Objects(
            by_state=Counter(state for state, _ in objects.values()),
            with_errors=sum(with_errors for _, with_errors in objects.values()),
        )

    def connections(self, at: LocationName, deadline: Deadline) -> dict[str, int]:
        """Return the state of each private connection of a location, by its id.

        Raises:
            CallError: They could not be listed, or not all of them.
        """
        request = datastream_v1.ListPrivateConnectionsRequest(parent=str(at), page_size=PAGE)

        states: dict[str, int] = {}
        target = _target(at.project, "datastream.privateConnections.list")
        list_ = self._client.list_private_connections
        for answer in self._list(list_, request, target, deadline):
            _require_complete(answer)
            for connection in answer.private_connections:
                states[connection.name.rsplit("/", 1)[-1]] = connection.state
        return states

    def _list(
        self,
        method: Callable[..., _Pager[P]],
        request: _Request,
        target: Target,
        deadline: Deadline,
    ) -> Iterator[P]:
        """Yield every page of what a client's method lists, as raw messages."""

        def page(timeout: float) -> P:
            wrapped = _message(next(method(request, retry=None, timeout=timeout).pages))
            raw: P = type(wrapped).pb(wrapped)  # type: ignore[attr-defined] # of its metaclass
            return raw

        return self._pages(page, request, target, deadline)

    def _pages(
        self, page: Callable[[float], P], request: _Request, target: Target, deadline: Deadline
    ) -> Iterator[P]:
        """Yield every page of a list; ``request`` is advanced to each."""
        for _ in range(MOST_PAGES):
            hedge = deadline.left * _HEDGE_SHARE
            try:
                answer = call_with_retry(page, deadline=deadline, calls=self._calls, hedge=hedge)
            except exceptions.GoogleAPICallError as error:
                raise CallError(explain_call_error(error, target)) from error
            yield answer
            if not answer.next_page_token:
                return
            if answer.next_page_token == request.page_token:
                raise CallError(Failure(FailureKind.REFUSED, _SAME_PAGE, _INCOMPLETE))
            request.page_token = answer.next_page_token
        many = f"the list goes on after {MOST_PAGES} pages of up to {PAGE:,}"
        raise CallError(Failure(FailureKind.REFUSED, many, _INCOMPLETE))


def _message(answer: M | None) -> M:
    """Return an answer; there is none in a response that says OK and holds no message."""
    if answer is None:
        raise exceptions.InternalServerError("the response says OK and holds no message")
    return answer


def _target(project: str, permission: str) -> Target:
    return Target(
        service=SERVICE,
        project=project,
        permission=permission,
        role=f"a custom role with {permission} (roles/datastream.viewer has it too)",
        key="endpoints.datastream",
    )


def _require_complete(page: _PartialPage) -> None:
    if page.unreachable:
        raise CallError(
            Failure(
                FailureKind.UNREACHABLE,
                f"the answer leaves out what is in {', '.join(page.unreachable)}",
                "See https://status.cloud.google.com if it lasts.",
            )
        )
