"""Says what each route of a plan reads, and whom it notifies, before and after."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from exporter.documents.mistakes import InputError
from lab.markdown import code
from lab.policies.deployment import IN_EACH_ROUTE, is_read, routed
from lab.review.finding import ERROR, ReviewFinding
from lab.review.plan import DEFAULT_ROUTE, Plan, parsed
from lab.review.planned import PlannedPolicy, PolicyChange, notified

_LABELS = {"namespace": "projects", "stream_id": "streams"}

# A policy, and whom it notifies before and after a plan
Notified: TypeAlias = tuple[PolicyChange, str, str]


@dataclass(frozen=True)
class ChangedRoute:
    """Policies whose channels change, before and after."""

    route: str
    before: str
    after: str
    policies: list[str]


def changed_routes(told: Iterable[Notified]) -> list[ChangedRoute]:
    """Return whose channels change."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for change, before, after in told:
        if before != after:
            route = f"{change.deployment}{change.route}"
            found[route, before, after].append(change.name)
    return [ChangedRoute(*key, names) for key, names in sorted(found.items())]


def notifications(plan: Plan) -> Iterator[Notified]:
    """Yield each policy, and whom it notifies before and after.

    Where a route has no policy of its own, the default route's notifies, if no other
    route takes over what this one read.
    """
    defaults = {
        each.alert: each for each in plan.changes if each.route == DEFAULT_ROUTE
    }
    for change in plan.changes:
        default = change
        if change.route != DEFAULT_ROUTE:
            default = defaults.get(change.alert, change)
        before = change.before or _reading_too(default.before, change.after)
        after = change.after or _reading_too(default.after, change.before)
        yield change, notified(before), notified(after)


def _reading_too(
    default: PlannedPolicy | None, own: PlannedPolicy | None
) -> PlannedPolicy | None:
    """Return the default route's policy, if it reads what a route's own does."""
    labels = "|".join(_LABELS)
    globs = routed(_query(own), labels, "=~")
    if globs and globs <= routed(_query(default), labels, "!~"):
        return None
    return default


def reads(plan: Plan, side: int) -> set[str]:
    """Return a line about what each route reads before a plan (0), or after (1)."""
    routes: dict[tuple[str, str, str], str] = {}
    # All but a route itself leave out what it reads: so does a quiet one, without a
    # policy of its own.
    for operator in ("=~", "!~"):
        for change in plan.changes:
            if change.file != IN_EACH_ROUTE:
                continue
            route = "a route without channels, so in no policy"
            if operator == "=~":
                route = f"route {code(f'{change.deployment}{change.route}')}"
            query = _query((change.before, change.after)[side])
            for label, what in _LABELS.items():
                for glob in sorted(routed(query, label, operator)):
                    routes.setdefault((change.deployment, what, glob), route)
    lines = defaultdict(list)
    for (_, what, glob), route in routes.items():
        lines[f"- In {route}: {what}"].append(code(glob))
    return {f"{start} {', '.join(globs)}" for start, globs in lines.items()}


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
                            f"No policy reads {code(stream)}, which config requires: a"
                            " route without channels has it"
                        )
                        yield ReviewFinding(ERROR, "required", sentence)


def _query(planned: PlannedPolicy | None) -> str:
    """Return a policy's query; empty if it has none, or the lab can't read it."""
    policy = planned and planned.policy
    return (policy and policy.query) or ""
