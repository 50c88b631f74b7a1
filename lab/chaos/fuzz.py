"""Mangled input of every kind: it is read or refused with sentences, soon and in little memory."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from google.cloud import datastream_v1

from exporter import config
from exporter.google.clients import Identity, connect
from exporter.google.calls import Deadline
from exporter.google.errors import CallError
from exporter.google.calls import Calls
from exporter.documents import InputError
from exporter.names import LocationName
from exporter.read import Datastream
from lab.backtest.history import History
from lab.backtest.series_files import read_series_file
from lab.chaos.mangle import mangled
from lab.emulator.emulator import Emulator
from lab.emulator.world import parse_world
from lab.filters.log_filter import parse_log_filter
from lab.filters.monitoring_filter import parse_monitoring_filter
from lab.filters.syntax import FilterError
from lab.policies import promql
from lab.policies.files import read_policies
from lab.review.plan import parse_plan
from lab.simulate.scenario_files import parse_scenario

MOST_SECONDS = 10.0
MOST_BYTES = 500 * 1024 * 1024
CASES_A_TASK = 500

_ROOT = Path(__file__).parents[2]
_POLICIES = _ROOT / "alerting_policies"
_SEEDS = resources.files("lab.chaos") / "seeds"
_MOST_SENTENCES = 60
_DAMAGED = 20
"""Of so many messages of the API, one is damaged as well: that call is tried until its deadline."""
_ANSWER_SECONDS = 0.2

_SMALL_CONFIG = "metrics: {project: acme-metrics}\nsources: [{project: acme-metrics}]\n"
_METRIC = "custom_googleapis_com:datastream_stream_state"

Read = Callable[[str], object]


class Target(NamedTuple):
    """What reads mangled texts.

    Attributes:
        seeds: Returns valid texts.
        read: Reads a text; every exception but the refusals is a bug.
        refusals: The exceptions that may be raised.
        shown: Whether their ``str()`` is shown as it is; else it is escaped where it is shown.
    """

    seeds: Callable[[], tuple[str, ...]]
    read: Read
    refusals: tuple[type[Exception], ...] = (InputError,)
    shown: bool = True


def _files(folder: Path) -> tuple[str, ...]:
    return tuple(path.read_text("utf-8") for path in sorted(folder.glob("*.yaml")))


def _seed(name: str) -> tuple[str, ...]:
    return ((_SEEDS / name).read_text("utf-8"),)


def _read_environment(text: str) -> object:
    lines = (line.partition("=") for line in text.splitlines())
    environ = {f"DATASTREAM_EXPORTER_{key}": value for key, _, value in lines}
    return config.from_text(_SMALL_CONFIG, "config.yaml", environ)


def _read_policy(text: str) -> object:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder, "stream-failed.yaml")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return read_policies(folder, house_rules=True)


def _read_series(text: str) -> object:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder, "series.jsonl")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        history = History([_METRIC, "datastream_googleapis_com:stream_latencies_bucket"])
        read_series_file(str(path), history)
        return history


def _policy_names() -> list[str]:
    return sorted(path.stem for path in _POLICIES.glob("*.yaml"))


def _queries() -> tuple[str, ...]:
    policies = read_policies(_POLICIES)
    return tuple(policy.query for policy in policies if policy.query)


def _filters() -> tuple[str, ...]:
    policies = read_policies(_POLICIES)
    return tuple(policy.filter for policy in policies if policy.filter)


@cache
def _answering() -> tuple[Emulator, Datastream]:
    """Return an emulator that the process keeps, and the exporter's reader on it."""
    emulator = Emulator(parse_world("projects: [{id: acme, number: 1}]", "world.yaml"))
    emulator.start()
    clients, _ = connect(config.Endpoints(), emulator.environ, Identity())
    return emulator, Datastream(clients.datastream, Calls())


def _read_answer(text: str) -> object:
    """Let the API answer with a message whose names, labels and errors are mangled."""
    emulator, reader = _answering()
    text = text.encode("utf-8", "replace").decode()  # a message holds no surrogates
    words = text.split("\n")
    stream = datastream_v1.Stream(
        name=words[0],
        labels={word[:60]: word for word in words[1:3]} | {"expected-state": words[-1]},
        state=len(text) % 12,
        errors=[datastream_v1.Error(reason=word, message=text[:10_000]) for word in words[:5]],
    )
    answer = bytearray(
        datastream_v1.ListStreamsResponse.pb(
            datastream_v1.ListStreamsResponse(streams=[stream], unreachable=words[3:4])
        ).SerializeToString()
    )
    if len(text) % _DAMAGED == 0:
        answer[len(text) % len(answer)] ^= 1 << len(text) % 8
    emulator.answer("ListStreams", lambda _request: bytes(answer))
    deadline = Deadline.after(_ANSWER_SECONDS)
    return reader.streams(LocationName("acme", "europe-west1"), lambda _id: True, deadline)


