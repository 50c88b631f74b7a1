"""Changes the text of a policy in one place: a duration, a comparison, a number, a label."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from google.cloud import monitoring_v3

from lab.policies.files import Policy
from lab.policies.model import MINUTE
from lab.promql_durations import parse

_PLACE = re.compile(
    r"""
    monitored_resource="[^"]*"                                # is the same in every series
    | \[ (?P<range>\w+) \] | \b offset \s+ (?P<offset>\w+)
    | (?P<comparison> [=!<>]= | [<>] ) \s+ \(? (?P<number> [0-9]+ \b )?
    | (?P<matcher> [=!]~ | [!<>]?= | [<>] )                   # without a space after it
    | \b (?:on | by) \s* \( (?P<labels> [\w,\s]+ ) \)
    | "(?:[^"\\]|\\.)*"                                       # a text
    """,
    re.VERBOSE,
)
_TURNED = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": "!=", "!=": "=="}
_MATCHERS = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
# What every line of a query has, so that nobody needs to read it
_LONG = re.compile(
    r'\w+_googleapis_com:(?:datastream_)?|\{(?:\w+="[^"]+"(?:, )?)+\}'
    r'|(?:monitored_resource|project_id)="[^"]+"(?:, )?'
)


class Mutant(NamedTuple):
    """A policy changed in one place."""

    description: str  # what was changed, unique among the mutants of the policy
    policy: Policy  # the changed policy


def mutants(policy: Policy) -> Iterator[Mutant]:
    """Yield every mutant of a policy.

    What is changed is a retest window or the time until a log incident closes; and in
    the query or filter: a duration is halved or doubled, a comparison turned, a number
    moved by one, a label of a join or an aggregation left out.
    """
    seen: Counter[str] = Counter()
    for description, changed in _changed_policies(policy):
        seen[description] += 1
        count = seen[description]
        yield Mutant(f"{description} #{count}" if count > 1 else description, changed)


def changed_texts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the line with each change in a query or filter, shortened, and the changed text."""
    for place in _PLACE.finditer(text):
        for kind, old in place.groupdict().items():
            for new in _CHANGES[kind](old) if old else ():
                before, after = text[: place.start(kind)], text[place.end(kind) :]
                beginning, rest = before.rpartition("\n")[2], after.partition("\n")[0]
                line = _LONG.sub("", f"{beginning}{old} → {new}{rest}").strip()
                yield line, before + new + after


def _changed_policies(policy: Policy) -> Iterator[tuple[str, Policy]]:
    if policy.filter is not None:
        for line, text in changed_texts(policy.filter):
            yield line, replace(policy, filter=text)
        closes = monitoring_v3.AlertPolicy.pb(
            policy.proto
        ).alert_strategy.auto_close.seconds
        for seconds in (closes // 2, closes * 2):
            proto = monitoring_v3.AlertPolicy(policy.proto)
            monitoring_v3.AlertPolicy.pb(
                proto
            ).alert_strategy.auto_close.seconds = seconds
            yield f"auto-close {closes}s → {seconds}s", replace(policy, proto=proto)
        return
    for line, text in changed_texts(policy.query or ""):
        yield line, replace(policy, query=text)
    window = policy.retest_window
    for seconds in (0, window // 2, window * 2) if window else (MINUTE,):
        changed = replace(policy, retest_window=seconds)
        yield f"retest window {window}s → {seconds}s", changed


def _durations(old: str) -> list[str]:
    seconds = int(parse(old).total_seconds())
    return [f"{seconds // 2}s", f"{seconds * 2}s"]


def _without_one(old: str) -> list[str]:
    labels = re.findall(r"\w+", old)
    return [", ".join(each for each in labels if each != label) for label in labels]


_CHANGES: Mapping[str, Callable[[str], list[str]]] = {
    "range": _durations,
    "offset": _durations,
    "comparison": lambda old: [_TURNED[old]],
    "matcher": lambda old: [(_TURNED | _MATCHERS)[old]],
    "number": lambda old: [str(int(old) - 1), str(int(old) + 1)],
    "labels": _without_one,
}
