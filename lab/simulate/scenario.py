"""Defines a scenario: a world, how exporters run in it, and the expected incidents."""

import math
from typing import Any, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from exporter.config import Config
from exporter.documents.document import Section
from lab.emulator.world import Seconds, World

EVALUATION_SECONDS = 30.0
# The longest time from a tick of the schedule, or a request, until the exporter runs,
# by mode. For the function it is a cold start
LATEST_START_SECONDS = {"job": 30.0, "function": 10.0}


class Downtime(Section):
    """A time in which an exporter doesn't run."""

    since: Seconds = Field(alias="from")
    until: Seconds


class Deployment(Section):
    """An exporter, and how it runs."""

    # `job`: started by a schedule. `function`: called by a schedule
    mode: Literal["job", "function"] = "job"
    # Time between runs, instead of the `run.interval` of its config
    every: Seconds = Field(default=60, gt=0)
    # The longest delay of a run; by default 30 s for a job, 10 s for a function that
    # starts cold. Each run has its own
    delay: Seconds | None = None
    # The delay of each run in turn, instead of ``delay``
    delays: tuple[Seconds, ...] = ()
    first: Seconds = 0  # when the first run is due
    ends: Seconds = math.inf  # when it is removed
    silent: tuple[Downtime, ...] = ()  # when it doesn't run although it should
    takes: Seconds = 1  # how long a run takes on the simulated clock, without retries
    clock_ahead: Seconds = 0  # how far its clock is ahead
    clock_behind: Seconds = 0  # how far its clock is behind
    location: str = "europe-west1"  # the region it runs in
    job: str = "datastream-exporter"  # the name of its Cloud Run job or function
    config: dict[str, Any] | None = None  # its config.yaml, if not the world's

    @property
    def longest_delay(self) -> float:
        """Return the longest time from a tick or a request until the run."""
        if self.delay is None:
            return LATEST_START_SECONDS[self.mode]
        return self.delay

    def is_silent(self, at: float) -> bool:
        """Return whether a run that is due at a moment doesn't happen."""
        return any(each.since <= at < each.until for each in self.silent)


class TimeRange(Section):
    """The time in which something may happen, both ends included."""

    after: Seconds
    by: Seconds

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.by < self.after:
            raise ValueError(
                "by comes before after; write the earlier moment under after"
            )
        return self


class ExpectedIncident(Section):
    """An incident that is expected."""

    policy: str  # the policy that opens it
    # The resource: a glob on the name of a stream, location, project or exporter. A
    # glob without a slash matches the last part of the name
    of: str = "*"
    opens: TimeRange  # when it opens
    # When it closes; if omitted, it may close at any time
    closes: TimeRange | None = None
    stays: bool = False  # whether it is still open at the end
    # How many resources have such an incident, one each
    count: int = Field(default=1, ge=1)
    may: bool = False  # whether it is optional

    @model_validator(mode="after")
    def _ends_one_way(self) -> Self:
        if self.stays and self.closes:
            raise ValueError(
                "an incident that stays doesn't close; remove one of stays and closes"
            )
        return self


class OtherSeries(Section):
    """A part of a series of another Google service, such as Cloud SQL.

    The parts of a series follow each other.
    """

    metric: str  # the metric's type
    labels: dict[str, str]  # every label that it has in PromQL
    # Seconds, when its first sample is taken; before the world's start if negative
    since: float = 0
    minutes: int  # the number of its samples, one a minute
    value: float  # that of the first sample
    per_minute: float = 0  # by how much it grows


class ScenarioFile(Section):
    """A whole scenario file; moments count from its start."""

    title: str  # what happens, in one line
    what: str  # what the scenario proves
    lasts: Seconds = Field(gt=0)  # how long the policies are evaluated
    # When it starts; by default at midnight UTC of some day
    starts: AwareDatetime | None = None
    world: World  # what exists and what happens
    exporters: tuple[Deployment, ...] = (Deployment(),)  # the exporters that run
    # Time between the evaluation phases that are tried, because Cloud Monitoring
    # doesn't say at which second it evaluates. Use a short one where seconds matter; a
    # policy that is evaluated seldom has 30 phases at most
    spacing: Seconds = 5
    # The labels of Datastream's own series that may name the project; {id} stands for
    # its id. Which one does isn't documented; Google's tool for migrations expects:
    # https://github.com/GoogleCloudPlatform/spanner-migration-tool
    native_labels: dict[str, str] = Field(default={"resource_container": "{id}"})
    others: tuple[OtherSeries, ...] = ()  # the series of other services
    switched_off: tuple[str, ...] = ()  # policies that don't apply here
    # Policies that apply here although their files switch them off
    switched_on: tuple[str, ...] = ()
    # The expected incidents. Any other incident fails the scenario
    expect: tuple[ExpectedIncident, ...] = ()

    def applies(self, policy: str, *, enabled: bool = True) -> bool:
        """Return whether a policy, enabled or not in its file, applies here."""
        if policy in self.switched_off:
            return False
        return enabled or policy in self.switched_on

    @model_validator(mode="after")
    def _spaced_evenly(self) -> Self:
        if self.spacing < 1 or EVALUATION_SECONDS % self.spacing:
            raise ValueError(
                f"spacing has to divide the {EVALUATION_SECONDS:g} s between"
                " evaluations: 1s, 2s, 3s, 5s, 6s, 10s, 15s or 30s"
            )
        return self


class Scenario(ScenarioFile):
    """A scenario that can be played."""

    name: str  # the file's name without its ending
    configs: tuple[Config, ...]  # the config of each of its exporters
