"""Reading policy files: alert policies in the API's own AlertPolicy form, as YAML.

The names of the keys are those of the proto's JSON
(https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies), so that the same
file works with ``gcloud monitoring policies create --policy-from-file`` and with Terraform. The
conventions:

- One policy a file, one condition a policy: ``conditionPrometheusQueryLanguage`` (durations in
  whole seconds, evaluated every 30 s, without validation of its metrics) or
  ``conditionMatchedLog``.
- ``userLabels.policy`` is the file's name without its ending.
- ``userLabels.threshold``, where there is one, is a whole number that stands in the query right of
  ``>`` or ``>=``. Terraform's ``policy_overrides`` variable changes it there.
- ``userLabels.yields_to``, where it is there, names another policy that has a threshold. The query
  keeps quiet where that number is reached, and so holds ``>= N`` with it.
- A range that is written as :func:`lookback` gives it for the policy's hold is changed together
  with the hold. All other ranges are fixed, whatever the hold.
- The comment at the top has three paragraphs: "Catches…", "Why these numbers: …" and
  "How it can be wrong: …".

The comment and ``userLabels.policy`` are rules of this project's own files: a user's may leave
them out, and may name metrics of which nothing is known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from google.cloud import monitoring_v3
from google.protobuf import json_format

from exporter.inputs import documents
from exporter.inputs.documents import InputError
from exporter.text import printable
from lab.policies import checks, promql
from lab.policies.draft import Draft, Place
from lab.policies.header import Header, header
from lab.policies.model import SET_BY_THE_API, PolicyFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.inputs.documents import Document
    from exporter.inputs.yaml_nodes import Node

ENDING = ".yaml"

# What the names of those metrics hold, in PromQL.
_OF_EXPORTER = "datastream_exporter_"
_SHORT_HOLD = 120
_OTHER_ENDINGS = {".yaml", ".yml", ".json"}


class Link(NamedTuple):
    """A link that a page shows beside its text."""

    display_name: str
    url: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a file.

    Attributes:
        name: The file's name without its ending.
        path: The file.
        display_name: What a person sees.
        severity: ``CRITICAL``, ``ERROR`` or ``WARNING``.
        query: The PromQL query; None where it is log entries that page.
        filter: The filter on log entries; None where a query pages.
        extractors: How the labels of a log entry are made, by key.
        retest_window: Seconds for which the condition must stay true; 0 for a log policy.
        interval: Seconds from one evaluation to the next; likewise.
        threshold: The number in the query that may be changed, as text; None where none may.
        yields_to: The policy that pages in the place of this one, if there is one.
        subject: A page's subject.
        content: A page's text, in Markdown.
        links: The links beside it.
        header: What the comment at the top says.
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
    header: Header
    parsed_query: promql.Query | None = field(repr=False, compare=False)
    proto: monitoring_v3.AlertPolicy = field(repr=False, compare=False)

    @property
    def is_log(self) -> bool:
        """Whether it is log entries that page."""
        return self.filter is not None

    @property
    def summary(self) -> str:
        """What it fires for, in a few words: its header's first sentence, else its title."""
        return re.split(r"\.(?:\s|$)", self.header.catches, maxsplit=1)[0] or self.display_name

    @property
    def enabled(self) -> bool:
        """Whether it pages at all: one that does not say so does."""
        proto = monitoring_v3.AlertPolicy.pb(self.proto)
        return not proto.HasField("enabled") or bool(proto.enabled.value)

    @property
    def watches_exporter(self) -> bool:
        """Whether its query selects series of the exporter itself."""
        return _OF_EXPORTER in (self.query or "")


def lookback(retest_window: int) -> str:
    """Return the range over which what was last seen counts, as a query writes it.

    An hour for a short hold, so that a dead exporter closes no page; two thirds of a longer one,
    so that one sighting does not fill it.

    Args:
        retest_window: Seconds.
    """
    return "1h" if retest_window <= _SHORT_HOLD else f"{retest_window * 2 // 3}s"


