"""Filters of ListTimeSeries and ListMetricDescriptors, evaluated against a series' fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.filters.syntax import Comparison, parse_comparisons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_FUNCTIONS: dict[str, Callable[[str, Sequence[str]], bool]] = {
    "": lambda value, arguments: value == arguments[0],
    "starts_with": lambda value, arguments: value.startswith(arguments[0]),
    "ends_with": lambda value, arguments: value.endswith(arguments[0]),
    "has_substring": lambda value, arguments: arguments[0] in value,
    "one_of": lambda value, arguments: value in arguments,
    "monitoring.regex.full_match": lambda value, arguments: bool(re.fullmatch(arguments[0], value)),
}


@dataclass(frozen=True, slots=True)
class MonitoringFilter:
    """A filter on series or descriptors; each of its comparisons has to hold."""

    comparisons: tuple[Comparison, ...]

    def names(self, field: str) -> bool:
        """Return whether the filter compares a field."""
        return any(_field(each) == field for each in self.comparisons)

    def accepts(self, fields: Mapping[str, str], *, only: str | None = None) -> bool:
        """Return whether fields such as ``metric.type`` and ``resource.labels.location`` pass.

        Args:
            fields: Values by field; a missing one is empty.
            only: Evaluate this field's comparisons alone.
        """
        return all(
            _holds(each, fields) for each in self.comparisons if only in (None, _field(each))
        )


def parse_monitoring_filter(text: str) -> MonitoringFilter:
    """Return the Cloud Monitoring filter that a text holds.

    Raises:
        FilterError: It holds something that is not supported.
    """
    return MonitoringFilter(parse_comparisons(text))


def _holds(comparison: Comparison, fields: Mapping[str, str]) -> bool:
    value = fields.get(_field(comparison), "")
    return _FUNCTIONS[comparison.function](value, comparison.values) is (comparison.operator == "=")


def _field(comparison: Comparison) -> str:
    """Return one spelling for ``metric.label.x``, ``metric.labels.x`` and ``metric.labels."x"``."""
    return re.sub(r'\.labels?\."?([^"]+)"?$', r".labels.\1", comparison.path)
