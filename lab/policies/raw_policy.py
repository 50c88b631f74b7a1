"""A policy file as plain data, valid or not, so that one error hides no other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

PROMQL = "conditionPrometheusQueryLanguage"
LOG = "conditionMatchedLog"

KeyPath: TypeAlias = tuple[str | int, ...]
"""The path of keys to a value, such as ``("conditions", 0, "displayName")``."""

CONDITION: KeyPath = ("conditions", 0)


@dataclass(frozen=True, slots=True)
class RawPolicy:
    """The content of a policy file.

    Attributes:
        name: The file's name without its ending.
        tree: The whole content as plain data.
    """

    name: str
    tree: object

    def at(self, *path: str | int) -> object:
        """Return the value at a path; None where there is none."""
        value = self.tree
        for key in path:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str:
        """Return the text at a path; empty where there is none."""
        value = self.at(*path)
        return value if isinstance(value, str) else ""

    def mapping(self, *path: str | int) -> dict[str, object]:
        """Return the mapping at a path; empty where there is none."""
        value = self.at(*path)
        return value if isinstance(value, dict) else {}

    @property
    def query(self) -> str:
        """The PromQL query; empty where there is none."""
        return self.text(*CONDITION, PROMQL, "query")

    @property
    def retest_window(self) -> int:
        """The retest window in seconds; 0 where it is missing or invalid."""
        found = re.fullmatch(r"([0-9]{1,9})s", self.text(*CONDITION, PROMQL, "duration"))
        return int(found[1]) if found else 0

    @property
    def is_metric(self) -> bool:
        """Whether the condition is a PromQL condition."""
        return PROMQL in self.mapping(*CONDITION)

    @property
    def is_log(self) -> bool:
        """Whether the condition matches log entries."""
        return LOG in self.mapping(*CONDITION) and not self.is_metric

    @property
    def threshold(self) -> str:
        """The threshold that users may change, even if it is not text; empty without one."""
        value = self.at("userLabels", "threshold")
        return str(value) if isinstance(value, str | int) else ""