def _seeds_of_answers() -> tuple[str, ...]:
    return ("projects/acme/locations/europe-west1/streams/orders\nteam\nowner\nus-east1\npaused",)


TARGETS = {
    "config.yaml": Target(
        lambda: ((_ROOT / "config.yaml").read_text("utf-8"),),
        lambda text: config.from_text(text, "config.yaml", {}),
    ),
    "environment": Target(
        lambda: ("RUN__DEADLINE=30s\nRUN__CONCURRENCY=8\nCOLLECT__OBJECTS=true\nRUN__NAME=a",),
        _read_environment,
    ),
    "world": Target(
        lambda: _files(_ROOT / "lab" / "emulator" / "worlds"),
        lambda text: parse_world(text, "world.yaml"),
    ),
    "scenario": Target(
        lambda: _files(_POLICIES / "scenarios"),
        lambda text: parse_scenario(text, "scenario.yaml", _policy_names()),
    ),
    "policy": Target(lambda: _files(_POLICIES), _read_policy),
    "PromQL": Target(
        _queries,
        lambda text: promql.read(text, known_only=False),
        refusals=(ValueError,),
        shown=False,
    ),
    "log filter": Target(_filters, parse_log_filter, refusals=(FilterError,)),
    "monitoring filter": Target(
        lambda: ('metric.type = "a" AND resource.labels.location = "b"',),
        parse_monitoring_filter,
        refusals=(FilterError,),
    ),
    "plan": Target(
        lambda: _seed("plan.json"),
        lambda text: parse_plan(text.encode("utf-8", "surrogatepass"), "plan.json"),
    ),
    "exported series": Target(lambda: _seed("series.jsonl"), _read_series),
    "API message": Target(_seeds_of_answers, _read_answer, refusals=(CallError,), shown=False),
}
"""Everything that reads what people or Google write. The function reads no request's body."""


@dataclass(frozen=True, slots=True)
class FuzzTask:
    """Some cases of a target.

    Attributes:
        target: Its name.
        seed: Of the cases.
        count: How many.
    """

    target: str
    seed: int
    count: int


@dataclass(frozen=True, slots=True)
class FuzzResult:
    """What a task found.

    Attributes:
        task: The task.
        slowest: The longest case in seconds.
        grown: How much more memory than before the task the process needed at its most, in bytes.
        broken: What was wrong, a sentence each.
    """

    task: FuzzTask
    slowest: float
    grown: int
    broken: tuple[str, ...]


def tasks(seed: int, count: int) -> list[FuzzTask]:
    """Return tasks with so many cases of each target."""
    return [
        FuzzTask(target, seed + start, min(CASES_A_TASK, count - start))
        for target in TARGETS
        for start in range(0, count, CASES_A_TASK)
    ]


def fuzz(task: FuzzTask) -> FuzzResult:
    """Read the mangled texts of a task."""
    target = TARGETS[task.target]
    seeds = target.seeds()
    drawn = random.Random(f"{task.target} {task.seed}")  # noqa: S311 - the same cases each time
    slowest = 0.0
    broken: list[str] = []
    # What the first case loads is no growth.
    list(problems(target, seeds[0]))
    before = _peak()
    for _ in range(task.count):
        text = mangled(seeds, drawn)
        started = time.monotonic()
        broken += problems(target, text)
        slowest = max(slowest, time.monotonic() - started)
    grown = _peak() - before
    if slowest > MOST_SECONDS:
        broken.append(f"a case took {slowest:.1f} s")
    if grown > MOST_BYTES:
        broken.append(f"memory grew by {grown >> 20} MiB")
    return FuzzResult(task, slowest, grown, tuple(broken))


def problems(target: Target, text: str) -> Iterator[str]:
    """Yield what is wrong with how a target takes a text, a sentence each."""
    try:
        target.read(text)
    except target.refusals as refusal:
        lines = str(refusal).splitlines()
        if not 0 < len(lines) <= _MOST_SENTENCES:
            yield f"{len(lines)} lines refuse {text!r:.500}"
        if target.shown and not all(line.isprintable() for line in lines):
            yield f"a raw control character is in what refuses {text!r:.500}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - each is a finding, a native parser's panic too
        yield f"{type(error).__name__}: {error!s:.200} from {text!r:.500}"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
