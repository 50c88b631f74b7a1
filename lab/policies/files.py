"""Reads policy files: alert policies in the API's own AlertPolicy form, as YAML.

The same file works with ``gcloud monitoring policies create --policy-from-file`` and
with Terraform. The conventions:

- One policy per file, one condition per policy: ``conditionPrometheusQueryLanguage``
  (a retest window in whole minutes, written in seconds, an explicit evaluation
  interval, without validation of its metrics) or ``conditionMatchedLog``.
- ``userLabels.policy`` is the file's name without its ending.
- ``userLabels.threshold`` is a whole number that the query has as `` (N)``, such as
  ``> (N)``. The space and the parentheses mark it: Terraform's ``policy_overrides``
  variable changes it there and nowhere else.
- ``userLabels.needs`` is what config has to ask for: ``objects``, ``quiet-6h`` or
  ``quiet-24h``. Without that, the policy can't alert, and Terraform leaves it out.
- ``closing.md`` beside the files ends the text of each policy whose query reads
  streams: Terraform adds it, and so does ``Policy.content``.

Users' files may leave out ``userLabels.policy``, and may use metrics that are unknown
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from google.cloud import monitoring_v3
from google.protobuf import json_format

import lab
from exporter.documents.document import parse, read_file
from exporter.documents.mistakes import InputError
from exporter.text import printable
from lab.policies import checks, promql
from lab.policies.deployment import STREAM_TEXT
from lab.policies.model import SEVERITIES, DocumentationLink, PolicyFile

POLICIES = "alerting_policies"
_CLOSING = "closing.md"  # what ends the text of each policy on streams
_LAB = Path(lab.__file__).parent


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a file, or of a plan: without its texts."""

    name: str  # the file's name without its ending
    path: Path  # the file
    query: str | None  # the PromQL query; None for a log policy
    filter: str | None  # the filter on log entries; None for a PromQL policy
    # How each label is extracted from a log entry
    extractors: Mapping[str, str] = field(hash=False)
    # Seconds for which the condition must stay true; 0 for a log policy
    retest_window: int
    interval: int  # seconds between evaluations; 0 for a log policy
    # The AlertPolicy as the API takes it
    proto: Any = field(repr=False, compare=False)
    # What the query selects; None for a log policy
    parsed_query: promql.Query | None = field(default=None, repr=False, compare=False)
    display_name: str = ""  # the name that people see
    severity: str = ""  # ``CRITICAL``, ``ERROR`` or ``WARNING``
    # The number in the query that users may change, as text; None without one
    threshold: str | None = None
    # What config has to ask for, as ``objects``; empty for nothing
    needs: str = ""
    subject: str = ""  # the alert's subject
    content: str = ""  # the alert's text, in Markdown
    links: tuple[DocumentationLink, ...] = ()  # the alert's links

    @property
    def is_log(self) -> bool:
        """Whether its condition matches log entries."""
        return self.filter is not None

    @property
    def enabled(self) -> bool:
        """Whether it is switched on, as it is where the file doesn't say."""
        return self.proto.enabled is not False

    @property
    def auto_close(self) -> float:
        """Seconds from the last entry of a log policy's incident until it closes."""
        return float(self.proto.alert_strategy.auto_close.total_seconds())

    @property
    def urgency(self) -> tuple[bool, int]:
        """What sorts policies: the severest first, those that are off last."""
        return not self.enabled, SEVERITIES.index(self.severity)

    @property
    def watches_exporter(self) -> bool:
        """Whether its query selects series of the exporter itself first."""
        _, _, first = (self.query or "").partition("_com:datastream_")
        return first.startswith("exporter_")


def read_policies(folder: Path) -> tuple[Policy, ...]:
    """Return the policies of a directory, ordered by name; skip other files.

    Raise InputError with everything that is wrong.
    """
    name = printable(str(folder))
    if not folder.is_dir():
        raise InputError(f"{name}: there is no such directory; check the path")
    policies: list[Policy] = []
    sentences: list[str] = []
    closing = folder / _CLOSING
    added = f"\n\n{closing.read_text('utf-8')}" if closing.exists() else ""
    for path in sorted(folder.glob("*.*")):
        if path.suffix == ".yaml":
            try:
                policies.append(_read(path, added))
            except InputError as error:
                sentences.extend(error.args)
        elif path.suffix.lower() in {".yaml", ".yml", ".json"}:
            sentences.append(f"{path}: a policy's file name ends in .yaml; rename it")
    if not (policies or sentences):
        sentences.append(f"{name}: has no policy; a policy's file name ends in .yaml")
    if sentences:
        raise InputError(*sentences)
    return tuple(policies)


def shipped_policies() -> Path:
    """Return the folder of the policies that come with this version.

    A wheel has it in this package, a clone beside it.
    """
    in_wheel = _LAB / POLICIES
    if in_wheel.is_dir():
        return in_wheel
    return _LAB.with_name(POLICIES)


def log_metric() -> dict[str, Any]:
    """Return the log-based metric that Terraform makes, in the API's own form."""
    file = shipped_policies() / "log_metrics" / "datastream_checkpoint.yaml"
    metric: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return metric


def _read(path: Path, closing: str) -> Policy:
    """Read a file; raise InputError with everything that is wrong in it.

    ``closing`` ends the text of a policy on streams, as it names their labels.
    """
    document = parse(read_file(str(path)), printable(str(path)))
    model = document.accepted(document.read(PolicyFile))
    metric = model.conditions[0].promql
    log = model.conditions[0].log
    query = None
    if metric:
        try:
            query = promql.read(metric.query)
        except ValueError as error:
            keys = ("conditions", 0, "conditionPrometheusQueryLanguage", "query")
            document.add_error(keys, str(error))
    proto = monitoring_v3.AlertPolicy()
    data: Any = document.data
    json_format.ParseDict(data, monitoring_v3.AlertPolicy.pb(proto))
    if not (metric and STREAM_TEXT in metric.query):
        closing = ""
    policy = Policy(
        name=path.stem,
        path=path,
        display_name=model.display_name,
        severity=model.severity,
        query=metric.query if metric else None,
        filter=log.filter if log else None,
        extractors=log.label_extractors if log else {},
        retest_window=metric.duration if metric else 0,
        interval=metric.evaluation_interval if metric else 0,
        threshold=model.user_labels.get("threshold"),
        needs=model.user_labels.get("needs", ""),
        subject=model.documentation.subject,
        content=model.documentation.content + closing,
        links=model.documentation.links,
        parsed_query=query,
        proto=proto,
    )
    for place, sentence in checks.problems(policy.name, model, query):
        document.add_error(place, sentence)
    document.accepted(model)
    return policy
