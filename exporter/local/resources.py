"""Monitored resources: which ones custom metrics may be written to, and with which labels."""

from __future__ import annotations

import re

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

_REGIONS = frozenset(
    {
        "africa-south1",
        "asia-east1",
        "asia-east2",
        "asia-northeast1",
        "asia-northeast2",
        "asia-northeast3",
        "asia-south1",
        "asia-south2",
        "asia-southeast1",
        "asia-southeast2",
        "asia-southeast3",
        "australia-southeast1",
        "australia-southeast2",
        "europe-central2",
        "europe-north1",
        "europe-north2",
        "europe-southwest1",
        "europe-west1",
        "europe-west2",
        "europe-west3",
        "europe-west4",
        "europe-west6",
        "europe-west8",
        "europe-west9",
        "europe-west10",
        "europe-west12",
        "me-central1",
        "me-central2",
        "me-west1",
        "northamerica-northeast1",
        "northamerica-northeast2",
        "northamerica-south1",
        "southamerica-east1",
        "southamerica-west1",
        "us-central1",
        "us-east1",
        "us-east4",
        "us-east5",
        "us-south1",
        "us-west1",
        "us-west2",
        "us-west3",
        "us-west4",
    }
)
_ZONE = re.compile(r"(.+)-[a-f]")


def is_location(name: str) -> bool:
    """Tell whether a ``location`` or ``zone`` label names a region, a zone of one, or global."""
    zone = _ZONE.fullmatch(name)
    return name == "global" or name in _REGIONS or (zone is not None and zone[1] in _REGIONS)
