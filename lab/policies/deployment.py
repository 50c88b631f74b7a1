"""Fills in which deployment of the exporter, and which route, a query is about.

Several deployments may write to one metrics project, or be seen in one metrics scope.
So each selector names its own, by words in capitals that no id can have, and has room
for a route: Terraform replaces them, and so does the lab.
"""

import re
from typing import NamedTuple

from exporter.config import Config
from lab.policies.promql import pretty

EXPORTER = "datastream-exporter"  # the default of ``run.name``, and of Terraform's name

# The selectors of streams begin with the first, those of locations with the second.
STREAM_TEXT = 'namespace=~".+", stream_id=~".+", '
LOCATION_TEXT = 'namespace=~".+", '
_OWN = re.compile(r"\b(?:\w+:datastream_exporter|run_googleapis_com:)\w+\s*\{[^{}]*\}")
# What these texts are in the selectors of a route
_ROUTE = re.compile(
    r'(datastream_[a-z_]+\{)(?:namespace[=!]~"[^"]*", )?(?:stream_id[=!]~"[^"]*", )?'
)


class Deployed(NamedTuple):
    """A deployment of the exporter without routes, as its series name it."""

    project: str  # the metrics project; it runs there too
    name: str  # its name, ``run.name`` in config.yaml
    job: str  # the name of its job or function
    region: str  # where it runs

    def fill_in(self, query: str) -> str:
        """Return a policy file's query or text for this deployment, a function."""
        for word, own in {
            "METRICS_PROJECT": self.project,
            "EXPORTER_PROJECT": self.project,
            "EXPORTER_REGION": self.region,
            "EXPORTER_LOCATION": self.region,
            "EXPORTER_RUN_NAME": self.name,
            "EXPORTER_SERVICE": self.job,
            "EXPORTER_PAGE": f"detail/{self.region}/{self.job}",
            STREAM_TEXT: "",
            LOCATION_TEXT: "",
        }.items():
            query = query.replace(word, own)
        return query


def is_created(needs: str, config: Config) -> bool:
    """Return whether Terraform creates a policy that needs this of config."""
    limits = {one.quiet for one in config.expectations}
    met = {
        "objects": config.collect.objects,
        "quiet-6h": "6h" in limits,
        "quiet-24h": "24h" in limits,
    }
    return met.get(needs, True)


def of_no_deployment(text: str) -> str:
    """Return a planned query or filter with words for its deployment, as in a file."""

    def own(selector: re.Match[str]) -> str:
        text = re.sub(
            r'\blocation="[^"]*"', 'location="EXPORTER_LOCATION"', selector[0]
        )
        return re.sub(r'\bnamespace="[^"]*"', 'namespace="EXPORTER_RUN_NAME"', text)

    text = re.sub(r'\bproject_id="[^"]+"', 'project_id="METRICS_PROJECT"', text)
    text = re.sub(r'\b((?:service|job)_name=)"[^"\\]*"', r'\1"EXPORTER_SERVICE"', text)
    return _OWN.sub(own, text)


def canonical(query: str) -> str:
    """Return a query as its file has it: of any deployment and route, on any lines."""
    return pretty(of_no_deployment(_ROUTE.sub(r"\1", query)))
