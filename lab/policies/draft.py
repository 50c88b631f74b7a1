"""A policy file as far as it can be made out, so that one mistake hides no other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

PROMQL = "conditionPrometheusQueryLanguage"
LOG = "conditionMatchedLog"

Place: TypeAlias = tuple[str | int, ...]
"""The way to a value, such as ``("conditions", 0, "displayName")``."""

CONDITION: Place = ("conditions", 0)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file says.

    Attributes:
        name: The file's name without its ending.
        tree: Its whole content as plain data.
    """

    name: str
    tree: object

    def at(self, *place: str | int) -> object:
        """Return what stands at a place; None where nothing does."""
        found = self.tree
        for part in place:
            if isinstance(found, dict):
                found = found.get(part)
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
            else:
                return None
        return found

    def text(self, *place: str | int) -> str:
        """Return the text at a place; empty where there is none."""
        found = self.at(*place)
        return found if isinstance(found, str) else ""

    def mapping(self, *place: str | int) -> dict[str, object]:
        """Return the mapping at a place; empty where there is none."""
        found = self.at(*place)
        return found if isinstance(found, dict) else {}

    @property
    def query(self) -> str:
        """The PromQL query."""
        return self.text(*CONDITION, PROMQL, "query")

    @property
    def duration(self) -> int:
        """The hold in seconds; 0 where it can not be made out."""
        found = re.fullmatch(r"([0-9]{1,9})s", self.text(*CONDITION, PROMQL, "duration"))
        return int(found[1]) if found else 0

    @property
    def is_metric(self) -> bool:
        """Whether the condition is one on metrics."""
        return PROMQL in self.mapping(*CONDITION)

    @property
    def is_log(self) -> bool:
        """Whether the condition is one on log entries."""
        return LOG in self.mapping(*CONDITION) and not self.is_metric

    @property
    def threshold(self) -> str:
        """The threshold that may be changed, even if it is not text; empty where there is none."""
        found = self.at("userLabels", "threshold")
        return str(found) if isinstance(found, str | int) else ""
