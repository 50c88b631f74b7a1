"""The report as one HTML page, which asks for nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exporter.inputs import durations
from lab.policies.model import SEVERITIES
from lab.prove.comparison import Outcome
from lab.report import events, palette, things, words
from lab.report.moments import short
from lab.report.outcomes import outcomes
from lab.review.spoken import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from lab.policies.files import Policy
    from lab.prove.scenarios import ScenarioResult
    from lab.report.marks import Timeline
    from lab.report.outcomes import OutcomeRow
    from lab.report.waits import Wait

_FOLDER = Path(__file__).parent
_MODES = {"scheduled": "Scheduled, every minute", "continuous": "Continuous, every 10 s"}

_PATTERNS = (
    ("idle", "M2 3h1M5 6h1", 6),
    ("busy", "M0 3h6", 6),
    ("bad", "M-1 1l2 -2M0 6l6 -6M5 7l2 -2", 6),
    ("lost", "M0 0l6 6M6 0l-6 6", 6),
    ("odd", "M3 0v6", 6),
    ("gone", "M0 0", 6),
    ("pending", "M-1 1l2 -2M0 5l5 -5M4 6l2 -2", 5),
)
"""For each case, and for a hold that runs: the path that is repeated, and how large it is."""


@dataclass(frozen=True)
class Shown:
    """A scenario as the page shows it.

    Attributes:
        proof: The scenario, played and judged.
        timeline: Its marks.
    """

    proof: ScenarioResult
    timeline: Timeline

    @property
    def verdict(self) -> str:
        """``right`` or ``wrong``."""
        return "right" if self.proof.passed else "wrong"

    @property
    def axis(self) -> str:
        """What the axis of time shows, in words."""
        return words.axis(self.timeline)

    @property
    def runs(self) -> tuple[str, ...]:
        """How the exporter runs, in sentences."""
        return events.runs(self.proof.scenario)

    @cached_property
    def outcomes(self) -> tuple[OutcomeRow, ...]:
        """What was expected and what happened."""
        return outcomes(self.proof)

    @property
    def words(self) -> str:
        """What the filter looks into."""
        scenario = self.proof.scenario
        named = dict.fromkeys(row.policy for row in self.outcomes)
        return " ".join([scenario.name, scenario.title, *named]).lower()


@dataclass(frozen=True)
class PolicyShown:
    """A policy as the page shows it.

    Attributes:
        name: Its name.
        severity: Its severity.
        hold: Its hold, in words.
        what: What it pages for.
        scenarios: Those in which it pages or should, and whether it does as expected.
        proven: Whether it pages as expected at least once, and never otherwise.
    """

    name: str
    severity: str
    retest_window: str
    what: str
    scenarios: tuple[tuple[str, bool], ...]
    proven: bool


class Report(NamedTuple):
    """What the page shows.

    Attributes:
        policies: The policies.
        scenarios: The scenarios and their marks.
        waits: How soon pages come; empty where that was not measured.
        whole: Whether these are all scenarios that there are.
        version: The program's version.
        made: When this was made, in UTC.
    """

    policies: Sequence[Policy]
    scenarios: Sequence[tuple[ScenarioResult, Timeline]]
    waits: Sequence[Wait]
    whole: bool
    version: str
    made: datetime


def render(report: Report) -> str:
    """Return the page."""
    shown = [Shown(*each) for each in report.scenarios]
    policies = [*_policies(report)]
    style, script = _style(), (_FOLDER / "page.js").read_text("utf-8")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            scenarios=shown,
            right=sum(1 for each in shown if each.proof.passed),
            policies=policies,
            proven=sum(1 for each in policies if each.proven),
            waits=report.waits,
            whole=report.whole,
            kept=sum(1 for wait in report.waits if wait.kept),
            longest=max((max(wait.worst, wait.bound) for wait in report.waits), default=1),
            polling=_polling(report.waits),
            modes=_MODES,
            kinds=things.WORDS,
            patterns=_PATTERNS,
            style=Markup(style),  # noqa: S704 - our own text
            style_hash=_hash(style),
            script=Markup(script),  # noqa: S704 - our own text
            script_hash=_hash(script),
            version=report.version,
            made=report.made,
        )
    )


def _polling(waits: Sequence[Wait]) -> str:
    """Return what a script that polls takes, in a sentence; nothing where nothing is measured."""
    if not waits:
        return ""
    longest = max(wait.polling or 0 for wait in waits)
    never = dict.fromkeys(wait.change for wait in waits if wait.polling is None)
    text = f" A script that looks at each stream every five minutes takes up to {longest} s"
    return text + (f", and tells nobody of: {', '.join(never)}." if never else ".")


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "share": _share,
        "short": short,
        "spoken": spoken,
        "state_words": words.states,
        "sample_words": words.samples,
        "policy_words": words.policy,
        "alike": words.alike,
    }
    return made


def _share(percent: float) -> str:
    """Return a part of the width, without zeros that say nothing."""
    return f"{percent:.2f}".rstrip("0").rstrip(".") + "%"


def _style() -> str:
    """Return the style sheet: the colours of both schemes, and what is done with them."""
    light, dark = palette.css(palette.LIGHT), palette.css(palette.DARK)
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root:not([data-scheme=light]) "
        f"{{ color-scheme: dark; {dark} }} }}\n"
        f"@media screen {{ :root[data-scheme=dark] {{ color-scheme: dark; {dark} }} }}\n"
        + (_FOLDER / "page.css").read_text("utf-8")
    )


def _hash(text: str) -> str:
    """Return what a content security policy knows a text by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _policies(report: Report) -> Iterator[PolicyShown]:
    by_severity = sorted(report.policies, key=lambda each: SEVERITIES.index(each.severity))
    for policy in by_severity:
        scenarios = []
        paged = False
        for proof, _ in report.scenarios:
            found = [
                finding
                for finding in proof.results
                for about in [finding.expected or finding.incident]
                if about and about.policy == policy.name
            ]
            if any(finding.incident or not finding.passed for finding in found):
                right = all(finding.passed for finding in found)
                scenarios.append((proof.scenario.name, right))
                paged |= right and any(finding.outcome is Outcome.RIGHT for finding in found)
        yield PolicyShown(
            policy.name,
            policy.severity,
            _retest_window(policy),
            _first_sentence(policy.header.catches) or policy.display_name,
            tuple(scenarios),
            paged and all(right for _, right in scenarios),
        )


def _retest_window(policy: Policy) -> str:
    if policy.is_log:
        return "one entry"
    return (
        durations.text(timedelta(seconds=policy.retest_window)) if policy.retest_window else "none"
    )


def _first_sentence(text: str) -> str:
    return re.split(r"\.(?:\s|$)", text, maxsplit=1)[0]
