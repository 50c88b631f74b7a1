"""Works out what another config decides of a history: limits and problems.

The exporter's own steps follow what each run saw.
"""

from collections import defaultdict
from collections.abc import Sequence

from exporter.config import Config, Source
from exporter.names import LocationName
from exporter.run.memory import LATE_SECONDS
from exporter.states import EXPECTED_BY_DEFAULT
from exporter.steps.compare import Expectations
from exporter.steps.measure import RESOURCE, location_samples, metrics, problem_samples
from exporter.steps.problems import ProblemMemory
from exporter.steps.read import Stream
from lab.history.read import EXPORTER_DELAY
from lab.simulate.series import Series, SeriesSet
from lab.timeline.spans import OURS, PAUSE, by_run

_DECIDED = {
    f"{OURS}stream_limit",
    f"{OURS}stream_problem_state",
    f"{OURS}stream_problem_since",
}


class Replay:
    """A config that decides instead of the one that the history had.

    What is watched is as it was recorded: mutes and excluded streams don't count.
    """

    def __init__(self, config: Config) -> None:
        self._config = config.model_copy(update={"mutes": ()})
        self._problems = ProblemMemory(config.grouping, config.run.every + LATE_SECONDS)
        self._problems.learn({})
        # When each location was last read (0: it can't be), and the streams it held
        self._held: dict[LocationName, tuple[int, list[Stream]]] = {}

    def series(self, recorded: Sequence[Series]) -> list[Series]:
        """Return the series of a period that follows the one before.

        Of locations that the config doesn't read, they are as they were recorded.
        """
        found = SeriesSet()
        for each in recorded:
            labels = defaultdict(str, each.labels)
            at = LocationName(labels["namespace"], labels["location"])
            if each.name not in _DECIDED or not self._config.reads(at):
                found[each.name, each.labels] = each
        for time, seen in by_run(recorded):
            # A location comes before its streams.
            for about, said in sorted(seen.items()):
                if "location_up" in said or "stream_state" in said:
                    project, location, *ids = about.split("/")[1::2]
                    at = LocationName(project, location)
                    if ids:
                        stream = Stream(
                            ids[0],
                            said["stream_state"],
                            said["stream_errors"],
                            reason=said["reason"] or "",
                        )
                        self._held.setdefault(at, (0, []))[1].append(stream)
                    else:
                        self._held[at] = said["location_last_read"], []
            expectations = Expectations(self._config, time)
            for at, (last, streams) in self._held.items():
                # A run that finds no change may write nothing. What it decides can
                # still depend on its time, unless all streams are fine.
                is_fine = all(one.state in EXPECTED_BY_DEFAULT for one in streams)
                longest = 0 if is_fine else PAUSE
                if time - last > longest or not self._config.reads(at):
                    continue
                compared = expectations.compare(at, Source(project=at.project), streams)
                samples = [*location_samples(compared, 0, errors=False)]
                if problems := self._problems.follow(compared, time):
                    samples += problem_samples(at, problems)
                    self._problems.forget_ended(at)
                for sample in samples:
                    name = f"{OURS}{sample.metric.replace('/', '_')}"
                    if name in _DECIDED:
                        keys = metrics()[sample.metric].labels
                        own = dict(zip(keys, sample.labels, strict=True)) | {
                            "monitored_resource": RESOURCE,
                            "project_id": self._config.metrics.project,
                            "namespace": at.project,
                            "location": at.location,
                            "node_id": sample.node_id,
                        }
                        found.series(name, own).add(
                            time + EXPORTER_DELAY, time, sample.value
                        )
        return [*found.values()]
