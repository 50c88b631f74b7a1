"""Building and sending CreateTimeSeries requests.

They are built as raw protobuf messages, since filling their wrappers is much slower. Raw messages
have no types, so no other module handles them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from google.api import metric_pb2
from google.api_core import exceptions, gapic_v1
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports.base import DEFAULT_CLIENT_INFO

from exporter.gcp.retry import answer_of
from exporter.measure.definitions import RESOURCE
from exporter.read.observations import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from exporter.measure.samples import Sample

_RAW_REQUEST = monitoring_v3.CreateTimeSeriesRequest.pb()
_GAUGE = metric_pb2.MetricDescriptor.GAUGE
_VALUE_TYPES = dict(metric_pb2.MetricDescriptor.ValueType.items())


def build_request(
    batch: Sequence[Sample], timestamp: int, project: str, unknown: Collection[str] = ()
) -> monitoring_v3.CreateTimeSeriesRequest:
    """Return the request that writes a batch of samples.

    Args:
        batch: The samples, at most 200.
        timestamp: Unix time of every point, in whole seconds.
        project: The project that the series go to.
        unknown: Locations that Cloud Monitoring doesn't know, such as a new region. Their series
            are written under ``global``, with the location in the namespace. So all that policies
            join on, namespace and location, is still of this location alone.
    """
    raw = _RAW_REQUEST(name=f"projects/{project}")
    for sample in batch:
        metric = sample.metric
        series = raw.time_series.add()
        series.metric.type = metric.type
        for key, value in zip(metric.labels, sample.labels, strict=True):
            series.metric.labels[key] = value
        series.resource.type = RESOURCE
        labels = series.resource.labels
        labels["project_id"] = project
        moved = sample.location in unknown
        labels["location"] = GLOBAL if moved else sample.location
        labels["namespace"] = f"{sample.namespace}/{sample.location}" if moved else sample.namespace
        labels["node_id"] = sample.node_id
        series.metric_kind = _GAUGE
        series.value_type = _VALUE_TYPES[metric.value_type]
        point = series.points.add()
        point.interval.end_time.seconds = timestamp
        if metric.value_type == "DOUBLE":
            point.value.double_value = sample.value
        else:
            point.value.int64_value = int(sample.value)
    request: monitoring_v3.CreateTimeSeriesRequest = monitoring_v3.CreateTimeSeriesRequest.wrap(raw)
    return request


def sender(
    client: monitoring_v3.MetricServiceClient,
) -> Callable[[monitoring_v3.CreateTimeSeriesRequest, float], None]:
    """Return what sends a request, given its timeout in seconds.

    The client's own method drops the answer, and so can't tell an empty message, which says that
    all points are written, from no message.
    """
    create = gapic_v1.method.wrap_method(
        client.transport.create_time_series, client_info=DEFAULT_CLIENT_INFO
    )

    def send(request: monitoring_v3.CreateTimeSeriesRequest, timeout: float) -> None:
        metadata = [gapic_v1.routing_header.to_grpc_metadata((("name", request.name),))]
        answer = answer_of(partial(create, request, timeout=timeout, metadata=metadata))
        if answer is None:
            raise exceptions.InternalServerError("the response says OK and holds no message")

    return send
