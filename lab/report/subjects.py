"""What an incident can be about, and which subjects of a scenario the report draws."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from lab.emulator.timeline import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.policies.files import Policy
    from lab.prove.comparison import AlertResult
    from lab.report.actual_states import ActualStates
    from lab.report.conditions import Condition
    from lab.simulate.scenario import ExpectedIncident, ScenarioFile

CLOUD_RUN_METRICS = "run_googleapis_com:"


class SubjectKind(IntEnum):
    """The kind of a subject, in the order of the report."""

    EXPORTER = 0
    PROJECT = 1
    LOCATION = 2
    STREAM = 3
    CONNECTION = 4
    UNNAMED = 5


KIND_NAMES = {
    SubjectKind.EXPORTER: "exporter",
    SubjectKind.PROJECT: "project",
    SubjectKind.LOCATION: "location",
    SubjectKind.STREAM: "stream",
    SubjectKind.CONNECTION: "private connection",
    SubjectKind.UNNAMED: "an incident without a resource",
}

_KINDS = {
    "projects": SubjectKind.PROJECT,
    "locations": SubjectKind.LOCATION,
    "streams": SubjectKind.STREAM,
    "privateConnections": SubjectKind.CONNECTION,
    "exporters": SubjectKind.EXPORTER,
}


class Subject(NamedTuple):
    """A resource that incidents are about. All exporters of a scenario are one subject.

    Attributes:
        kind: Its kind.
        name: Its full resource name; empty for the exporter.
    """

    kind: SubjectKind
    name: str

    @property
    def parts(self) -> dict[str, str]:
        """The parts of the name by collection, such as ``{"projects": …}``."""
        parts = self.name.split("/")
        return dict(zip(parts[::2], parts[1::2], strict=False))

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The project and location that contain it, as far as there are any."""
        return " / ".join([*self.parts.values()][:-1])


EXPORTER = Subject(SubjectKind.EXPORTER, "")


def subject_named(name: str) -> Subject:
    """Return the subject with a full resource name."""
    parts = name.split("/")
    kind = _KINDS.get(parts[-2]) if len(parts) > 1 else None
    if kind is SubjectKind.EXPORTER:
        return EXPORTER
    return Subject(SubjectKind.UNNAMED if kind is None else kind, name)


def incident_subject(about: str, policy: Policy | None) -> Subject:
    """Return what an incident is about.

    Args:
        about: The resource name from the incident's labels; empty where they name none.
        policy: The policy that opened it.
    """
    if not about and policy is not None and watches_exporter(policy):
        return EXPORTER
    return subject_named(about)


def watches_exporter(policy: Policy) -> bool:
    """Return whether a policy watches the exporter itself or its Cloud Run job."""
    return policy.watches_exporter or CLOUD_RUN_METRICS in (policy.query or "")


def assign_results(
    results: Sequence[AlertResult],
    policies: Mapping[str, Policy],
    conditions: Sequence[Condition],
    states: ActualStates,
) -> tuple[tuple[Subject, AlertResult], ...]:
    """Return each result with its subject.

    A missed alert goes to the most likely subject: one for which the condition was true, else one
    that changed, else any that matches.

    Args:
        results: The results of one phase, and those of log policies.
        policies: The policies by name.
        conditions: When their conditions are true.
        states: The actual states.
    """
    assigned = [
        (incident_subject(result.incident.about, policies.get(result.incident.policy)), result)
        for result in results
        if result.incident
    ]
    taken = {(result.incident.policy, subject) for subject, result in assigned if result.incident}
    for result in results:
        if result.incident or result.expected is None or result.passed:
            continue
        policy = policies[result.expected.policy]
        for subject in _candidates(result.expected, policy, conditions, states):
            if (policy.name, subject) not in taken:
                taken.add((policy.name, subject))
                assigned.append((subject, result))
                break
    return tuple(assigned)


def subjects_to_draw(
    scenario: ScenarioFile,
    results: Sequence[tuple[Subject, AlertResult]],
    conditions: Sequence[Condition],
    states: ActualStates,
) -> tuple[Subject, ...]:
    """Return the subjects that matter, each once; where no stream matters, the first one.

    Args:
        scenario: The scenario.
        results: The results with their subjects.
        conditions: The conditions that are worth a row.
        states: The actual states.
    """
    drawn = dict.fromkeys(subject for subject, _ in results)
    # Before its first run the exporter is nearly silent in every scenario.
    drawn |= dict.fromkeys(each.subject for each in conditions if each.subject != EXPORTER)
    drawn |= dict.fromkeys(_changed(states))
    if _has_irregular_runs(scenario):
        drawn[EXPORTER] = None
    if not any(each.kind in {SubjectKind.STREAM, SubjectKind.CONNECTION} for each in drawn):
        drawn |= dict.fromkeys([subject_named(name) for name in states.stream_names()][:1])
    return tuple(drawn)


def _changed(states: ActualStates) -> Iterator[Subject]:
    """Yield the streams whose state changes."""
    for stream in map(subject_named, states.stream_names()):
        if len(states.intervals(stream)) > 1:
            yield stream


def _candidates(
    expected: ExpectedIncident,
    policy: Policy,
    conditions: Sequence[Condition],
    states: ActualStates,
) -> Iterator[Subject]:
    """Yield what an expected alert may be about, the most likely subject first."""
    if watches_exporter(policy):
        yield EXPORTER
        return
    likely = [each.subject for each in conditions if each.policy == policy.name]
    streams = [subject_named(name) for name in states.stream_names()]
    locations = [subject_named(each.name.rpartition("/streams/")[0]) for each in streams]
    for subject in dict.fromkeys([*likely, *_changed(states), *streams, *locations]):
        if expected.of == "*" or matches(expected.of, subject.name):
            yield subject


def _has_irregular_runs(scenario: ScenarioFile) -> bool:
    """Return whether the exporter's own runs are part of the story."""
    return len(scenario.exporters) > 1 or any(
        each.silent or each.first or each.ends is not None or each.tasks > 1 or each.skew
        for each in scenario.exporters
    )
