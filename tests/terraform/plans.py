"""Terraform's answers as values: plans, states and errors."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Json = dict[str, Any]


class TerraformError(Exception):
    """A Terraform command failed. The message holds every error with its place."""


def warnings_or_error(diagnostics: Iterable[Json], *, failed: bool, output: str = "") -> list[str]:
    """Return the warnings among a command's diagnostics.

    Raises:
        TerraformError: There are errors, or the command failed. Without errors, the message is
            the command's output.
    """
    texts: dict[str, list[str]] = {"error": [], "warning": []}
    for each in diagnostics:
        texts[each["severity"]].append(_text(each))
    if failed or texts["error"]:
        raise TerraformError("\n\n".join(texts["error"]) or output)
    return texts["warning"]


def _text(diagnostic: Json) -> str:
    place = diagnostic.get("range")
    parts = (diagnostic.get("address"), diagnostic["summary"], diagnostic.get("detail"))
    text = ": ".join(part for part in parts if part)
    return f"{text} ({place['filename']}:{place['start']['line']})" if place else text


@dataclass(frozen=True)
class State:
    """A state."""

    json: Json
    """The output of ``terraform show -json``."""

    @property
    def _values(self) -> Json:
        values: Json = self.json.get("values", {})
        return values

    @cached_property
    def resources(self) -> dict[str, Json]:
        """The values of each resource by address, without those that are unknown."""
        return dict(_resources(self._values.get("root_module", {})))

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The known outputs."""
        outputs = self._values.get("outputs", {})
        return {name: each["value"] for name, each in outputs.items() if "value" in each}

    def of(self, kind: str) -> list[Json]:
        """Return the values of every managed resource of a type."""
        return [
            values
            for address, values in self.resources.items()
            if f".{kind}." in f".{address}" and "data." not in address
        ]


@dataclass(frozen=True)
class Plan(State):
    """A plan. Its resources and outputs are the planned ones."""

    path: Path
    """The file that ``terraform apply`` takes."""
    variables: Mapping[str, Any]
    """The variables it was made with."""
    warnings: list[str]

    @property
    def _values(self) -> Json:
        values: Json = self.json["planned_values"]
        return values

    @cached_property
    def changes(self) -> dict[str, tuple[str, ...]]:
        """The actions by address, such as ``("delete", "create")``, without no-ops and reads."""
        return {
            each["address"]: tuple(each["change"]["actions"])
            for each in self.json.get("resource_changes", [])
            if each["mode"] == "managed" and each["change"]["actions"] != ["no-op"]
        }

    @property
    def empty(self) -> bool:
        """Whether the plan changes nothing, outputs included."""
        return not self.json["applyable"]


def file_contents(directory: Path) -> Iterator[str]:
    """Yield the text of every plan (unpacked) and state in a directory."""
    for path in sorted(directory.iterdir()):
        if path.suffix == ".tfplan":
            with zipfile.ZipFile(path) as plan:
                for name in plan.namelist():
                    yield plan.read(name).decode("utf-8", errors="replace")
        elif ".tfstate" in path.name:
            yield path.read_text(encoding="utf-8")


def _resources(module: Json) -> Iterator[tuple[str, Json]]:
    for each in module.get("resources", []):
        yield each["address"], each["values"]
    for child in module.get("child_modules", []):
        yield from _resources(child)
