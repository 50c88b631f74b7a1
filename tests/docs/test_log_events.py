"""The table of the log's events: exporter/events.yaml has what the exporter logs."""

from logging import LogRecord

from exporter.documents.document import packaged
from exporter.logger import FIELDS, LOGGER
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import simulate

STORY = """\
title: Each event of the log
what: Streams change, locations and objects can't be read, and problems neither.
lasts: 16m
exporters: [{mode: function}]
world:
  config:
    metrics: {project: shop-prod}
    sources:
      - {project: shop-prod, locations: [europe-west1, us-east1]}
      - {project: shop-test, locations: [us-east1]}
    mutes: [{match: "*/muted", until: 2026-01-05T00:02:00Z}]
    collect: {objects: true}
  projects:
    - id: shop-prod
      number: 1
      denied: [monitoring.timeSeries.list]
      locations:
        - id: europe-west1
          streams:
            - {id: "orders-{:02}", count: 60}
            - {id: muted, state: FAILED, errors: [{reason: SLOT_LOST, message: Slot 8}]}
            - {id: new, exists: false, errors: [{reason: SLOT_LOST, message: Slot 7}]}
        - {id: us-east1, streams: [{id: stock}]}
    - id: shop-test
      number: 2
      locations: [{id: us-east1, streams: [{id: trial}]}]
  events:
    - {at: 90s, stream: orders-01, do: fail, reason: SLOT_LOST, message: No slot 7}
    - {at: 150s, stream: new, do: appear}
    - {at: 210s, stream: orders-02, do: delete}
    - {at: 270s, stream: "orders-*", do: pause}
    - {at: 330s, location: projects/shop-prod/locations/us-east1, do: unreachable}
    - {at: 390s, location: us-east1, do: reachable}
    - {at: 450s, location: projects/shop-prod/*, do: unreachable}
    - {at: 510s, location: projects/shop-prod/*, do: reachable}
    - {at: 10m, project: "shop-*", do: revoke, permission: datastream.objects.list}
"""


def test_the_file_of_events_has_what_the_exporter_logs() -> None:
    """A story of everything logs each event and field of the file, and no other."""
    logged: dict[str, set[str]] = {}

    def remember(record: LogRecord) -> bool:
        fields = dict(getattr(record, FIELDS))
        if event := fields.pop("event", None):
            logged.setdefault(event, set()).update(fields)
        return True

    LOGGER.addFilter(remember)
    try:
        simulate(parse_scenario(STORY, "story", ()), 1_767_571_200.0)
    finally:
        LOGGER.removeFilter(remember)
    events = packaged("exporter", "events.yaml").items()
    assert logged == {name: set(event["fields"]) for name, event in events}
