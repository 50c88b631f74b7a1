"""Reads scenario files; every error is a sentence with its file and line."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from exporter import config, documents
from exporter.config import Config
from exporter.documents import Document
from exporter.mistakes import InputError, hint
from exporter.text import quote
from lab.emulator.world import Place, matches, world_errors
from lab.simulate.scenario import Scenario, ScenarioFile


def read_scenarios(
    folder: str | Path, policies: Collection[str]
) -> tuple[Scenario, ...]:
    """Return the scenarios of a folder, in the order of their names; see :func:`read_files`."""
    files = sorted(Path(folder).glob("*.yaml"))
    if not files:
        raise InputError(
            [f"{folder}: holds no scenario; a scenario is a file NAME.yaml"]
        )
    return read_files(files, policies)


def read_files(
    files: Iterable[Path], policies: Collection[str]
) -> tuple[Scenario, ...]:
    """Return the scenarios in files, or raise InputError with all errors in all of them.

    ``policies`` are the names of the existing policies.
    """
    scenarios: list[Scenario] = []
    errors: list[str] = []
    for file in files:
        try:
            text = documents.read_file(str(file))
            scenarios.append(parse_scenario(text, str(file), policies, name=file.stem))
        except InputError as error:
            errors.extend(error.sentences)
    if errors:
        raise InputError(errors)
    return tuple(scenarios)


def parse_scenario(
    text: str, file: str, policies: Collection[str], *, name: str = ""
) -> Scenario:
    """Return the scenario of a YAML text, or raise InputError with all errors in ``file``."""
    document = documents.parse(text, file)
    scenario = document.read(ScenarioFile)
    errors: list[str] = []
    configs: list[Config] = []
    if scenario is not None:
        for place, words in _errors(scenario, policies):
            document.add_error(place, words)
        for index in range(len(scenario.exporters)):
            try:
                configs.append(_config(document, scenario, index))
            except InputError as error:
                errors.extend(each for each in error.sentences if each not in errors)
    try:
        accepted = document.accepted(scenario)
    except InputError as error:
        errors = [*error.sentences, *errors]
    if errors:
        raise InputError(errors)
    return Scenario(**dict(accepted), name=name or file, configs=tuple(configs))


def _config(document: Document, scenario: ScenarioFile, index: int) -> Config:
    """Return the config of one of the exporters, its own or the world's, or raise InputError."""
    own = scenario.exporters[index].config is not None
    place: Place = ("exporters", index, "config") if own else ("world", "config")
    part = document.part(*place)
    if part is None:
        raise InputError(
            [document.place(place, "is missing; the exporter needs a config")]
        )
    # The environment is no part of a scenario.
    return config.from_document(part, {})


def _errors(
    scenario: ScenarioFile, policies: Collection[str]
) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong between the parts of a scenario: the path of keys, and a sentence."""
    for place, words in world_errors(scenario.world):
        yield ("world", *place), words
    for index, fault in enumerate(scenario.world.faults):
        if fault.latency:
            yield (
                ("world", "faults", index, "latency"),
                (
                    "calls take no time on the simulated clock; give a code, such as"
                    " DEADLINE_EXCEEDED"
                ),
            )
    names = [*_names(scenario)]
    named: dict[Place, str] = {
        (key, index): name
        for key in ("switched_off", "switched_on")
        for index, name in enumerate(getattr(scenario, key))
    }
    named |= {
        ("expect", index, "policy"): each.policy
        for index, each in enumerate(scenario.expect)
    }
    for place, name in named.items():
        if name not in policies:
            yield (
                place,
                f"{quote(name)} is not a policy; {hint(name, sorted(policies))}",
            )
    for index, expected in enumerate(scenario.expect):
        if expected.opens.by > scenario.lasts:
            yield ("expect", index, "opens", "by"), "is after the end of the scenario"
        if expected.of != "*" and not any(matches(expected.of, name) for name in names):
            yield (
                ("expect", index, "of"),
                f"{quote(expected.of)} matches nothing in this world, and no exporter",
            )


def _names(scenario: ScenarioFile) -> Iterator[str]:
    """Yield the name of everything that an alert can be about."""
    for names in scenario.world.resource_names().values():
        yield from names
    for project in scenario.world.projects:
        for location in ("global", "three or more locations"):
            yield f"projects/{project.id}/locations/{location}"
    for each in scenario.exporters:
        run = (each.config or scenario.world.config or {}).get("run") or {}
        yield f"exporters/{run.get('name', 'datastream-exporter')}"
