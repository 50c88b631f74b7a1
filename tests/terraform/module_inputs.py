"""Inputs of the module for tests, and what the examples expect to exist."""

import json
from typing import Any

from tests.canary import Canary
from tests.terraform.fake_project import Channel
from tests.terraform.terraform_cli import REPOSITORY

MODULE = "terraform"
EXAMPLES = tuple(
    sorted(
        str(each.parent.relative_to(REPOSITORY))
        for each in (REPOSITORY / MODULE / "examples").glob("*/main.tf")
    )
)
CHANNEL = "projects/orders-prod/notificationChannels/1"
CONFIG = """\
# One project whose locations are discovered, one whose locations are listed.
metrics: {project: orders-prod}
sources:
  - project: orders-prod
  - project: billing-prod
    locations: [europe-west1]
"""
IMAGE = (
    "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:"
    f"{'0123456789abcdef' * 4}"
)
INPUTS: dict[str, Any] = {
    "mode": "job",
    "region": "europe-west1",
    "image": IMAGE,
    "config_yaml": CONFIG,
    "notification_channels": {
        severity: [CHANNEL] for severity in ("CRITICAL", "ERROR", "WARNING")
    },
}
"""They need nothing to exist: a channel's full name is not looked up."""
FUNCTION: dict[str, Any] = INPUTS | {"mode": "function", "image": None}
OPTIONS: dict[str, Any] = {
    "binary_authorization": "projects/keys/platforms/cloudRun/policies/bank",
    "cpu": "2",
    "encryption_key": "projects/keys/locations/eu/keyRings/run/cryptoKeys/jobs",
    "environment_variables": {"HTTPS_PROXY": "http://proxy:3128"},
    "labels": {"team": "data"},
    "memory": "1Gi",
    "vpc_access": {"subnetwork": "run", "egress": "ALL_TRAFFIC", "tags": ["nat"]},
}
"""Both modes have them."""
CHANNELS = [
    Channel("orders-prod", "Orders team"),
    Channel("data-platform-prod", "Data platform on-call"),
    Channel("data-platform-prod", "Data platform Slack"),
    Channel("data-platform-prod", "Payments on-call"),
]
STREAMS = [
    f"projects/{project}/locations/europe-west1/streams/a"
    for project in ("orders-prod", "billing-prod")
]
SECRETS: dict[str, str] = {
    "projects/orders-prod/secrets/slack-bot-token": Canary.SECRET_MANAGER_SECRET
}


def own_policy(query: str) -> str:
    """Return a policy file with a query and the threshold 5."""
    return f"""\
displayName: Busy
severity: ERROR
combiner: OR
userLabels: {{policy: busy, threshold: "5"}}
conditions:
  - displayName: Busy
    conditionPrometheusQueryLanguage:
      query: {json.dumps(query)}
      duration: 60s
      evaluationInterval: 30s
documentation: {{mimeType: text/markdown, subject: Busy, content: Something is busy.}}
alertStrategy: {{autoClose: 86400s}}
"""
