"""Inputs of the module for tests, and what the examples expect to exist."""

import json
from pathlib import Path
from typing import Any

import yaml

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
_GIVEN = yaml.safe_load(Path(__file__).with_name("inputs.yaml").read_text("utf-8"))
INPUTS: dict[str, Any] = _GIVEN["inputs"]
FUNCTION: dict[str, Any] = INPUTS | {"mode": "function", "image": None}
IMAGE: str = INPUTS["image"]
CONFIG: str = INPUTS["config_yaml"]
CHANNEL: str = INPUTS["notification_channels"]["CRITICAL"][0]
OPTIONS: dict[str, Any] = _GIVEN["options"]
CHANNELS = [Channel(*each) for each in _GIVEN["channels"]]
STREAMS: list[str] = _GIVEN["streams"]
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
