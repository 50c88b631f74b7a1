"""Answers the calls of Google's Datastream client from a world's snapshots."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.cloud import datastream_v1
from google.cloud.location import locations_pb2

from lab.emulator.answers import (
    PageRange,
    StatusError,
    api_disabled,
    page_range,
    permission_denied,
)
from lab.emulator.server import Services
from lab.emulator.snapshots import LocationSnapshot, Snapshot
from lab.emulator.world import WorldError, WorldProject

# The raw classes behind Google's client: an order of magnitude faster than their
# wrappers.
_Error: Any = datastream_v1.Error.pb()
_ListStreamsResponse: Any = datastream_v1.ListStreamsResponse.pb()
_ListObjectsResponse: Any = datastream_v1.ListStreamObjectsResponse.pb()

_PAGE_SIZE = 50
_LARGEST_PAGE = 1000


class DatastreamService:
    """Lists locations, streams and objects.

    ``fleet`` returns what exists now; ``largest_page`` has smaller maximum page sizes
    by method.
    """

    def __init__(
        self, fleet: Callable[[], Snapshot], largest_page: Mapping[str, int]
    ) -> None:
        self._fleet = fleet
        self._largest_page = largest_page
        self._pages: tuple[Snapshot | None, dict[PageRange, Any]] = (None, {})

    @property
    def services(self) -> Services:
        """Return the methods by service, as a server takes them."""
        return {
            "google.cloud.datastream.v1.Datastream": {
                "ListStreams": self._list_streams,
                "ListStreamObjects": self._list_objects,
            },
            "google.cloud.location.Locations": {"ListLocations": self._list_locations},
        }

    def _list_locations(self, request: Any) -> Any:
        fleet = self._fleet()
        project = self._project(
            fleet, request.name, "datastream.locations.list", request.name
        )
        page = self._page(request, "ListLocations")
        listed = []
        for each in project.locations:
            name = f"projects/{project.id}/locations/{each.id}"
            if fleet.locations[name].outage != "unlisted":
                listed.append(each.id)
        found, token = page.cut(listed)
        response = locations_pb2.ListLocationsResponse(next_page_token=token)
        for id_ in found:
            name = f"projects/{project.named}/locations/{id_}"
            response.locations.add(name=name, location_id=id_)
        return response

    def _list_streams(self, request: Any) -> Any:
        fleet = self._fleet()
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
        parent, _, id_ = request.parent.rpartition("/streams/")
        location, parent = self._location(
            self._fleet(), parent, "datastream.objects.list", request.parent
        )
        stream = location.streams.get(id_)
        if stream is None:
            raise StatusError("NOT_FOUND", f"Resource '{request.parent}' was not found")
        page = self._page(request, "ListStreamObjects")
        objects = [(table, each) for each in stream.objects for table in each.ids]
        found, token = page.cut(objects)
        prefix = f"{parent}/streams/{id_}/objects/"
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

    @staticmethod
    def _project(
        fleet: Snapshot, name: str, permission: str, resource: str
    ) -> WorldProject:
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
            raise permission_denied(permission, resource)
        return project

    def _location(
        self, fleet: Snapshot, name: str, permission: str, resource: str = ""
    ) -> tuple[LocationSnapshot, str]:
        """Return the location of a name, and that name as answers spell it."""
        project = self._project(fleet, name, permission, resource or name)
        id_ = name.rpartition("/")[2]
        location = fleet.locations.get(f"projects/{project.id}/locations/{id_}")
        if location is None:
            raise StatusError(
                "NOT_FOUND", f"Location {id_} is not found or access is unauthorized."
            )
        if location.outage == "unavailable":
            raise StatusError("UNAVAILABLE", "The service is currently unavailable.")
        return location, f"projects/{project.named}/locations/{id_}"

    def _page(self, request: Any, method: str) -> PageRange:
        largest = self._largest_page.get(method, _LARGEST_PAGE)
        listing = getattr(request, "parent", "") or request.name
        return page_range(request, listing, default=_PAGE_SIZE, largest=largest)


def _errors(errors: Sequence[WorldError]) -> list[Any]:
    return [_Error(reason=each.reason, message=each.message) for each in errors]
