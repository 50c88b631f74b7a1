"""Says which routes of a plan have policies of one's own, and streams twice."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress

from exporter.documents.mistakes import InputError
from exporter.names import StreamName
from lab.markdown import code
from lab.plans.plan import DEFAULT_ROUTE, Plan, parsed

# What Terraform writes into the selectors of a route by streams
_STREAMS = re.compile(r'datastream_\w+\{stream_id=~"([^"]*)"')


def routing(plan: Plan, ours: Collection[str]) -> Iterator[str]:
    """Yield sentences about a plan with routes; ``ours`` names the project's policies.

    Of the streams that are in several routes, those that config requires are known.
    """
    # The routes of each file, but for the default one
    routes_of: dict[str, set[str]] = defaultdict(set)
    streams: dict[str, str] = {}  # the ids of each route by streams, as a pattern
    for change in plan.changes:
        policy = change.after and change.after.policy
        if not policy:
            continue
        routes_of[str(policy.path)] |= {change.route} - {DEFAULT_ROUTE}
        found = _STREAMS.search(policy.query or "")
        if found and change.route != DEFAULT_ROUTE:
            streams[change.route] = found[1]
    if not any(routes_of.values()):
        return
    for file in sorted(routes_of.keys() - ours):
        routes = sorted(routes_of[file])
        where = f"also in {', '.join(map(code, routes))}" if routes else "in no route"
        yield f"Your policy {code(file)} is {where}."
    for name in _required(plan):
        routes = [
            route for route, ids in streams.items() if re.fullmatch(ids, name.stream)
        ]
        if len(routes) > 1:
            yield f"{code(name)} alerts in {' and in '.join(map(code, routes))}."


def _required(plan: Plan) -> Iterator[StreamName]:
    for each in plan.configs.values():
        # The review says elsewhere what is wrong.
        with suppress(InputError):
            for config in parsed(each.after, "new"):
                yield from config.required
