"""Reads the Datastream API: complete answers, or the reason why there is none.

Source: https://cloud.google.com/datastream/docs/reference/rpc.
"""

from collections import Counter
from collections.abc import Mapping
from operator import attrgetter
from typing import NamedTuple

from google.cloud import datastream_v1
from google.cloud.location import locations_pb2

from exporter.google.calls import Calls, Deadline, list_pages
from exporter.google.clients import Clients
from exporter.names import LocationName, StreamName

# The label on a stream, in Google Cloud, that names a state to expect
LABEL = "expected-state"
# Children in a page, the most that the API gives (ListStreamsRequest.page_size)
PAGE = 1000
_ERROR_CHARACTERS = 8192  # of an error's text that are kept; the log shows fewer


class Stream(NamedTuple):
    """A stream as the API lists it."""

    id: str  # the stream's id, the last part of its name
    state: int  # the API's number for its state, which the client may not know
    errors: int = 0  # how many errors it has, in any state
    label: str = ""  # the value of its ``expected-state`` label
    reason: str = ""  # the short reason of its newest error, for people alone
    error: str = ""  # the text of its newest error


class Objects(NamedTuple):
    """The objects (tables) of one stream."""

    # How many are in each backfill state, by the API's number
    by_state: Mapping[int, int]
    with_errors: int  # how many have active errors


class Datastream(NamedTuple):
    """Reads through Google's clients.

    Methods raise CallError unless the answer is complete.
    """

    clients: Clients
    calls: Calls
    error_texts: bool = True  # whether the texts of errors are kept

    def locations(self, project: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the ids of every location in which the project can have streams."""
        request = locations_pb2.ListLocationsRequest(
            name=f"projects/{project}", page_size=PAGE
        )
        pages = list_pages(
            self.clients.datastream_for(request.name).list_locations,
            request,
            "datastream.locations.list",
            deadline,
            self.calls,
        )
        return tuple(
            location.location_id for answer in pages for location in answer.locations
        )

    def streams(self, name: LocationName, deadline: Deadline) -> tuple[Stream, ...]:
        """Return the streams of a location."""
        pages = list_pages(
            self.clients.datastream_for(name).list_streams,
            datastream_v1.ListStreamsRequest(parent=str(name), page_size=PAGE),
            "datastream.streams.list",
            deadline,
            self.calls,
        )
        # By id, since a list that shifts between two pages repeats a stream.
        streams: dict[str, Stream] = {}
        for answer in pages:
            for stream in answer.streams:
                # The name may carry the project's number, so only its end is used.
                stream_id = stream.name.rsplit("/", 1)[-1]
                reason = error = ""
                if stream.errors:
                    # One without a time is the oldest.
                    newest = max(stream.errors, key=attrgetter("error_time.seconds"))
                    # An error's text may quote a connection's URL.
                    hide = self.calls.caller.hide_secrets
                    reason = hide(newest.reason[:_ERROR_CHARACTERS])
                    if self.error_texts:
                        error = hide(newest.message[:_ERROR_CHARACTERS])
                streams[stream_id] = Stream(
                    stream_id,
                    stream.state,
                    len(stream.errors),
                    stream.labels.get(LABEL, ""),
                    reason,
                    error,
                )
        return tuple(streams.values())

    def objects(self, name: StreamName, deadline: Deadline) -> Objects:
        """Return the objects of a stream in each backfill state, and with errors."""
        pages = list_pages(
            self.clients.datastream_for(name.location_name).list_stream_objects,
            datastream_v1.ListStreamObjectsRequest(parent=str(name), page_size=PAGE),
            "datastream.objects.list",
            deadline,
            self.calls,
        )
        # By name, since a list that shifts between two pages repeats an object.
        objects: dict[str, tuple[int, bool]] = {}
        for answer in pages:
            for found in answer.stream_objects:
                objects[found.name] = found.backfill_job.state, bool(found.errors)
        return Objects(
            by_state=Counter(state for state, _ in objects.values()),
            with_errors=sum(with_errors for _, with_errors in objects.values()),
        )
