"""Reads policy files: alert policies in the API's own AlertPolicy form, as YAML.

The keys are those of the API's JSON
(https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies), so the same file
works with ``gcloud monitoring policies create --policy-from-file`` and with Terraform. The
conventions:

- One policy per file, one condition per policy: ``conditionPrometheusQueryLanguage`` (durations in
  whole seconds, an explicit evaluation interval, without validation of its metrics) or
  ``conditionMatchedLog``.
- ``userLabels.policy`` is the file's name without its ending.
- ``userLabels.threshold`` is a whole number that the query has as ``> (N)`` or ``>= (N)``. The
  parentheses mark it: Terraform's ``policy_overrides`` variable changes it there and nowhere else.
- ``userLabels.yields_to`` names another policy with a threshold. The query has ``>= (N)`` with that
  number and finds nothing where it is reached.
- A range equal to :func:`lookback` of the policy's retest window changes together with the retest
  window. All other ranges are fixed.
- The comment at the top has three paragraphs: "Catches…", "Why these numbers: …" and
  "How it can be wrong: …".

The comment and ``userLabels.policy`` are this project's own rules: users' files may leave them out,
and may use metrics that are unknown here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from google.cloud import monitoring_v3
from google.protobuf import json_format

from exporter import documents
from exporter.documents import InputError
from exporter.text import printable
from lab.policies import checks, promql
from lab.policies.header import HeaderComment, parse_header
from lab.policies.model import SET_BY_THE_API, PolicyFile
from lab.policies.raw_policy import KeyPath, RawPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from exporter.documents import Document

ENDING = ".yaml"

_EXPORTER_METRICS = "datastream_exporter_"
_SHORT_RETEST_WINDOW = 120
_OTHER_ENDINGS = {".yaml", ".yml", ".json"}


class Link(NamedTuple):
    """A link of an alert."""

    display_name: str
    url: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a file.

    Attributes:
        name: The file's name without its ending.
        path: The file.
        display_name: The name that people see.
        severity: ``CRITICAL``, ``ERROR`` or ``WARNING``.
        query: The PromQL query; None for a log policy.
        filter: The filter on log entries; None for a PromQL policy.
        extractors: How each label is extracted from a log entry.
        retest_window: Seconds for which the condition must stay true; 0 for a log policy.
        interval: Seconds between evaluations; 0 for a log policy.
        threshold: The number in the query that users may change, as text; None without one.
        yields_to: The policy that alerts instead of this one, if any.
        subject: The alert's subject.
        content: The alert's text, in Markdown.
        links: The alert's links.
        header: The comment at the top of the file.
        parsed_query: What the query selects; None for a log policy.
        proto: The policy as the API takes it.
    """

    name: str
    path: Path
    display_name: str
    severity: str
    query: str | None
    filter: str | None
    extractors: Mapping[str, str] = field(hash=False)
    retest_window: int
    interval: int
    threshold: str | None
    yields_to: str | None
    subject: str
    content: str
    links: tuple[Link, ...]
    header: HeaderComment
    parsed_query: promql.Query | None = field(repr=False, compare=False)
    proto: monitoring_v3.AlertPolicy = field(repr=False, compare=False)

    @property
    def is_log(self) -> bool:
        """Whether its condition matches log entries."""
        return self.filter is not None

    @property
    def summary(self) -> str:
        """What it fires for, in a few words: its header's first sentence, else its title."""
        return re.split(r"\.(?:\s|$)", self.header.catches, maxsplit=1)[0] or self.display_name

    @property
    def enabled(self) -> bool:
        """Whether it is switched on, as it is where the file doesn't say."""
        proto = monitoring_v3.AlertPolicy.pb(self.proto)
        return not proto.HasField("enabled") or bool(proto.enabled.value)

    @property
    def watches_exporter(self) -> bool:
        """Whether its query selects the exporter's own series."""
        return _EXPORTER_METRICS in (self.query or "")


def lookback(retest_window: int) -> str:
    """Return the look-back window of a policy with this retest window, as a query writes it.

    An hour for a short retest window, so that a dead exporter closes no incident; two thirds of a
    longer one, so that a single point can't open an incident.

    Args:
        retest_window: Seconds.
    """
    return "1h" if retest_window <= _SHORT_RETEST_WINDOW else f"{retest_window * 2 // 3}s"


