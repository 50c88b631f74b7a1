"""The Datastream service: listings of locations, streams, objects and private connections."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from google.cloud import datastream_v1
from google.cloud.location import locations_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from lab.emulator.page_tokens import page_range
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


class DatastreamService:
    """Answers the calls of Google's Datastream client."""

    def __init__(
        self,
        fleet: Callable[[], Snapshot],
        *,
        started: float,
        largest_page: Mapping[str, int],
    ) -> None:
        """Create the service.

        Args:
            fleet: Returns what exists now; the same object as long as nothing changes.
            started: The world's start, unix seconds.
            largest_page: Smaller maximum page sizes than Google's, by method.
        """
        self._fleet = fleet
        self._started = started
        self._largest_page = largest_page
        self._pages: tuple[Snapshot | None, dict[PageRange, bytes]] = (None, {})

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
        found, token = self._page(request, "ListLocations", request.name).cut(
            list(project.locations)
        )
        return locations_pb2.ListLocationsResponse(
            locations=[
                locations_pb2.Location(
                    name=f"projects/{project.named}/locations/{id_}", location_id=id_
                )
                for id_ in found
            ],
            next_page_token=token,
        )

    def _list_streams(self, request: Any) -> bytes | Any:
        fleet = self._fleet()
        location, parent = self._location(fleet, request.parent, "datastream.streams.list")
        if location.outage == "listed":
            return _ListStreamsResponse(unreachable=[parent])
        page = self._page(request, "ListStreams", request.parent)
        # While nothing happens to a big fleet, its pages are listed many times.
        if self._pages[0] is not fleet:
            self._pages = fleet, {}
        pages = self._pages[1]
        answer = pages.get(page)
        if answer is None:
            streams, token = page.cut(list(location.streams.values()))
            response = _ListStreamsResponse(next_page_token=token)
            if location.outage == "partial" and page.start == 0:
                response.unreachable.append(parent)
            else:
                response.streams.extend(self._stream(parent, stream) for stream in streams)
            answer = pages[page] = response.SerializeToString()
        return answer

    def _get_stream(self, request: Any) -> Any:
        stream, parent = self._existing_stream(request.name, "datastream.streams.get")
        return self._stream(parent, stream)

    def _list_objects(self, request: Any) -> Any:
        stream, parent = self._existing_stream(request.parent, "datastream.objects.list")
        page = self._page(request, "ListStreamObjects", request.parent)
        found, token = page.cut(stream.objects)
        prefix = f"{parent}/streams/{stream.id}/objects/"
        return _ListObjectsResponse(
            stream_objects=[_object(prefix, each) for each in found], next_page_token=token
        )

    def _list_connections(self, request: Any) -> Any:
        location, parent = self._location(
            self._fleet(), request.parent, "datastream.privateConnections.list"
        )
        if location.outage is not None:
            return _ListConnectionsResponse(unreachable=[parent])
        page = self._page(request, "ListPrivateConnections", request.parent)
        found, token = page.cut(list(location.connections.values()))
        return _ListConnectionsResponse(
            private_connections=[_connection(parent, each) for each in found],
            next_page_token=token,
        )

    @staticmethod
    def _project(fleet: Snapshot, name: str, permission: str, resource: str) -> ProjectSnapshot:
        """Return the project that a name leads to.

        Raises:
            StatusError: There is none, its API is disabled, or the permission is missing.
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

    def _location(
        self, fleet: Snapshot, name: str, permission: str, resource: str | None = None
    ) -> tuple[LocationSnapshot, str]:
        """Return the location of ``projects/P/locations/L``, and its name as answers spell it.

        Raises:
            StatusError: As for the project; or there is no such location, or it does not answer.
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
        return location, f"projects/{project.named}/locations/{id_}"

    def _existing_stream(self, name: str, permission: str) -> tuple[StreamSnapshot, str]:
        """Return the stream of a full name, and its location's name as answers spell it.

        Raises:
            StatusError: As for the location; or there is no such stream.
        """
        parent, _, id_ = name.rpartition("/streams/")
        location, spelled = self._location(self._fleet(), parent, permission, name)
        stream = location.streams.get(id_)
        if stream is None:
            raise StatusError("NOT_FOUND", f"Resource '{name}' was not found")
        return stream, spelled

    def _page(self, request: Any, method: str, listing: str) -> PageRange:
        largest = self._largest_page.get(method, _LARGEST_PAGE)
        return page_range(request, listing, default=_PAGE_SIZE, largest=largest)

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

    def _time(self, seconds: float | None, otherwise: datetime) -> Timestamp:
        unix = otherwise.timestamp() if seconds is None else self._started + seconds
        return Timestamp(seconds=int(unix))


def _object(prefix: str, each: ObjectSnapshot) -> Any:
    schema, _, table = each.table.rpartition(".")
    # As Google's: an opaque id of its own, the same as long as the object lives.
    id_ = uuid.uuid5(uuid.NAMESPACE_URL, prefix + each.table)
    message = _Object(name=f"{prefix}{id_}", display_name=each.table)
    message.source_object.postgresql_identifier.schema = schema
    message.source_object.postgresql_identifier.table = table
    message.backfill_job.state = each.backfill
    message.errors.extend(_errors(message.name, each.errors))
    return message


def _connection(parent: str, each: WorldConnection) -> Any:
    name = f"{parent}/privateConnections/{each.id}"
    errors = _errors(name, (each.error,)) if each.error else [None]
    return _Connection(name=name, display_name=each.id, state=each.state, error=errors[0])


def _errors(owner: str, problems: Sequence[WorldError]) -> list[Any]:
    return [
        _Error(
            reason=each.reason,
            message=each.message,
            error_uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{owner}#{each.reason}")),
        )
        for each in problems
    ]
