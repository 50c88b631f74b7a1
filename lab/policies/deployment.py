"""Fills in which deployment of the exporter a query is about.

Several deployments may write to one metrics project, or be seen in one metrics scope. So each
selector names its own, by placeholders: Terraform replaces them, and so does the lab.
"""

import re
from typing import NamedTuple

_METRICS_PROJECT, _EXPORTER_PROJECT = "metrics-project", "exporter-project"
_LOCATION, _REGION, _NAME = "exporter-location", "exporter-region", "datastream-exporter"

_PLACEHOLDER = re.compile(
    rf',\s*(?:\w+="(?:{_METRICS_PROJECT}|{_EXPORTER_PROJECT}|{_LOCATION}|{_REGION})"|namespace="{_NAME}")'
)
_OWN = re.compile(r"\b(?:\w+:datastream_exporter|run_googleapis_com:)\w+\s*\{[^{}]*\}")


class Deployed(NamedTuple):
    """A deployment of the exporter, as its series name it."""

    project: str  # the metrics project; it runs there too
    name: str  # its name, ``run.name`` in config.yaml
    job: str  # the name of its job or function
    region: str  # where it runs

    def fill_in(self, query: str) -> str:
        """Return a query with placeholders for this deployment."""
        query = query.replace(f'namespace="{_NAME}"', f'namespace="{self.name}"')
        query = query.replace(f'_name="{_NAME}"', f'_name="{self.job}"')
        for placeholder in (_METRICS_PROJECT, _EXPORTER_PROJECT):
            query = query.replace(f'"{placeholder}"', f'"{self.project}"')
        for placeholder in (_LOCATION, _REGION):
            query = query.replace(f'"{placeholder}"', f'"{self.region}"')
        return query


def without_placeholders(query: str) -> str:
    """Return a query that finds the series of every deployment; a job's name stays."""
    return _PLACEHOLDER.sub("", query)


def with_placeholders(text: str) -> str:
    """Return a planned query or filter as a policy file has it, with placeholders."""

    def own(selector: re.Match[str]) -> str:
        text = re.sub(r'\blocation="[^"]*"', f'location="{_REGION}"', selector[0])
        return re.sub(r'\bnamespace="[^"]*"', f'namespace="{_NAME}"', text)

    text = re.sub(r'\bproject_id="[^"]+"', f'project_id="{_METRICS_PROJECT}"', text)
    text = re.sub(r'\b((?:service|job|worker_pool)_name=)"[^"\\]*"', rf'\1"{_NAME}"', text)
    return _OWN.sub(own, text)
