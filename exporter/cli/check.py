"""Checks that everything a run needs is in place: one line each, with what to do."""

from __future__ import annotations

import logging
import time
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from google.api import metric_pb2
from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.gcp.deadline import Deadline
from exporter.gcp.errors import CallError, Failure, explain_call_error
from exporter.gcp.retry import Calls, call_with_retry
from exporter.log.failure_groups import fields_of, uncollected_groups
from exporter.measure.definitions import Metric, definitions, metrics
from exporter.measure.samples import POINTS_LOST, Sample
from exporter.read.datastream import Datastream
from exporter.read.observations import GLOBAL, UnreadLocation
from exporter.read.reader import Reader
from exporter.run import Shares
from exporter.text import plural
from exporter.write.writer import Writer, target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from threading import Event

    from exporter.read.observations import Observations
    from exporter.session import Session

NODE = "check"
"""The node_id under which ``check`` writes its one point: no run ever writes to that series."""

_MOST_MISSING = 3
_MOST_PAGES = 10
"""There are some twenty descriptors. A page token that leads back to its page never ends."""
_REGION_SECONDS = 10.0


class Grade(StrEnum):
    """How bad a finding is: a failure makes the exit code 1, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


LEVELS = {Grade.OK: logging.INFO, Grade.WARNING: logging.WARNING, Grade.FAILED: logging.ERROR}
"""How loud a finding is in a log."""


class Finding(NamedTuple):
    """One line of ``check``.

    Attributes:
        grade: How bad it is.
        subject: What was checked.
        text: What was found, and what to do about it.
        fields: What a log line of it carries.
    """

    grade: Grade
    subject: str
    text: str
    fields: Mapping[str, Any] = MappingProxyType({})


def findings(session: Session, stop: Event) -> Iterator[Finding]:
    """Yield what is found of all that a run calls for, in the order of a run.

    Args:
        session: Config and clients.
        stop: Ends it early.
    """
    calls = Calls()
    deadline = Deadline.after(session.config.run.deadline.total_seconds(), stop)
    reader = Reader(
        Datastream(session.clients.datastream, calls),
        session.config,
        deadline.within(Shares.of(deadline.left).reading),
        collect=session.task.collect,
    )
    yield from reading(reader.everything())
    if not deadline.stopped:
        location = None
        try:
            location = session.task.located(deadline.within(_REGION_SECONDS)).location
        except CallError as error:
            yield _finding("region", error, "")
        yield writing(session, location or GLOBAL, int(time.time()), deadline, calls)
    if not deadline.stopped:
        yield from descriptors(session, deadline, calls)


def reading(observations: Observations) -> Iterator[Finding]:
    """Yield whether each project could be discovered and each location read."""
    for project, found in observations.discoveries.items():
        failure, count = (found, 0) if isinstance(found, Failure) else (None, len(found))
        text = f"{plural(count, 'location')} discovered"
        yield _finding(f"projects/{project}", failure, text, {"project": project})
    for location in observations.locations:
        if isinstance(location, UnreadLocation):
            failure, count = location.failure, 0
        else:
            failure, count = None, len(location.streams)
        text = plural(count, "stream")
        yield _finding(str(location.name), failure, text, fields_of([location.name]))
    for one in uncollected_groups(observations):
        yield Finding(Grade.FAILED, one.subject, one.text, one.fields)


def writing(session: Session, location: str, at: int, deadline: Deadline, calls: Calls) -> Finding:
    """Write one point of ``exporter/points_lost`` and say whether that is permitted."""
    project, exporter = session.config.metrics.project, session.task.exporter
    sample = Sample(POINTS_LOST, location, exporter.name, NODE, (), 0)
    writer = Writer(session.clients.monitoring, project, calls, timestamp=at, workers=1)
    written = writer.write([sample], deadline)
    # A point that comes too soon after another check's was permitted all the same.
    failure = written.errors[0].failure if written.errors else None
    return _finding(f"projects/{project}", failure, "one point written to Cloud Monitoring")


def descriptors(session: Session, deadline: Deadline, calls: Calls) -> Iterator[Finding]:
    """Compare the metric descriptors that exist with those that ``metrics.yaml`` defines."""
    project = session.config.metrics.project
    subject = f"projects/{project}"
    try:
        found = _existing(session.clients.monitoring, project, deadline, calls)
    except exceptions.GoogleAPICallError as error:
        asked = target(project, "monitoring.metricDescriptors.list")
        yield _finding(subject, explain_call_error(error, asked), "")
        return
    if found is None:
        text = (
            f"the metric descriptors were not compared: their list goes on after {_MOST_PAGES} "
            f"pages, which is an error of Cloud Monitoring; check again later"
        )
        yield Finding(Grade.WARNING, subject, text)
        return
    for metric in metrics().values():
        if metric.type in found:
            yield from _differences(metric, found[metric.type])
    missing = [metric.name for metric in metrics().values() if metric.type not in found]
    if not missing:
        yield Finding(Grade.OK, subject, f"all {len(metrics())} metric descriptors")
        return
    named, more = ", ".join(missing[:_MOST_MISSING]), len(missing) - _MOST_MISSING
    named += f" and {more} more" if more > 0 else ""
    text = (
        f"{len(missing)} of {len(metrics())} metric descriptors do not exist yet ({named}); a "
        f"run creates them as it needs them, Terraform creates all of them with descriptions"
    )
    yield Finding(Grade.WARNING, subject, text)


def _existing(
    client: monitoring_v3.MetricServiceClient, project: str, deadline: Deadline, calls: Calls
) -> dict[str, Any] | None:
    """Return the exporter's descriptors by their types, or None if their list doesn't end."""
    request = monitoring_v3.ListMetricDescriptorsRequest(
        name=f"projects/{project}",
        filter=f'metric.type = starts_with("{definitions()["prefix"]}/")',
    )
    found: dict[str, Any] = {}
    for _ in range(_MOST_PAGES):
        page = call_with_retry(
            lambda timeout: next(
                client.list_metric_descriptors(request, retry=None, timeout=timeout).pages
            ),
            deadline=deadline,
            longest=deadline.left / 2,
            calls=calls,
        )
        found.update((descriptor.type, descriptor) for descriptor in page.metric_descriptors)
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token
    return None


def _differences(metric: Metric, found: Any) -> Iterator[Finding]:
    """Yield how a descriptor differs from the definition."""
    for what, is_, should in (
        ("kind", metric_pb2.MetricDescriptor.MetricKind.Name(found.metric_kind), "GAUGE"),
        (
            "value type",
            metric_pb2.MetricDescriptor.ValueType.Name(found.value_type),
            metric.value_type,
        ),
    ):
        if is_ != should:
            yield Finding(
                Grade.FAILED,
                metric.type,
                f"the descriptor's {what} is {is_}, not {should}, which cannot be changed: "
                f"delete the descriptor with all of its series; the next run creates it",
            )
    lacking = set(metric.labels) - {label.key for label in found.labels}
    if lacking:
        yield Finding(
            Grade.WARNING,
            metric.type,
            f"the descriptor lacks the label {', '.join(sorted(lacking))}; the next run adds it",
        )


def _finding(
    subject: str, failure: object, text: str, fields: Mapping[str, Any] = MappingProxyType({})
) -> Finding:
    if failure is None:
        return Finding(Grade.OK, subject, text, fields)
    return Finding(Grade.FAILED, subject, str(failure), fields)