def read_policies(
    folder: str | Path, *, house_rules: bool = False, beside: Iterable[Policy] = ()
) -> tuple[Policy, ...]:
    """Return the policies of a directory, by name.

    Args:
        folder: The directory. Files that do not end in ``.yaml``, and directories in it, are
            none of its policies.
        house_rules: Whether the files have to keep the rules of this project's own.
        beside: Policies of another directory, which these may yield to.

    Raises:
        InputError: All that is wrong with it, file by file.
    """
    opened: list[_Opened] = []
    thresholds = {policy.name: policy.threshold for policy in beside}
    files, told = _files(Path(folder))
    for path in files:
        # Unknown, until the file could be read.
        thresholds[path.name.removesuffix(ENDING)] = ""
        try:
            file = _Opened(path)
        except InputError as mistakes:
            told.extend(mistakes.sentences)
        else:
            opened.append(file)
            thresholds[file.draft.name] = file.draft.threshold or None
    policies = []
    for file in opened:
        try:
            policies.append(file.policy(thresholds, house_rules=house_rules))
        except InputError as mistakes:
            told.extend(mistakes.sentences)
    if told:
        raise InputError(told)
    return tuple(policies)


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the policy files of a directory, and a sentence for each that may be meant as one."""
    name = printable(str(folder))
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        raise InputError([f"{name}: there is no such directory; check the path"]) from None
    except NotADirectoryError:
        raise InputError([f"{name}: is no directory; name the one that holds the files"]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([f"{name}: can not be read ({reason}); check the path"]) from None
    files = [path for path in found if path.name.endswith(ENDING) and not path.is_dir()]
    told = [
        f"{path}: a policy's file name ends in {ENDING}; rename it"
        for path in found
        if path.suffix.lower() in _OTHER_ENDINGS and path not in files and path.is_file()
    ]
    if not (files or told):
        raise InputError([f"{name}: holds no policy; a policy's file name ends in {ENDING}"])
    return files, told


class _Opened:
    """A file that could be read as YAML."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            InputError: In one sentence, where it can not be read as YAML.
        """
        text = documents.read_file(str(path))
        self._path = path
        self._header = header(text)
        self._document = documents.parse(text, printable(str(path)))
        _refuse_what_the_api_sets(self._document)
        self._model = self._document.read(PolicyFile)
        self.draft = Draft(path.name.removesuffix(ENDING), self._document.root.plain())

    def policy(self, thresholds: Mapping[str, str | None], *, house_rules: bool) -> Policy:
        """Return the policy.

        Raises:
            InputError: All that is wrong with it.
        """
        for place, sentence in checks.mistakes(self.draft, thresholds, house_rules=house_rules):
            self._document.tell(place, sentence)
        for beginning in self._header.missing if house_rules else ():
            self._document.tell_of_line(
                1, f'the comment at the top has no paragraph that begins "{beginning}"; write it'
            )
        read = self._document.accepted(self._model)
        condition = read.conditions[0]
        metric, log = condition.condition_prometheus_query_language, condition.condition_matched_log
        return Policy(
            name=self.draft.name,
            path=self._path,
            display_name=read.display_name,
            severity=read.severity,
            query=metric.query if metric else None,
            filter=log.filter if log else None,
            extractors=log.label_extractors if log else {},
            retest_window=metric.duration if metric else 0,
            interval=metric.evaluation_interval if metric else 0,
            threshold=read.user_labels.get("threshold"),
            yields_to=read.user_labels.get("yields_to"),
            subject=read.documentation.subject,
            content=read.documentation.content,
            links=tuple(Link(link.display_name, link.url) for link in read.documentation.links),
            header=self._header,
            parsed_query=promql.read(metric.query, every=house_rules) if metric else None,
            proto=self._proto(),
        )

    def _proto(self) -> monitoring_v3.AlertPolicy:
        policy = monitoring_v3.AlertPolicy()
        # It knows no less than the model of a file, and takes no field that it does not know.
        json_format.ParseDict(self.draft.mapping(), monitoring_v3.AlertPolicy.pb(policy))
        return policy


def _refuse_what_the_api_sets(document: Document) -> None:
    """Tell of each key that only a policy that was made has, and take it away."""
    root = document.root.value
    parts: list[tuple[Place, Node]] = [((), document.root)]
    conditions = root.get("conditions") if isinstance(root, dict) else None
    if conditions and isinstance(conditions.value, list):
        parts += [(("conditions", index), node) for index, node in enumerate(conditions.value)]
    for place, node in parts:
        for key in SET_BY_THE_API:
            if isinstance(node.value, dict) and key in node.value:
                document.tell((*place, key), "is set by Cloud Monitoring; remove it")
                del node.value[key]
