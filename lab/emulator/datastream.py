"""Answers the calls of Google's Datastream client from a world's snapshots."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud import datastream_v1
from google.cloud.location import locations_pb2
from google.longrunning import operations_pb2

from exporter.states import StreamState
from lab.emulator.answers import (
    PageRange,
    StatusError,
    api_disabled,
    page_range,
    permission_denied,
)
from lab.emulator.server import Services
from lab.emulator.snapshots import LocationSnapshot, Snapshot, StreamSnapshot
from lab.emulator.world import Event, Lifecycle, Pause, WorldError, WorldProject

# The raw classes behind Google's client: an order of magnitude faster than their
# wrappers.
_Error: Any = datastream_v1.Error.pb()
_ListStreamsResponse: Any = datastream_v1.ListStreamsResponse.pb()
_ListObjectsResponse: Any = datastream_v1.ListStreamObjectsResponse.pb()

_PAGE_SIZE = 50
_LARGEST_PAGE = 1000
_CHANGING = 10.0  # seconds for which a stream is DRAINING or STARTING


@dataclass
class DatastreamService:
    """Lists locations, streams and objects; pauses and resumes streams."""

    fleet: Callable[[], Snapshot]  # what exists now
    happen: Callable[[Event], None]  # lets an event happen
    seconds: Callable[[], float]  # since the world's start
    largest_page: Mapping[str, int]  # smaller maximum page sizes, by method
    _pages: tuple[Snapshot | None, dict[PageRange, Any]] = (None, {})

    @property
    def services(self) -> Services:
        """Return the methods by service, as a server takes them."""
        return {
            "google.cloud.datastream.v1.Datastream": {
                "ListStreams": self._list_streams,
                "ListStreamObjects": self._list_objects,
                "UpdateStream": self._update_stream,
            },
            "google.cloud.location.Locations": {"ListLocations": self._list_locations},
        }

    def _list_locations(self, request: Any) -> Any:
        fleet = self.fleet()
        project = self._project(fleet, request.name, "datastream.locations.list")
        page = self._page(request, "ListLocations")
        listed = [
            each.id
            for each in fleet.locations.values()
            if each.project == project.id and each.outage != "unlisted"
        ]
        found, token = page.cut(listed)
        response = locations_pb2.ListLocationsResponse(next_page_token=token)
        for id_ in found:
            response.locations.add(
                name=f"projects/{project.named}/locations/{id_}", location_id=id_
            )
        return response

    def _list_streams(self, request: Any) -> Any:
        fleet = self.fleet()
        location, parent = self._location(
            fleet, request.parent, "datastream.streams.list"
        )
        if location.outage == "listed":
            return _ListStreamsResponse(unreachable=[parent])
        page = self._page(request, "ListStreams")
        # While nothing happens to a big fleet, its pages are listed many times.
        if self._pages[0] is not fleet:
            self._pages = fleet, {}
        pages = self._pages[1]
        if page not in pages:
            streams, token = page.cut(list(location.streams.values()))
            response = _ListStreamsResponse(next_page_token=token)
            if location.outage == "partial" and page.start == 0:
                response.unreachable.append(parent)
            else:
                for each in streams:
                    response.streams.add(
                        name=f"{parent}/streams/{each.id}",
                        display_name=each.id,
                        labels=each.group.labels,
                        state=each.state,
                        errors=_errors(each.errors),
                    )
            pages[page] = response
        return pages[page]

    def _list_objects(self, request: Any) -> Any:
        parent, stream = self._stream(request.parent, "datastream.objects.list")
        page = self._page(request, "ListStreamObjects")
        objects = [(table, each) for each in stream.objects for table in each.ids]
        found, token = page.cut(objects)
        prefix = f"{parent}/streams/{stream.id}/objects/"
        response = _ListObjectsResponse(next_page_token=token)
        for table, each in found:
            # As Google's: an opaque id, the same as long as the object lives.
            own = uuid.uuid5(uuid.NAMESPACE_URL, prefix + table)
            response.stream_objects.add(
                name=f"{prefix}{own}",
                display_name=table,
                backfill_job={"state": each.backfill},
                errors=_errors(each.errors),
            )
        return response

    def _update_stream(self, request: Any) -> Any:
        """Pause or resume a stream, the only update that is known here.

        The operation is done at once, before the stream has its new state.
        """
        asked = request.stream
        self._stream(asked.name, "datastream.streams.update")
        at = self.seconds()
        event: Event = Pause(at=at, stream=asked.name, do="pause", draining=_CHANGING)
        if asked.state == StreamState.RUNNING:
            event = Lifecycle(at=at, stream=asked.name, do="resume", starting=_CHANGING)
        self.happen(event)
        operation = operations_pb2.Operation(done=True)
        operation.response.Pack(asked)
        return operation

    def _stream(self, name: str, permission: str) -> tuple[str, StreamSnapshot]:
        """Return a stream of a name, after its location's as answers spell it."""
        location, parent = self._location(self.fleet(), name, permission)
        id_ = name.rpartition("/")[2]
        if id_ not in location.streams:
            raise StatusError("NOT_FOUND", f"Resource '{name}' was not found")
        return parent, location.streams[id_]

    @staticmethod
    def _project(fleet: Snapshot, name: str, permission: str) -> WorldProject:
        """Return the project of ``projects/P…``, or raise Google's StatusError."""
        id_ = f"{name}/".split("/")[1]
        project = fleet.project(id_)
        if project is None:
            raise StatusError(
                "NOT_FOUND", f"Project '{id_}' not found or access is unauthorized."
            )
        if project.api == "disabled":
            raise api_disabled(project.number)
        if permission in project.denied:
            raise permission_denied(permission, name)
        return project

    def _location(
        self, fleet: Snapshot, name: str, permission: str
    ) -> tuple[LocationSnapshot, str]:
        """Return the location of a name of it or in it, and as answers spell it."""
        project = self._project(fleet, name, permission)
        id_ = f"{name}///".split("/")[3]
        location = fleet.locations.get(f"projects/{project.id}/locations/{id_}")
        if location is None:
            raise StatusError(
                "NOT_FOUND", f"Location {id_} is not found or access is unauthorized."
            )
        if location.outage == "unavailable":
            raise StatusError("UNAVAILABLE", "The service is currently unavailable.")
        return location, f"projects/{project.named}/locations/{id_}"

    def _page(self, request: Any, method: str) -> PageRange:
        largest = self.largest_page.get(method, _LARGEST_PAGE)
        listing = getattr(request, "parent", "") or request.name
        return page_range(request, listing, default=_PAGE_SIZE, largest=largest)


def _errors(errors: Sequence[WorldError]) -> list[Any]:
    return [_Error(reason=each.reason, message=each.message) for each in errors]
