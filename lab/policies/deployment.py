"""Fills in which deployment of the exporter, and which route, a query is about.

Several deployments may write to one metrics project, or be seen in one metrics scope.
So each selector names its own, by words in capitals that no id can have, and has room
for a route: Terraform replaces them, and so does the lab.
"""

import re
from typing import NamedTuple

from exporter.config import Config
from exporter.config.model import matches
from exporter.names import StreamName
from lab.policies.promql import pretty

EXPORTER = "datastream-exporter"  # the default of ``run.name``, and of Terraform's name
# A policy that each route with channels has
IN_EACH_ROUTE = "stream-missing"

# What each word is of a deployment. It is one only where it stands alone, so
# DATASTREAM_EXPORTER_LOCATION is none
WORDS = {
    "METRICS_PROJECT": "{0.project}",
    "EXPORTER_PROJECT": "{0.project}",
    "EXPORTER_REGION": "{0.region}",
    "EXPORTER_LOCATION": "{0.region}",
    "EXPORTER_RUN_NAME": "{0.name}",
    "EXPORTER_SERVICE": "{0.job}",
    "EXPORTER_PAGE": "detail/{0.region}/{0.job}",
}
# What begins like a word
_LIKE_A_WORD = re.compile(r"(?<![A-Z_])(?:METRIC|EXPORTER)[A-Z]*_[A-Z_]+")
# A label's value that differs from a word only in case, hyphens or an ``s``, and a
# project_id that no project can have. The module has the same rules.
_WRONG_VALUE = re.compile(
    r"""[=~]\s*["'`]((?i:metrics?[-_]project"""
    r"""|exporters?[-_](?:project|location|region|run[-_]name|service|page)))["'`]"""
    r"""|\bproject_id\s*=\s*["'`]([^"'`]*[^a-z0-9.:"'`-][^"'`]*)["'`]"""
)

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
        for word, own in WORDS.items():
            # In a link, a word may follow %22.
            word_alone = rf"(?<![A-Z_]){word}(?![A-Z_])"
            query = re.sub(word_alone, own.format(self), query)
        return query.replace(STREAM_TEXT, "").replace(LOCATION_TEXT, "")


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


def misspelled(text: str, *, is_query: bool) -> list[str]:
    """Return what was meant as one of the words in a text or query, but is none."""
    found = set(_LIKE_A_WORD.findall(text))
    if is_query:
        for one, other in _WRONG_VALUE.findall(text):
            found.add(one or other)
    return sorted(found - {*WORDS})


def routed(query: str, labels: str, operator: str) -> set[str]:
    """Return the projects or globs that a query's selectors have for a route.

    ``labels`` is one label, or several with ``|`` between; ``operator`` is ``=~``, or
    ``!~`` for those of other routes.
    """
    found = re.findall(rf'\b(?:{labels}){operator}"([^"]*)"', query)
    globs = "|".join(found).replace("[.]", ".").replace(".*", "*").split("|")
    return set(globs) - {"", ".+"}


def is_read(stream: StreamName, query: str) -> bool:
    """Return whether a query's route has a stream."""
    for label, own in (("namespace", stream.project), ("stream_id", stream.stream)):
        wanted = routed(query, label, "=~")
        if wanted and not matches(own, wanted):
            return False
        if matches(own, routed(query, label, "!~")):
            return False
    return True
