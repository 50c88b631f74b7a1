"""Says what each route of a plan reads, and whom it notifies, before and after."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias

from exporter.documents.mistakes import InputError
from lab.markdown import code
from lab.policies.deployment import IN_EACH_ROUTE, is_read, routed
from lab.policies.model import SEVERITIES
from lab.review.finding import ERROR, ReviewFinding
from lab.review.plan import Plan, parsed
from lab.review.planned import NOBODY, PlannedPolicy, notified

_LABELS = {"namespace": "projects", "stream_id": "streams"}
# Mentions and a runbook, as the module writes them into a policy's text
_TEXT = re.compile(r"<[!@][^>]+>|(?<=\[Open the runbook\]\()[^)]+")
# Stands for the route of what no policy reads
QUIET = "(quiet)"

# A deployment, "projects" or "streams", and a glob of them that a route names
Glob: TypeAlias = tuple[str, str, str]


def changed_routes(plan: Plan) -> list[tuple[str, str, str, int, int]]:
    """Return all facts of the routes that change, with their counts."""
    old, new = _facts(plan, 0), _facts(plan, 1)
    facts = sorted(old | new)
    changed = {fact[0] for fact in facts if old[fact] != new[fact]}
    return [(*fact, old[fact], new[fact]) for fact in facts if fact[0] in changed]


def heard(plan: Plan, side: int) -> dict[str, set[str]]:
    """Return the severities of which each route notifies anybody."""
    found: dict[str, set[str]] = defaultdict(set)
    for route, what, value in _facts(plan, side):
        if what in SEVERITIES and value != NOBODY:
            found[route].add(what)
    return found


def _facts(plan: Plan, side: int) -> Counter[tuple[str, str, str]]:
    """Return what each route reads and does before a plan (0), or after (1).

    A fact is a route; "reads", a severity or "text"; and what it reads, notifies or
    says. It counts the policies.
    """
    found = Counter[tuple[str, str, str]]()
    for change in plan.changes:
        planned = (change.before, change.after)[side]
        if planned and planned.enabled:
            for channel in notified(planned).split(", "):
                found[change.placement, planned.severity, channel] += 1
            text = str(planned.values.get("documentation"))
            for part in _TEXT.findall(text):
                found[change.placement, "text", part] += 1
    for (_, what, glob), route in readers(plan, side).items():
        found[route, "reads", f"{what} {glob}"] += 1
    return found


def readers(plan: Plan, side: int) -> dict[Glob, str]:
    """Return the route of each glob before a plan (0), or after (1)."""
    routes: dict[Glob, str] = {}
    # All but a route itself leave out what it reads: so does a quiet one, without a
    # policy of its own.
    for operator in ("=~", "!~"):
        for change in plan.changes:
            if change.file != IN_EACH_ROUTE:
                continue
            route = change.placement if operator == "=~" else QUIET
            query = _query((change.before, change.after)[side])
            for label, what in _LABELS.items():
                for glob in sorted(routed(query, label, operator)):
                    routes.setdefault((change.deployment, what, glob), route)
    return routes


def silenced(plan: Plan) -> Iterator[ReviewFinding]:
    """Yield what alerts nobody any more, or from the beginning."""
    old, new = readers(plan, 0), readers(plan, 1)
    heard_before, heard_after = heard(plan, 0), heard(plan, 1)
    lines = defaultdict(list)
    for key, route in new.items():
        _, what, glob = key
        is_new = key not in old or old[key] in heard_before
        if is_new and route not in heard_after:
            why = f"route {code(route)} notifies nobody"
            if route == QUIET:
                why = "their route is quiet"
            lines[f"These {what} alert nobody ({why})"].append(code(glob))
    for start, globs in lines.items():
        yield ReviewFinding(ERROR, "silent", f"{start}: {', '.join(globs)}")


def unread(plan: Plan) -> Iterator[ReviewFinding]:
    """Yield the required streams that no policy reads."""
    for name, configs in plan.configs.items():
        queries = [
            _query(each.after)
            for each in plan.changes
            if each.file == IN_EACH_ROUTE
            and each.after
            and each.deployment in {"", f"{name}: "}
        ]
        with suppress(InputError):
            for config in parsed(configs.after, "new"):
                for stream in config.required:
                    if queries and not any(is_read(stream, each) for each in queries):
                        sentence = (
                            f"No policy reads {code(stream)}, which config requires:"
                            " its route is quiet"
                        )
                        yield ReviewFinding(ERROR, "required", sentence)


def _query(planned: PlannedPolicy | None) -> str:
    """Return a policy's query; empty if it has none, or the lab can't read it."""
    policy = planned and planned.policy
    return (policy and policy.query) or ""
