"""Monitored resources: which ones custom metrics may be written to, and with which labels."""

from __future__ import annotations

import re

from exporter.config import locations

WRITABLE = {
    "gce_instance": ("project_id", "instance_id", "zone"),
    "generic_node": ("project_id", "location", "namespace", "node_id"),
    "generic_task": ("project_id", "location", "namespace", "job", "task_id"),
    "global": ("project_id",),
    "k8s_cluster": ("project_id", "location", "cluster_name"),
    "k8s_node": ("project_id", "location", "cluster_name", "node_name"),
    "k8s_pod": ("project_id", "location", "cluster_name", "namespace_name", "pod_name"),
    "k8s_container": (
        "project_id",
        "location",
        "cluster_name",
        "namespace_name",
        "pod_name",
        "container_name",
    ),
}
"""Label keys by resource type; https://cloud.google.com/monitoring/api/resources."""

UNWRITABLE = frozenset(
    {
        "bigquery_dataset",
        "cloud_run_job",
        "cloud_run_revision",
        "cloud_scheduler_job",
        "datastream.googleapis.com/Stream",
    }
)
"""Types that exist, and that only Google itself writes to."""

_ZONE = re.compile(r"(.+)-[a-f]")


def is_location(name: str) -> bool:
    """Tell whether a ``location`` or ``zone`` label names a region, a zone of one, or global."""
    zone = _ZONE.fullmatch(name)
    return (
        name == "global"
        or locations.is_known(name)
        or (zone is not None and locations.is_known(zone[1]))
    )
