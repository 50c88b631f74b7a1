"""Changes a policy in one place: a duration, a comparison, a number, a label."""

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
    monitored_resource="[^"]*"  # is the same in every series
    | \[ (?P<range>\w+) \] | \b offset \s+ (?P<offset>\w+)
    | (?P<comparison> [=!<>]= | [<>] ) \s+ \(? (?P<number> [0-9]+ \b )?
    | (?P<matcher> [=!]~ | [!<>]?= | [<>] )  # without a space after it
    | \b (?:on | by) \s* \( (?P<labels> [\w,\s]+ ) \)
    | "(?:[^"\\]|\\.)*"  # a text
    """,
    re.VERBOSE,
)
_TURNED = {
    ">": ">=",
    ">=": ">",
    "<": "<=",
    "<=": "<",
    "==": "!=",
    "!=": "==",
}
_MATCHERS = _TURNED | {
    "=": "!=",
    "!=": "=",
    "=~": "!~",
    "!~": "=~",
}
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
    """Yield each change of a query or filter: its line, shortened, and the text."""
    for place in _PLACE.finditer(text):
        for kind, old in place.groupdict().items():
            if not old:
                continue
            before = text[: place.start(kind)]
            after = text[place.end(kind) :]
            beginning = before.rpartition("\n")[2]
            rest = after.partition("\n")[0]
            for new in _CHANGES[kind](old):
                line = _LONG.sub("", f"{beginning}{old} → {new}{rest}").strip()
                yield line, before + new + after


def _changed_policies(policy: Policy) -> Iterator[tuple[str, Policy]]:
    if policy.filter is not None:
        for line, text in changed_texts(policy.filter):
            yield line, replace(policy, filter=text)
        raw = monitoring_v3.AlertPolicy.pb(policy.proto)
        closes = raw.alert_strategy.auto_close.seconds
        for seconds in (closes // 2, closes * 2):
            proto = monitoring_v3.AlertPolicy(policy.proto)
            changed = monitoring_v3.AlertPolicy.pb(proto)
            changed.alert_strategy.auto_close.seconds = seconds
            yield f"auto-close {closes}s → {seconds}s", replace(policy, proto=proto)
        return
    for line, text in changed_texts(policy.query or ""):
        yield line, replace(policy, query=text)
    window = policy.retest_window
    windows = [0, window // 2, window * 2] if window else [MINUTE]
    for seconds in windows:
        longer = replace(policy, retest_window=seconds)
        yield f"retest window {window}s → {seconds}s", longer


def _durations(old: str) -> list[str]:
    seconds = int(parse(old).total_seconds())
    return [f"{seconds // 2}s", f"{seconds * 2}s"]


def _without_one(old: str) -> list[str]:
    labels = re.findall(r"\w+", old)
    found = []
    for label in labels:
        others = [each for each in labels if each != label]
        found.append(", ".join(others))
    return found


def _turned(old: str) -> list[str]:
    return [_TURNED[old]]


def _turned_matcher(old: str) -> list[str]:
    return [_MATCHERS[old]]


def _moved_by_one(old: str) -> list[str]:
    number = int(old)
    return [str(number - 1), str(number + 1)]


_CHANGES: Mapping[str, Callable[[str], list[str]]] = {
    "range": _durations,
    "offset": _durations,
    "comparison": _turned,
    "matcher": _turned_matcher,
    "number": _moved_by_one,
    "labels": _without_one,
}
