"""A scenario: a world, how the exporter runs in it, and which policies have to page for whom."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from exporter.config import Config  # noqa: TC001 - pydantic resolves it at run time
from lab.emulator.world import World  # noqa: TC001 - pydantic resolves it at run time
from lab.emulator.world_values import Seconds, WorldSection

SCHEDULED_SECONDS = 60.0
CONTINUOUS_SECONDS = 10.0
EVALUATION_SECONDS = 30.0
LATEST_START_SECONDS = 30.0
"""From the tick of the schedule until a Cloud Run job runs, at most."""


class Downtime(WorldSection):
    """A time in which an exporter, or one of its tasks, does not run."""

    since: Seconds = Field(alias="from")
    until: Seconds
    task: int | None = None


class Deployment(WorldSection):
    """An exporter and how it runs.

    Attributes:
        mode: A job that a schedule starts, or one process that runs on.
        every: Seconds between ticks; by default 60 scheduled, 10 continuous.
        delay: How late after its tick a scheduled run starts, at most; each run's own.
        delays: The same, run by run, over and over; in the place of ``delay``.
        first: The first tick, in seconds after the start.
        ends: When it is taken away.
        silent: When it does not run, though it should.
        tasks: How many share the locations.
        takes: How long a run takes on the simulated clock, retries left out.
        objects_every: Seconds between the runs of the job that collects objects alone.
        clock_ahead: By how much its clock is fast.
        clock_behind: By how much its clock is slow.
        location: The region that it runs in.
        job: The name of its Cloud Run job.
        config: Its config.yaml, where that is not the world's.
    """

    mode: Literal["scheduled", "continuous"] = "scheduled"
    every: Seconds | None = None
    delay: Seconds = LATEST_START_SECONDS
    delays: tuple[Seconds, ...] = ()
    first: Seconds = 0
    ends: Seconds | None = None
    silent: tuple[Downtime, ...] = ()
    tasks: int = Field(default=1, ge=1, le=20)
    takes: Seconds = 1
    objects_every: Seconds | None = None
    clock_ahead: Seconds = 0
    clock_behind: Seconds = 0
    location: str = "europe-west1"
    job: str = "datastream-exporter"
    config: dict[str, Any] | None = None

    @property
    def seconds(self) -> float:
        """Seconds from one tick to the next."""
        usual = SCHEDULED_SECONDS if self.mode == "scheduled" else CONTINUOUS_SECONDS
        return self.every or usual

    @property
    def skew(self) -> float:
        """Seconds by which its clock is ahead of the true time."""
        return self.clock_ahead - self.clock_behind

    def is_silent(self, at: float, task: int) -> bool:
        """Say whether a task's run that is due at a moment does not happen."""
        return any(
            each.since <= at < each.until and each.task in (None, task) for each in self.silent
        )


class TimeRange(WorldSection):
    """From when and until when something may happen, both included."""

    after: Seconds
    by: Seconds

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.by < self.after:
            raise ValueError("by comes before after; write the earlier moment under after")
        return self


class ExpectedIncident(WorldSection):
    """A page that has to come.

    Attributes:
        policy: The policy that pages.
        of: What for: a glob on the name of a stream, location, project, private connection or
            exporter; on its last part where it has no slash.
        opens: When.
        closes: When it ends; left out, that does not matter.
        stays: Whether it is open at the end.
        count: How many things page so, each once.
        may: Whether it may as well not come.
    """

    policy: str
    of: str = "*"
    opens: TimeRange
    closes: TimeRange | None = None
    stays: bool = False
    count: int = Field(default=1, ge=1)
    may: bool = False

    @model_validator(mode="after")
    def _ends_one_way(self) -> Self:
        if self.stays and self.closes:
            raise ValueError("a page that stays does not close; remove one of stays and closes")
        return self


class ScenarioFile(WorldSection):
    """A whole scenario file; moments count from its start.

    Attributes:
        title: What happens, in one line.
        what: What it is there to prove.
        lasts: How long the policies are watched.
        starts: When it starts, where that matters; else at midnight, UTC, of some day.
        world: What exists and happens.
        exporters: Who watches.
        spacing: Seconds between the phases that evaluations are tried at: nobody knows when Cloud
            Monitoring begins. Fine where it is a matter of seconds.
        switched_off: Policies that are not applied here.
        expect: The pages that have to come. Any other page is a failure.
    """

    title: str
    what: str
    lasts: Seconds = Field(gt=0)
    starts: AwareDatetime | None = None
    world: World
    exporters: tuple[Deployment, ...] = (Deployment(),)
    spacing: Seconds = 5
    switched_off: tuple[str, ...] = ()
    expect: tuple[ExpectedIncident, ...] = ()

    @model_validator(mode="after")
    def _spaced_evenly(self) -> Self:
        if self.spacing < 1 or EVALUATION_SECONDS % self.spacing:
            raise ValueError(
                f"spacing has to be a part of the {EVALUATION_SECONDS:g} s between evaluations: "
                "1s, 2s, 3s, 5s, 6s, 10s, 15s or 30s"
            )
        return self


class Scenario(ScenarioFile):
    """A scenario that can be played.

    Attributes:
        name: The file's name without its ending.
        configs: The config of each of its exporters.
    """

    name: str
    configs: tuple[Config, ...]
