"""Fills in which deployment of the exporter a query is about.

Several deployments may write to one metrics project, or be seen in one metrics scope.
So each selector names its own, by placeholders: Terraform replaces them, and so does
the lab.
"""

import re
from typing import NamedTuple

from exporter.config import Config
from lab.policies.promql import pretty

# The comma after it, as PromQL takes one before a closing bracket
_PLACEHOLDER = re.compile(
    r'\b(?:\w+="(?:metrics-project|exporter-(?:project|location|region))"'
    r'|namespace="datastream-exporter")\s*,?'
)
_OWN = re.compile(r"\b(?:\w+:datastream_exporter|run_googleapis_com:)\w+\s*\{[^{}]*\}")
_TWO_MINUTES = 120.0  # seconds
# What a route adds to the selectors of streams and locations
_ROUTE = re.compile(r'(datastream_[a-z_]+\{)namespace[=!]~"[^"]*", ')


class Deployed(NamedTuple):
    """A deployment of the exporter, as its series name it."""

    project: str  # the metrics project; it runs there too
    name: str  # its name, ``run.name`` in config.yaml
    job: str  # the name of its job or function
    region: str  # where it runs

    def fill_in(self, query: str) -> str:
        """Return a query with placeholders for this deployment."""
        query = query.replace(
            'namespace="datastream-exporter"', f'namespace="{self.name}"'
        )
        query = query.replace('_name="datastream-exporter"', f'_name="{self.job}"')
        query = query.replace('"metrics-project"', f'"{self.project}"')
        return query.replace('"exporter-location"', f'"{self.region}"')


def is_created(needs: str, config: Config) -> bool:
    """Return whether Terraform creates a policy that needs this of config."""
    limits = {one.quiet for one in config.expectations}
    met = {
        "objects": config.collect.objects,
        "quiet-6h": "6h" in limits,
        "quiet-24h": "24h" in limits,
        "interval-2m": config.run.every <= _TWO_MINUTES,
    }
    return met.get(needs, True)


def without_placeholders(query: str) -> str:
    """Return a query that finds the series of every deployment; a job's name stays."""
    return _PLACEHOLDER.sub("", query)


def with_placeholders(text: str) -> str:
    """Return a planned query or filter as a policy file has it, with placeholders."""

    def own(selector: re.Match[str]) -> str:
        text = re.sub(
            r'\blocation="[^"]*"', 'location="exporter-location"', selector[0]
        )
        return re.sub(r'\bnamespace="[^"]*"', 'namespace="datastream-exporter"', text)

    text = re.sub(r'\bproject_id="[^"]+"', 'project_id="metrics-project"', text)
    name = r'\1"datastream-exporter"'
    text = re.sub(r'\b((?:service|job)_name=)"[^"\\]*"', name, text)
    return _OWN.sub(own, text)


def canonical(query: str) -> str:
    """Return a query as its file has it: of any deployment and route, on any lines."""
    return pretty(with_placeholders(_ROUTE.sub(r"\1", query)))
