"""Makes a review: what changes about policies, alerts and notifications."""

import difflib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import yaml

from exporter.log.summary import name_first
from lab.markdown import code
from lab.policies.files import Policy
from lab.policies.model import SEVERITIES
from lab.review.finding import ERROR, ReviewFinding
from lab.review.plan import DEFAULT_ROUTE, KEPT, Plan
from lab.review.planned import NOBODY, PlannedPolicy, PolicyChange, notified
from lab.review.playing import KINDS, LATER, LOST, ChangedIncident, Played
from lab.review.routes import changed_routes, heard, readers, silenced, unread
from lab.review.watched import watched

WORSE = (LOST, LATER)
# What a route decides in a policy's YAML, besides the end of its name
_OF_A_ROUTE = re.compile(
    r'\b(namespace|stream_id)[=!]~"[^"]*"'
    r"|^ *(route: .*|notificationChannel(s|Names):(\n *- .*)*)",
    re.MULTILINE,
)
_FALLS = {*combinations((*SEVERITIES, "none"), 2)}


@dataclass(frozen=True)
class ChangedPolicy:
    """What a plan does with a policy."""

    name: str
    route: str
    effect: str
    diff: list[str]


@dataclass(frozen=True)
class Review:
    """What a plan changes; ``--json`` prints it as it is."""

    notes: Sequence[str]  # sentences about the plan's limits
    # What is not watched or told, comes later or with less weight
    findings: list[ReviewFinding]
    config_diff: list[str]
    policies: list[ChangedPolicy]
    unchanged: int  # how many policies stay as they are
    scenarios: list[str]  # the names of those that were played
    count: dict[str, int]  # of the incidents, by kind
    incidents: list[ChangedIncident]
    problems: dict[str, str]  # why a policy can't be played, or never alerts
    # Facts of the routes that change, with their counts before and after
    routes: list[tuple[str, str, str, int, int]]
    is_first: bool  # whether no policy exists yet


def make_review(
    plan: Plan, played: Sequence[Played], files: Sequence[Policy] = ()
) -> Review:
    """Return the review of a plan; ``files`` have the severities that are meant."""
    meant = {policy.name: policy.severity for policy in files}
    defaults = {e.alert: e.after for e in plan.changes if e.route == DEFAULT_ROUTE}
    alike = defaults if readers(plan, 0) != readers(plan, 1) else {}
    policies = [
        _changed(each, alike.get(each.alert))
        for each in plan.changes
        if each.action != KEPT
    ]
    incidents = [each for result in played for each in result.incidents]
    count = Counter(each.kind for each in incidents)
    return Review(
        notes=plan.notes,
        findings=[
            *silenced(plan),
            *watched(plan.configs),
            *unread(plan),
            *_findings(plan, defaults, meant, incidents),
        ],
        config_diff=[*_config_diff(plan)],
        policies=policies,
        unchanged=len(plan.changes) - len(policies),
        scenarios=[result.scenario for result in played],
        count={kind: count[kind] for kind in KINDS},
        incidents=incidents,
        problems=_problems(plan, played),
        routes=changed_routes(plan),
        is_first=plan.is_first,
    )


def _changed(change: PolicyChange, default: PlannedPolicy | None) -> ChangedPolicy:
    """Return what happens to a policy, without a diff if only its route changes it.

    ``default`` is the default route's policy if routes change.
    """
    before, after = change.before, change.after
    effect = _effect(change)
    old, new = _yaml(before), _yaml(after)
    if default and after:
        like = old or _yaml(default)
        if _bare(like, change) == _bare(new, change):
            effect += ", only `namespace`, `stream_id` and channels are new"
            old = new
    return ChangedPolicy(change.name, change.placement, effect, _diff(old, new))


def _bare(text: str, change: PolicyChange) -> str:
    """Return a policy's YAML without what its route decides, nor its layout."""
    text = text.replace(f" ({change.route})", "")
    return re.sub(r"[\s,]", "", _OF_A_ROUTE.sub("", text))


def _findings(
    plan: Plan,
    defaults: Mapping[str, PlannedPolicy | None],
    meant: Mapping[str, str],
    incidents: list[ChangedIncident],
) -> Iterator[ReviewFinding]:
    """Yield what gets worse about policies, each with the policies' names."""
    # By key and first words
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    told = heard(plan, 1)
    for change in plan.changes:
        # What a route no longer has, the default route's policy reads.
        after = change.after or defaults.get(change.alert)
        is_new = notified(change.before) != NOBODY
        if after and is_new and notified(after) == NOBODY:
            severity = meant.get(change.file) or after.severity
            severities = told.get(change.placement, set())
            # A list may be empty on purpose, but for CRITICAL or for all.
            is_meant = severity == "ERROR" and "CRITICAL" in severities
            if severity != "WARNING" and not (is_meant and severity not in severities):
                found["nobody", "Nobody is notified of"].append(change.name)
    stay = {each.alert for each in plan.changes if each.after and each.after.enabled}
    for each in plan.changes:
        before, after = each.before, each.after
        if not (before and before.enabled):
            continue
        if each.alert not in stay:
            gone = ("off", "Switched off:") if after else ("deleted", "Deleted:")
            found[gone].append(each.name)
        elif after:
            fall = before.severity, after.severity
            if fall in _FALLS:
                words = f"Severity falls from {' to '.join(fall)}:"
                found["severity", words].append(each.name)
    for kind in WORSE:
        if names := [each.policy for each in incidents if each.kind == kind]:
            words = f"Alerts {kind} in the scenarios: {len(names):,}, of"
            found[kind, words] = [*dict.fromkeys(names)]
    for (key, words), names in found.items():
        yield ReviewFinding(ERROR, key, f"{words} {name_first([*map(code, names)])}")


def _config_diff(plan: Plan) -> Iterator[str]:
    """Yield the diff of each deployment's config, named where there are several."""
    for name, configs in plan.configs.items():
        diff = _diff(*map("\n".join, configs))
        if diff and len(plan.configs) > 1:
            yield f"--- {name}"
        yield from diff


def _diff(old: str, new: str) -> list[str]:
    lines = old.splitlines(), new.splitlines()
    # The first two lines name files.
    return list(difflib.unified_diff(*lines, lineterm="", n=1))[2:]


def _yaml(planned: PlannedPolicy | None) -> str:
    """Return a policy's values, with each line of a text on a line of its own."""
    if planned is None:
        return ""
    return str(
        yaml.dump(planned.values, Dumper=_Dumper, allow_unicode=True, width=math.inf)
    )


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, so that a diff shows single lines."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


def _effect(change: PolicyChange) -> str:
    """Return what happens to a policy: Terraform's words, or more exact ones."""
    if " and " in change.action:
        return "replace: its open incidents close, and open again"
    before, after = change.before, change.after
    if before and after and before.enabled != after.enabled:
        return "switch on" if after.enabled else "switch off"
    return change.action


def _problems(plan: Plan, played: Sequence[Played]) -> dict[str, str]:
    """Return why policies can't be played, and which of those played never alert."""
    found = {}
    for change in plan.changes:
        if change.problem and change.action != KEPT:
            sentence = f"the scenarios can't show what changes: {change.problem}"
            found[change.name] = sentence
    fires: Counter[str] = Counter()
    errors: dict[str, str] = {}
    for result in played:
        errors = result.errors | errors
        fires.update(result.fires)
    for file in sorted(fires):
        if file in errors:
            found[file] = f"it would never alert: {errors[file]}"
        elif not fires[file]:
            found[file] = (
                "no scenario covers it: it alerts in none, before or after the plan"
            )
    return found
