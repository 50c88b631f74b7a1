"""Whether everything that a run needs is in place: one line each, with what mends it."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from google.api import metric_pb2
from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.calls import Calls, persistently
from exporter.catalogue import Metric, metrics, text
from exporter.failures import failure_of
from exporter.metrics import POINTS_LOST, Exporter, Sample
from exporter.monitoring import Writer, Written, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.config import Config
    from exporter.deadline import Deadline
    from exporter.google import Clients
    from exporter.observations import Observations

NODE = "check"
"""The node_id under which ``check`` writes its one point: no run ever writes to that series."""


class Grade(StrEnum):
    """How a finding stands: a failure makes the exit code 1, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


LEVELS = {Grade.OK: logging.INFO, Grade.WARNING: logging.WARNING, Grade.FAILED: logging.ERROR}
"""How loud a finding is in a log."""


class Finding(NamedTuple):
    """One line of ``check``.

    Attributes:
        grade: How it stands.
        subject: What was checked.
        text: What was found, and what to do about it.
    """

    grade: Grade
    subject: str
    text: str


def reading(observations: Observations) -> Iterator[Finding]:
    """Yield whether each project could be discovered and each location read."""
    for project, failure in observations.discoveries.items():
        count = len(observations.found.get(project, ()))
        yield _finding(f"projects/{project}", failure, f"{count} locations discovered")
    for location in observations.locations:
        yield _finding(str(location.at), location.failure, f"{len(location.streams)} streams")
    for name, failure in observations.uncollected.items():
        yield _finding(str(name), failure, "")


def writing(
    clients: Clients,
    config: Config,
    exporter: Exporter,
    at: int,
    *,
    deadline: Deadline,
    calls: Calls,
) -> Finding:
    """Write one point of ``exporter/points_lost`` and say whether that is permitted."""
    project = config.metrics.project
    written = Written()
    sample = Sample(POINTS_LOST, exporter.location, exporter.name, NODE, (), 0)
    Writer(clients.monitoring, project, calls, workers=1).write([sample], at, deadline, written)
    # A point that comes too soon after another check's was permitted all the same.
    failure = written.troubles[0].failure if written.troubles else None
    return _finding(f"projects/{project}", failure, "one point written to Cloud Monitoring")


def descriptors(
    clients: Clients, config: Config, deadline: Deadline, calls: Calls
) -> Iterator[Finding]:
    """Compare the metric descriptors that exist with those that ``metrics.yaml`` defines."""
    project = config.metrics.project
    try:
        found = _existing(clients.monitoring, project, deadline, calls)
    except exceptions.GoogleAPICallError as error:
        asked = target(project, "monitoring.metricDescriptors.list")
        yield _finding(f"projects/{project}", failure_of(error, asked), "")
        return
    missing = []
    for metric in metrics().values():
        if metric.type not in found:
            missing.append(metric.name)
        else:
            yield from _differences(metric, found[metric.type])
    if missing:
        yield Finding(
            Grade.WARNING,
            f"projects/{project}",
            f"{len(missing)} of {len(metrics())} metric descriptors are not there yet "
            f"({', '.join(missing)}); the first run makes plain ones, Terraform makes them with "
            f"names and descriptions",
        )
    else:
        yield Finding(Grade.OK, f"projects/{project}", f"all {len(metrics())} metric descriptors")


def _existing(
    client: monitoring_v3.MetricServiceClient, project: str, deadline: Deadline, calls: Calls
) -> dict[str, Any]:
    request = monitoring_v3.ListMetricDescriptorsRequest(
        name=f"projects/{project}",
        filter=f'metric.type = starts_with("{text()["prefix"]}/")',
    )
    found: dict[str, Any] = {}
    while True:
        page = persistently(
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
                f"the descriptor's {what} is {is_}, not {should}, and that is for ever: delete "
                f"the descriptor with all of its series; the next run makes it anew",
            )
    lacking = set(metric.labels) - {label.key for label in found.labels}
    if lacking:
        yield Finding(
            Grade.WARNING,
            metric.type,
            f"the descriptor lacks the label {', '.join(sorted(lacking))}; the next run adds it",
        )


def _finding(subject: str, failure: object, text: str) -> Finding:
    if failure is None:
        return Finding(Grade.OK, subject, text)
    return Finding(Grade.FAILED, subject, str(failure))
