"""The table of the log's events: exporter/events.yaml has what the exporter logs."""

import json
from io import StringIO

from exporter.documents.document import packaged
from exporter.log.run_log import RunLog
from exporter.logger import JsonLines, logging_to
from exporter.run.run import run_once
from exporter.run.session import Session
from lab.emulator.emulator import Emulator
from lab.simulate.local import LocalClients
from lab.simulate.scenario_files import parse_scenario
from lab.simulate.simulation import Clock
from lab.simulate.virtual_sleep import VirtualDeadline

STORY = """\
title: Each event of the log
what: Streams change together; locations, objects and problems can't be read.
lasts: 16m
exporters: [{mode: function}]
world:
  config:
    metrics: {project: shop-prod}
    sources:
      - {project: shop-prod, locations: [europe-west1, us-east1]}
      - {project: shop-test, locations: [us-east1]}
    mutes: [{match: "*/muted-*", until: 2026-01-05T00:02:00Z}]
    expectations: [{match: "*", owner: Payments}]
    collect: {objects: true}
  projects:
    - id: shop-prod
      number: 1
      denied: [monitoring.timeSeries.list]
      locations:
        - id: europe-west1
          streams:
            - {id: "orders-{:02}", count: 60}
            - {id: muted-now, state: PAUSED}
            - id: "muted-{}"
              count: 5
              state: &lost FAILED_PERMANENTLY
              errors: &slot [{reason: SLOT}]
            - {id: new-now, exists: false, state: PAUSED}
            - {id: "new-{}", count: 5, exists: false, state: *lost, errors: *slot}
        - {id: us-east1, streams: [{id: stock}]}
    - id: shop-test
      number: 2
      locations: [{id: us-east1, streams: [{id: trial}]}]
  events:
    - {at: 30s, project: shop-prod, do: grant, permission: monitoring.timeSeries.list}
    - {at: 90s, stream: orders-01, do: fail, reason: SLOT_LOST, message: No slot 7}
    - {at: 150s, stream: "new-*", do: appear}
    - {at: 210s, stream: orders-02, do: delete}
    - {at: 270s, stream: "orders-*", do: pause}
    - {at: 330s, location: projects/shop-prod/locations/us-east1, do: unreachable}
    - {at: 390s, location: us-east1, do: reachable}
    - {at: 450s, location: projects/shop-prod/*, do: unreachable}
    - {at: 510s, location: projects/shop-prod/*, do: reachable}
    - {at: 530s, stream: "orders-[3-6]?", do: resume}
    - {at: 570s, stream: stock, do: report_error, reason: SLOT}
    - {at: 10m, project: "shop-*", do: revoke, permission: datastream.objects.list}
"""


def test_the_file_of_events_has_what_the_exporter_logs() -> None:
    """A story of everything logs each event and field of the file, and no other."""
    story = parse_scenario(STORY, "story", ())
    clock = Clock(1_767_571_200.0)
    clients = LocalClients(Emulator(story.world, clock=clock))
    session = Session(story.configs[0], clients, monotonic=clock, now=clock)
    run_log = RunLog(clock)
    with logging_to(lines := StringIO(), JsonLines()):
        for _ in range(16):
            run_log.log(run_once(session, VirtualDeadline(50)))
            clock.now += 60
    logged: dict[str, set[str]] = {}
    for line in lines.getvalue().splitlines():
        entry = json.loads(line)
        fields = entry.keys() - {"severity", "message", "event"}
        logged.setdefault(entry["event"], set()).update(fields)
    events = packaged("exporter", "events.yaml").items()
    assert logged == {name: set(event["fields"]) for name, event in events}
