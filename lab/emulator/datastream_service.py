"""The Datastream service: listings of locations, streams, objects and private connections."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud import datastream_v1
from google.cloud.location import locations_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from lab.emulator.page_tokens import next_token, page_range
from lab.emulator.server import Method, Services
from lab.emulator.status_errors import (
    StatusError,
    api_disabled,
    invalid_argument,
    permission_denied,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from lab.emulator.page_tokens import PageRange
    from lab.emulator.timeline import (
        LocationSnapshot,
        ObjectSnapshot,
        ProjectSnapshot,
        Snapshot,
        StreamSnapshot,
    )
    from lab.emulator.world import WorldConnection
    from lab.emulator.world_values import WorldError

# The raw classes behind Google's client: an order of magnitude faster than their wrappers.
_Stream: Any = datastream_v1.Stream.pb()
_Error: Any = datastream_v1.Error.pb()
_Object: Any = datastream_v1.StreamObject.pb()
_Connection: Any = datastream_v1.PrivateConnection.pb()
_ListStreams: Any = datastream_v1.ListStreamsRequest.pb()
_ListStreamsResponse: Any = datastream_v1.ListStreamsResponse.pb()
_GetStream: Any = datastream_v1.GetStreamRequest.pb()
_ListObjects: Any = datastream_v1.ListStreamObjectsRequest.pb()
_ListObjectsResponse: Any = datastream_v1.ListStreamObjectsResponse.pb()
_ListConnections: Any = datastream_v1.ListPrivateConnectionsRequest.pb()
_ListConnectionsResponse: Any = datastream_v1.ListPrivateConnectionsResponse.pb()

_PAGE_SIZE = 50
_LARGEST_PAGE = 1000


class _ResolvedLocation(NamedTuple):
    """What a request's name leads to; ``parent`` as answers spell it."""

    project: ProjectSnapshot
    location: LocationSnapshot
    parent: str


