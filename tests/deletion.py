"""A scenario in which a stream is deleted, for tests of the commands that play one."""

SCENARIO = """\
title: A stream is deleted
what: It pages as missing, and the log tells who did it.
lasts: 15m
world:
  config:
    metrics: {project: shop-prod}
    sources: [{project: shop-prod, locations: [europe-west1]}]
  projects:
    - id: shop-prod
      number: 1
      locations:
        - {id: europe-west1, streams: [{id: orders}, {id: stock}]}
  events:
    - {at: 5m, stream: orders, do: delete}
expect:
  - policy: stream-changed
    of: orders
    opens: {after: 5m, by: 5m10s}
  - policy: stream-missing
    of: orders
    opens: {after: 5m40s, by: 8m10s}
    stays: true
"""
