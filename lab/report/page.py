"""Renders the report as one HTML page that loads nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exporter.durations import format_duration
from lab.policies.model import SEVERITIES
from lab.preview.notification import notification
from lab.prove.comparison import Outcome
from lab.report import descriptions
from lab.report.event_texts import deployment_sentences
from lab.report.outcomes import lines
from lab.report.subjects import KIND_NAMES
from lab.report.timeline import policy_of
from lab.wording import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from lab.policies.files import Policy
    from lab.preview.notification import Notification
    from lab.prove.scenarios import ScenarioResult
    from lab.prove.time_to_page import TimeToPage
    from lab.report.marks import Timeline

_FOLDER = Path(__file__).parent
_MODES = {
    "job": "Job, every minute",
    "function": "Function, every minute",
    "function_log_triggers": "Function, every minute and when Datastream logs",
    "worker_pool": "Worker pool, every 10 s",
}

_PATTERNS = (
    ("idle", "M2 3h1M5 6h1", 6),
    ("busy", "M0 3h6", 6),
    ("bad", "M-1 1l2 -2M0 6l6 -6M5 7l2 -2", 6),
    ("lost", "M0 0l6 6M6 0l-6 6", 6),
    ("odd", "M3 0v6", 6),
    ("gone", "M0 0", 6),
    ("pending", "M-1 1l2 -2M0 5l5 -5M4 6l2 -2", 5),
)
"""For each state, and for a retest window: the path that is repeated, and its size in pixels.
Nothing is shown by colour alone."""


class Report(NamedTuple):
    """What the page shows.

    Attributes:
        policies: The policies.
        scenarios: The results of the scenarios and their timelines.
        times: The times to page; empty where they were not measured.
        complete: Whether all scenarios were played.
        version: The program's version.
        made: When it was made, in UTC.
    """

    policies: Sequence[Policy]
    scenarios: Sequence[tuple[ScenarioResult, Timeline]]
    times: Sequence[TimeToPage]
    complete: bool
    version: str
    made: datetime


class ScenarioView:
    """A scenario as the page shows it."""

    def __init__(self, result: ScenarioResult, timeline: Timeline) -> None:
        """Take a scenario's result and its timeline."""
        self.result = result
        self.scenario = result.scenario
        self.timeline = timeline
        self.schedules = deployment_sentences(result.scenario)
        self.outcomes = tuple(lines(result.results))

    @property
    def words(self) -> str:
        """The text that the filter searches."""
        policies = dict.fromkeys(map(policy_of, self.result.results))
        return " ".join([self.scenario.name, self.scenario.title, *policies]).lower()


class PolicyView(NamedTuple):
    """A policy as the page shows it.

    Attributes:
        policy: The policy.
        retest_window: Its retest window in words.
        notification: Its notification about an example.
        scenarios: The scenarios in which it fires or should, and whether it does as expected.
        proven: Whether it fires as expected at least once, and never otherwise.
    """

    policy: Policy
    retest_window: str
    notification: Notification
    scenarios: tuple[tuple[str, bool], ...]
    proven: bool


def render(report: Report) -> str:
    """Return the page."""
    scenarios = [ScenarioView(*each) for each in report.scenarios]
    policies = [*_policies(report)]
    style, script = ((_FOLDER / f"page.{ending}").read_text("utf-8") for ending in ("css", "js"))
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            scenarios=scenarios,
            passed=sum(each.result.passed for each in scenarios),
            policies=policies,
            proven=sum(each.proven for each in policies),
            kept=sum(time.kept for time in report.times),
            longest=max((max(time.worst, time.bound) for time in report.times), default=1),
            polling=_polling(report.times),
            modes=_MODES,
            kinds=KIND_NAMES,
            patterns=_PATTERNS,
            style=Markup(style),  # noqa: S704 - our own text
            style_hash=_hash(style),
            script=Markup(script),  # noqa: S704 - our own text
            script_hash=_hash(script),
        )
    )


def _polling(times: Sequence[TimeToPage]) -> str:
    """Return a sentence about a script that polls; empty where nothing was measured."""
    if not times:
        return ""
    longest = max(time.change.polling_seconds or 0 for time in times)
    never = dict.fromkeys(time.change.title for time in times if not time.change.polling_seconds)
    text = f" A script that polls every stream every five minutes takes up to {longest} s"
    return text + (f" and never notices: {', '.join(never)}." if never else ".")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": lambda part: f"{part:.2f}".rstrip("0").rstrip(".") + "%",
        "short": short,
        **{name: getattr(descriptions, name) for name in dir(descriptions) if "describe_" in name},
    }
    return environment


def _hash(text: str) -> str:
    """Return the hash by which the page's content security policy allows a text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _policies(report: Report) -> Iterator[PolicyView]:
    for policy in sorted(report.policies, key=lambda each: SEVERITIES.index(each.severity)):
        scenarios = []
        fired = False
        for result, _ in report.scenarios:
            own = [each for each in result.results if policy_of(each) == policy.name]
            if any(each.incident or not each.passed for each in own):
                passed = all(each.passed for each in own)
                scenarios.append((result.scenario.name, passed))
                fired |= passed and any(each.outcome is Outcome.RIGHT for each in own)
        proven = fired and all(passed for _, passed in scenarios)
        window = format_duration(policy.retest_window) if policy.retest_window else "none"
        yield PolicyView(
            policy,
            "-" if policy.is_log else window,
            notification(policy),
            tuple(scenarios),
            proven,
        )
