"""Reads scenario files; every error is a sentence with its file and line."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from exporter import config
from exporter.config import Config
from exporter.documents.document import Document, KeyPath, parse, read_file
from exporter.documents.mistakes import InputError, hint
from exporter.text import quote
from lab.emulator.world import glob_matches, world_errors
from lab.simulate.scenario import Deployment, Scenario, ScenarioFile

_CONFIG = "world", "config"


def read_files(
    files: Iterable[Path], policies: Collection[str]
) -> tuple[Scenario, ...]:
    """Return the scenarios in files, or raise InputError with the errors in all.

    ``policies`` are the names of the existing policies.
    """
    scenarios: list[Scenario] = []
    errors: list[str] = []
    for file in files:
        try:
            text = read_file(str(file))
            scenarios.append(parse_scenario(text, str(file), policies, name=file.stem))
        except InputError as error:
            errors.extend(error.args)
    if errors:
        raise InputError(*errors)
    return tuple(scenarios)


def parse_scenario(
    text: str, file: str, policies: Collection[str], *, name: str = ""
) -> Scenario:
    """Return the scenario of a YAML text, or raise InputError with all its errors."""
    document = parse(text, file)
    scenario = document.read(ScenarioFile)
    exporters: list[Deployment] = []
    configs: list[Config] = []
    if scenario is not None:
        for place, words in _errors(scenario, policies):
            document.add_error(place, words)
        for index, exporter in enumerate(scenario.exporters):
            own = exporter.config is not None
            path: KeyPath = ("exporters", index, "config") if own else _CONFIG
            data: Any = document.data
            try:
                for key in path:
                    data = data[key]
            except KeyError:
                document.add_error(path, "is missing; the exporter needs a config")
                continue
            part = Document(data, document.file, document.lines, path)
            try:
                # The environment is no part of a scenario.
                own_config = config.from_document(part, {})
            except InputError as error:
                for sentence in error.args:
                    document.add_sentence(sentence)
                continue
            configs.append(own_config)
            paced = {}
            if "every" not in exporter.model_fields_set:
                paced["every"] = own_config.run.every
            exporters.append(exporter.model_copy(update=paced))
    parts = dict(document.accepted(scenario)) | {"exporters": tuple(exporters)}
    return Scenario(**parts, name=name or file, configs=tuple(configs))


def _errors(
    scenario: ScenarioFile, policies: Collection[str]
) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong between a scenario's parts: the path of keys, a sentence."""
    for place, words in world_errors(scenario.world):
        yield ("world", *place), words
    for index, fault in enumerate(scenario.world.faults):
        if fault.latency or fault.answer:
            text = (
                "a scenario's calls take no time, and get no wrong answer; give a code"
                " instead, such as DEADLINE_EXCEEDED"
            )
            yield ("world", "faults", index), text
    named: dict[KeyPath, str] = {}
    for key in ("switched_off", "switched_on"):
        for index, name in enumerate(getattr(scenario, key)):
            named[key, index] = name
    for index, expected in enumerate(scenario.expect):
        named["expect", index, "policy"] = expected.policy
    for place, name in named.items():
        if name not in policies:
            text = f"{quote(name)} is not a policy; {hint(name, sorted(policies))}"
            yield place, text
    names = [*_names(scenario)]
    for index, expected in enumerate(scenario.expect):
        if expected.opens.by > scenario.lasts:
            yield ("expect", index, "opens", "by"), "is after the end of the scenario"
        glob = expected.of
        if glob != "*" and not any(glob_matches(glob, name) for name in names):
            text = f"{quote(glob)} matches no exporter, and nothing in this world"
            yield ("expect", index, "of"), text


def _names(scenario: ScenarioFile) -> Iterator[str]:
    """Yield the name of everything that an alert can be about."""
    for names in scenario.world.resource_names().values():
        yield from names
    for project in scenario.world.projects:
        for location in ("global", "three or more locations"):
            yield f"projects/{project.id}/locations/{location}"
    for each in scenario.exporters:
        whole = each.config or scenario.world.config or {}
        run = whole.get("run") or {}
        yield f"exporters/{run.get('name', 'datastream-exporter')}"
