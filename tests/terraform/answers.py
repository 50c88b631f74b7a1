"""What Terraform answers: plans, states, refusals, and the ends of its own tests."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Json = dict[str, Any]


class Diagnostic(NamedTuple):
    """An error or a warning."""

    severity: str
    """``error`` or ``warning``."""
    summary: str
    detail: str
    address: str
    """The resource's, where there is one."""
    file: str
    line: int
    around: str
    """The block that the line stands in, such as ``resource "google_project_service" "on"``."""
    code: str
    """The line itself."""

    @classmethod
    def of(cls, told: Json) -> Diagnostic:
        """Return what Terraform tells as JSON."""
        place, snippet = told.get("range") or {}, told.get("snippet") or {}
        return cls(
            told["severity"],
            told["summary"],
            told.get("detail", ""),
            told.get("address", ""),
            place.get("filename", ""),
            place.get("start", {}).get("line", 0),
            snippet.get("context") or "",
            snippet.get("code") or "",
        )

    def __str__(self) -> str:
        """Return it as one text."""
        where = f" ({self.file}:{self.line})" if self.file else ""
        about = f"{self.address}: " if self.address else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.severity}: {about}{self.summary}{detail}{where}"


class RefusedError(Exception):
    """Terraform ended with an error."""

    def __init__(self, diagnostics: list[Diagnostic], output: str = "") -> None:
        """Take what it said, and all that it printed, for what is no diagnostic."""
        self.errors = [each for each in diagnostics if each.severity == "error"]
        super().__init__("\n\n".join(map(str, self.errors)) or output)


def accepted(
    diagnostics: list[Diagnostic], *, ok: bool = True, output: str = ""
) -> list[Diagnostic]:
    """Return the warnings.

    Raises:
        RefusedError: There are errors, or it did not end well.
    """
    if not ok or any(each.severity == "error" for each in diagnostics):
        raise RefusedError(diagnostics, output)
    return diagnostics


class Change(NamedTuple):
    """What a plan does with one resource."""

    actions: tuple[str, ...]
    """``("create",)``, ``("update",)``, ``("delete",)``, ``("delete", "create")``, …"""
    before: Json
    after: Json
    unknown: Json
    """True in the place of what is known after the apply only."""
    sensitive: Json
    """True in the place of what is hidden."""
    replaced_for: list[list[str | int]]
    """The paths of the arguments that force the replacement."""


@dataclass(frozen=True)
class Plan:
    """A plan."""

    path: Path
    """The file that ``terraform apply`` takes."""
    variables: Mapping[str, Any]
    """What it was made with."""
    json: Json
    """``terraform show -json`` of it."""
    warnings: list[Diagnostic]
    show: Callable[[], str]
    """Runs ``terraform show``."""

    @cached_property
    def text(self) -> str:
        """The plan as a person reads it."""
        return self.show()

    @cached_property
    def resources(self) -> dict[str, Json]:
        """The planned values of each resource by address; what is unknown is left out."""
        return dict(_values(self.json["planned_values"].get("root_module", {})))

    @cached_property
    def changes(self) -> dict[str, Change]:
        """What it does, by address. What stays as it is, is left out, and data sources are."""
        return {
            each["address"]: Change(
                tuple(each["change"]["actions"]),
                each["change"]["before"] or {},
                each["change"]["after"] or {},
                each["change"].get("after_unknown") or {},
                each["change"].get("after_sensitive") or {},
                each["change"].get("replace_paths", []),
            )
            for each in self.json.get("resource_changes", [])
            if each["mode"] == "managed" and each["change"]["actions"] != ["no-op"]
        }

    @property
    def empty(self) -> bool:
        """Whether an apply would do nothing, to outputs neither."""
        return not self.json["applyable"]

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The outputs that are known."""
        return _outputs(self.json["planned_values"])

    def of(self, kind: str) -> dict[str, Json]:
        """Return the planned values of the resources of one type, by address."""
        return _of(kind, self.resources)


@dataclass(frozen=True)
class State:
    """What Terraform holds to exist."""

    json: Json
    """``terraform show -json``."""

    @cached_property
    def resources(self) -> dict[str, Json]:
        """The values of each resource by address, data sources' too (they begin with data.)."""
        return dict(_values(self.json.get("values", {}).get("root_module", {})))

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The outputs."""
        return _outputs(self.json.get("values", {}))

    def of(self, kind: str) -> dict[str, Json]:
        """Return the values of the resources of one type, by address."""
        return _of(kind, self.resources)


@dataclass(frozen=True)
class HclTests:
    """How ``terraform test`` ended."""

    runs: dict[str, str]
    """``pass``, ``fail``, ``error`` or ``skip``, by ``file: run``."""
    diagnostics: list[Diagnostic]

    @classmethod
    def of(cls, lines: list[Json]) -> HclTests:
        """Return what its lines of JSON say."""
        ended = [each["test_run"] for each in lines if each["type"] == "test_run"]
        return cls(
            {
                f"{each['path']}: {each['run']}": each["status"]
                for each in ended
                if each.get("progress", "complete") == "complete"
            },
            diagnostics_in(lines),
        )

    @property
    def failures(self) -> str:
        """What did not pass, and why; empty where all did, and where there was any run at all."""
        wrong = [f"{name}: {status}" for name, status in self.runs.items() if status != "pass"]
        wrong += [str(each) for each in self.diagnostics if each.severity == "error"]
        return "\n".join(wrong) if self.runs else "No run of any test file took place."


def lines_of(output: str) -> list[Json]:
    """Return the lines of JSON that a command printed."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def diagnostics_in(lines: list[Json]) -> list[Diagnostic]:
    """Return the errors and warnings in a command's lines of JSON."""
    return [Diagnostic.of(each["diagnostic"]) for each in lines if each.get("type") == "diagnostic"]


def texts(folder: Path) -> Iterator[str]:
    """Yield the contents of plans and states in a folder, unpacked."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".tfplan":
            with zipfile.ZipFile(path) as plan:
                for name in plan.namelist():
                    yield plan.read(name).decode("utf-8", errors="replace")
        elif ".tfstate" in path.name:
            yield path.read_text(encoding="utf-8")


def _values(module: Json) -> Iterator[tuple[str, Json]]:
    for each in module.get("resources", []):
        yield each["address"], each["values"]
    for inner in module.get("child_modules", []):
        yield from _values(inner)


def _outputs(values: Json) -> dict[str, Any]:
    outputs = values.get("outputs", {})
    return {name: each["value"] for name, each in outputs.items() if "value" in each}


def _of(kind: str, resources: dict[str, Json]) -> dict[str, Json]:
    return {
        address: values for address, values in resources.items() if f".{kind}." in f".{address}"
    }
