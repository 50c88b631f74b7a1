"""Sends each deployed query to Google's engine, and to Prometheus with its points."""

import time
from collections.abc import Iterator, Mapping
from logging import ERROR, INFO, WARNING
from typing import TypeAlias

from exporter.google.errors import CallError, FailureKind
from exporter.log.summary import name_first
from exporter.logger import LOGGER
from lab.policies.model import HOUR
from lab.policies.promql import known_series
from lab.prove.engine import EngineError, NotInstalledError, start_engine
from lab.prove.incidents import resource_name
from lab.simulate.series import Series, at_own_time
from lab.verify.deployed import DeployedPolicy, deployed_policies
from lab.verify.series import read_series, seconds_to_read
from lab.verify.target import Findings, Target

READABLE_SECONDS = 15  # until a point of the exporter can be read, at most

# The resources or labels of the series that each policy's query finds
_Answers: TypeAlias = dict[str, set[str]]


def queries(target: Target) -> Findings:
    """Yield what each query answers, and whether Prometheus agrees; raise CallError."""
    at = float(int(time.time()) - READABLE_SECONDS)
    answers: _Answers = {}
    asked = []
    for each in deployed_policies(target):
        query = each.promql.query
        if not query:
            continue
        try:
            found = target.rest.query(target.project, query, at)
        except CallError as error:
            if error.failure.kind is not FailureKind.REFUSED:
                raise
            text = (
                f"Google's engine refuses {each.name}, so it can't alert. Correct its"
                f" file, and apply Terraform: {error.failure.message}"
            )
            yield ERROR, text
            continue
        answers[each.name] = {_about(each, labels) for labels, _ in found}
        asked.append(each)
    if not asked:
        return
    local: _Answers = {}
    text = "Google's answers are not compared"
    try:
        local = _local_answers(target, asked, at)
    except CallError as error:
        # With some of the points, Prometheus would only seem to disagree.
        why = error.failure.message.rstrip(".")
        yield WARNING, f"{text}: not all points can be read: {why}. Verify again"
    except (NotInstalledError, EngineError) as error:
        yield WARNING, f"{text}: {error}"
    yield from _compared(answers, local)


def _compared(answers: _Answers, local: _Answers) -> Findings:
    """Yield what each query answers, and where Prometheus answers otherwise."""
    quiet = []
    for name, google in answers.items():
        here = local.get(name, google)
        text = f"{name} finds {name_first(sorted(google)) or 'nothing'}"
        if google != here:
            text += f", in Prometheus {name_first(sorted(here)) or 'nothing'}"
            yield WARNING, text
        elif google:
            yield INFO, text
        else:
            quiet.append(name)
    if quiet:
        yield INFO, f"these find nothing now: {', '.join(quiet)}"
    if local:
        agreed = sum(answers[name] == local[name] for name in local)
        text = f"Prometheus with the same points agrees on {agreed} of {len(local)}"
        yield INFO, text


def _local_answers(target: Target, asked: list[DeployedPolicy], at: float) -> _Answers:
    """Return what Prometheus answers with the points that Google has.

    Raise CallError, NotInstalledError or EngineError.
    """
    found: _Answers = {}
    with start_engine(_points(target, asked, at)) as engine:
        if target.stop.is_set():
            return found
        for each in asked:
            parsed = each.file.parsed_query
            # The points of other metrics were not read.
            if parsed and all(one.metric in known_series() for one in parsed.selectors):
                query = at_own_time(each.promql.query)
                series = engine.query_range(query, at, at, 1)
                found[each.name] = {_about(each, one.labels) for one in series}
    return found


def _points(target: Target, asked: list[DeployedPolicy], at: float) -> Iterator[Series]:
    """Yield the series that the queries see, not all of them after Ctrl-C."""
    back = seconds_to_read(each.file for each in asked)
    hours = max(back.values(), default=0) / HOUR
    LOGGER.info("Reading %.0f hours of points for Prometheus.", hours)
    for metric, seconds in back.items():
        if target.stop.is_set():
            return
        yield from read_series(target, metric, at - seconds, at)


def _about(each: DeployedPolicy, labels: Mapping[str, str]) -> str:
    """Return the resource of a series of an answer; its labels if they name none."""
    name = resource_name(labels, is_exporter=each.file.watches_exporter)
    return name or ", ".join(map("=".join, sorted(labels.items())))