class DatastreamService:
    """Answers the calls of Google's Datastream client from a fleet."""

    def __init__(
        self,
        fleet: Callable[[], Snapshot],
        *,
        started: float,
        largest_page: Mapping[str, int],
    ) -> None:
        """Take what to answer from.

        Args:
            fleet: What exists now; the same object as long as nothing changes.
            started: The world's start, unix seconds.
            largest_page: Smaller maximum page sizes than Google's, by method.
        """
        self._fleet = fleet
        self._started = started
        self._largest_page = largest_page
        self._pages: tuple[Snapshot | None, dict[tuple[str, PageRange], bytes]] = (None, {})

    @property
    def services(self) -> Services:
        """Return the methods by service, as a server takes them."""
        return {
            "google.cloud.datastream.v1.Datastream": {
                "ListStreams": Method(_ListStreams, self._list_streams),
                "GetStream": Method(_GetStream, self._get_stream),
                "ListStreamObjects": Method(_ListObjects, self._list_objects),
                "ListPrivateConnections": Method(_ListConnections, self._list_connections),
            },
            "google.cloud.location.Locations": {
                "ListLocations": Method(locations_pb2.ListLocationsRequest, self._list_locations),
            },
        }

    def _list_locations(self, request: Any) -> Any:
        project = self._project(
            self._fleet(), request.name, "datastream.locations.list", request.name
        )
        at = self._window(request, "ListLocations", request.name)
        locations = list(project.locations)
        return locations_pb2.ListLocationsResponse(
            locations=[
                locations_pb2.Location(
                    name=f"projects/{project.named}/locations/{each}", location_id=each
                )
                for each in at.cut(locations)
            ],
            next_page_token=next_token(at, len(locations), of=request.name),
        )

    def _list_streams(self, request: Any) -> bytes | Any:
        fleet = self._fleet()
        place = self._place(fleet, request.parent, "datastream.streams.list")
        location, parent = place.location, place.parent
        if location.outage == "listed":
            return _ListStreamsResponse(unreachable=[parent])
        at = self._window(request, "ListStreams", request.parent)
        # A big fleet's pages are asked for again and again while nothing happens to it.
        if self._pages[0] is not fleet:
            self._pages = fleet, {}
        pages = self._pages[1]
        page = pages.get((request.parent, at))
        if page is None:
            streams = list(location.streams.values())
            response = _ListStreamsResponse(
                next_page_token=next_token(at, len(streams), of=request.parent)
            )
            if location.outage == "partial" and at.start == 0:
                response.unreachable.append(parent)
            else:
                response.streams.extend(self._stream(parent, each) for each in at.cut(streams))
            page = pages[request.parent, at] = response.SerializeToString()
        return page

    def _get_stream(self, request: Any) -> Any:
        parent, _, id_ = request.name.rpartition("/streams/")
        place = self._place(self._fleet(), parent, "datastream.streams.get", request.name)
        stream = place.location.streams.get(id_)
        if stream is None:
            raise _not_found(request.name)
        return self._stream(place.parent, stream)

    def _list_objects(self, request: Any) -> Any:
        parent, _, id_ = request.parent.rpartition("/streams/")
        place = self._place(self._fleet(), parent, "datastream.objects.list", request.parent)
        stream = place.location.streams.get(id_)
        if stream is None:
            raise _not_found(request.parent)
        at = self._window(request, "ListStreamObjects", request.parent)
        prefix = f"{place.parent}/streams/{id_}/objects/"
        return _ListObjectsResponse(
            stream_objects=[self._object(prefix, each) for each in at.cut(stream.objects)],
            next_page_token=next_token(at, len(stream.objects), of=request.parent),
        )

    def _list_connections(self, request: Any) -> Any:
        place = self._place(self._fleet(), request.parent, "datastream.privateConnections.list")
        if place.location.outage is not None:
            return _ListConnectionsResponse(unreachable=[place.parent])
        at = self._window(request, "ListPrivateConnections", request.parent)
        connections = list(place.location.connections.values())
        return _ListConnectionsResponse(
            private_connections=[
                self._connection(place.parent, each) for each in at.cut(connections)
            ],
            next_page_token=next_token(at, len(connections), of=request.parent),
        )

    @staticmethod
    def _project(fleet: Snapshot, name: str, permission: str, resource: str) -> ProjectSnapshot:
        """Return the project that a name leads to.

        Raises:
            Refused: There is none, its API is disabled, or the caller may not.
        """
        kind, _, rest = name.partition("/")
        id_ = rest.partition("/")[0]
        if kind != "projects" or not id_:
            raise invalid_argument(f"Malformed name: '{name}'")
        project = fleet.project(id_)
        if project is None:
            raise StatusError("NOT_FOUND", f"Project '{id_}' not found or access is unauthorized.")
        if not project.api_enabled:
            raise api_disabled(project.number)
        if permission in project.denied:
            raise permission_denied(permission, resource)
        return project

    def _place(
        self, fleet: Snapshot, name: str, permission: str, resource: str | None = None
    ) -> _ResolvedLocation:
        """Return the location that ``projects/P/locations/L`` leads to.

        Raises:
            Refused: As for the project; or there is no such location, or it does not answer.
        """
        project = self._project(fleet, name, permission, resource or name)
        _, _, kind, id_, *_ = [*name.split("/", 3), "", ""]
        if kind != "locations" or not id_:
            raise invalid_argument(f"Malformed name: '{name}'")
        location = project.locations.get(id_)
        if location is None:
            raise StatusError(
                "NOT_FOUND", f"Location {id_} is not found or access is unauthorized."
            )
        if location.outage == "unavailable":
            raise StatusError("UNAVAILABLE", "The service is currently unavailable.")
        return _ResolvedLocation(project, location, f"projects/{project.named}/locations/{id_}")

    def _window(self, request: Any, method: str, of: str) -> PageRange:
        largest = self._largest_page.get(method, _LARGEST_PAGE)
        return page_range(
            request.page_size, request.page_token, default=_PAGE_SIZE, largest=largest, of=of
        )

    def _stream(self, parent: str, stream: StreamSnapshot) -> Any:
        created = self._time(stream.appeared, stream.create_time)
        return _Stream(
            name=f"{parent}/streams/{stream.id}",
            display_name=stream.id,
            labels=stream.labels,
            state=stream.state,
            create_time=created,
            update_time=self._time(stream.updated, stream.create_time),
            errors=_errors(f"{parent}/streams/{stream.id}", stream.errors),
        )

    def _object(self, prefix: str, each: ObjectSnapshot) -> Any:
        schema, _, table = each.table.rpartition(".")
        # As Google's: an opaque id of its own, the same as long as the object lives.
        id_ = uuid.uuid5(uuid.NAMESPACE_URL, prefix + each.table)
        made = _Object(name=f"{prefix}{id_}", display_name=each.table)
        made.source_object.postgresql_identifier.schema = schema
        made.source_object.postgresql_identifier.table = table
        made.backfill_job.state = each.backfill
        made.errors.extend(_errors(made.name, each.errors))
        return made

    @staticmethod
    def _connection(parent: str, each: WorldConnection) -> Any:
        name = f"{parent}/privateConnections/{each.id}"
        errors = _errors(name, (each.error,)) if each.error else [None]
        return _Connection(name=name, display_name=each.id, state=each.state, error=errors[0])

    def _time(self, seconds: float | None, otherwise: datetime) -> Timestamp:
        unix = otherwise.timestamp() if seconds is None else self._started + seconds
        return Timestamp(seconds=int(unix))


def _errors(owner: str, problems: Sequence[WorldError]) -> list[Any]:
    return [
        _Error(
            reason=each.reason,
            message=each.message,
            error_uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{owner}#{each.reason}")),
        )
        for each in problems
    ]


def _not_found(name: str) -> StatusError:
    return StatusError("NOT_FOUND", f"Resource '{name}' was not found")