def read_policies(
    folder: str | Path, *, house_rules: bool = False, others: Iterable[Policy] = ()
) -> tuple[Policy, ...]:
    """Return the policies of a directory, ordered by name.

    Args:
        folder: The directory. Its subdirectories and files that don't end in ``.yaml`` are skipped.
        house_rules: Whether this project's own rules apply.
        others: Policies of another directory, to which these may yield.

    Raises:
        InputError: Everything that is wrong, file by file.
    """
    opened: list[_OpenedFile] = []
    thresholds = {policy.name: policy.threshold for policy in others}
    files, sentences = _files(Path(folder))
    for path in files:
        # Empty means unknown, until the file is read.
        thresholds[path.name.removesuffix(ENDING)] = ""
        try:
            file = _OpenedFile(path)
        except InputError as error:
            sentences.extend(error.sentences)
        else:
            opened.append(file)
            thresholds[file.raw.name] = file.raw.threshold or None
    policies = []
    for file in opened:
        try:
            policies.append(file.policy(thresholds, house_rules=house_rules))
        except InputError as error:
            sentences.extend(error.sentences)
    if sentences:
        raise InputError(sentences)
    return tuple(policies)


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the policy files of a directory, and a sentence for each with another ending."""
    name = printable(str(folder))
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        raise InputError([f"{name}: there is no such directory; check the path"]) from None
    except NotADirectoryError:
        raise InputError(
            [f"{name}: is not a directory; name the one with the policy files"]
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([f"{name}: can not be read ({reason}); check the path"]) from None
    files = [path for path in found if path.name.endswith(ENDING) and not path.is_dir()]
    sentences = [
        f"{path}: a policy's file name ends in {ENDING}; rename it"
        for path in found
        if path.suffix.lower() in _OTHER_ENDINGS and path not in files and path.is_file()
    ]
    if not (files or sentences):
        raise InputError([f"{name}: has no policy; a policy's file name ends in {ENDING}"])
    return files, sentences


class _OpenedFile:
    """A file that is valid YAML."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            InputError: It can't be read as YAML.
        """
        text = documents.read_file(str(path))
        self._path = path
        self._header = parse_header(text)
        self._document = documents.parse(text, printable(str(path)))
        _refuse_keys_set_by_the_api(self._document)
        self._model = self._document.read(PolicyFile)
        self.raw = RawPolicy(path.name.removesuffix(ENDING), self._document.data)

    def policy(self, thresholds: Mapping[str, str | None], *, house_rules: bool) -> Policy:
        """Return the policy.

        Raises:
            InputError: Everything that is wrong with it.
        """
        for path, sentence in checks.problems(self.raw, thresholds, house_rules=house_rules):
            self._document.add_error(path, sentence)
        for beginning in self._header.missing if house_rules else ():
            self._document.add_error_at(
                1,
                f'the comment at the top has no paragraph that starts with "{beginning}"; write it',
            )
        valid = self._document.accepted(self._model)
        condition = valid.conditions[0]
        metric, log = condition.condition_prometheus_query_language, condition.condition_matched_log
        documentation = valid.documentation
        proto = monitoring_v3.AlertPolicy()
        json_format.ParseDict(self.raw.mapping(), monitoring_v3.AlertPolicy.pb(proto))
        return Policy(
            name=self.raw.name,
            path=self._path,
            display_name=valid.display_name,
            severity=valid.severity,
            query=metric.query if metric else None,
            filter=log.filter if log else None,
            extractors=log.label_extractors if log else {},
            retest_window=metric.duration if metric else 0,
            interval=metric.evaluation_interval if metric else 0,
            threshold=valid.user_labels.get("threshold"),
            yields_to=valid.user_labels.get("yields_to"),
            subject=documentation.subject,
            content=documentation.content,
            links=tuple(Link(link.display_name, link.url) for link in documentation.links),
            header=self._header,
            parsed_query=promql.read(metric.query, known_only=house_rules) if metric else None,
            proto=proto,
        )


def _refuse_keys_set_by_the_api(document: Document) -> None:
    """Report each key that only an existing policy has, and remove it."""
    policy = document.data
    parts: list[tuple[KeyPath, JsonValue]] = [((), policy)]
    conditions = policy.get("conditions") if isinstance(policy, dict) else None
    if isinstance(conditions, list):
        parts += [(("conditions", index), part) for index, part in enumerate(conditions)]
    for path, part in parts:
        for key in SET_BY_THE_API:
            if isinstance(part, dict) and key in part:
                document.add_error((*path, key), "is set by Cloud Monitoring; remove it")
                del part[key]
