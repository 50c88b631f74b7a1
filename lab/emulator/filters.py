"""Cloud Monitoring's filters, as far as clients of this project use them.

Comparisons joined by AND; ``=`` and ``!=``; a string, or starts_with, ends_with, has_substring,
one_of or monitoring.regex.full_match. https://cloud.google.com/monitoring/api/v3/filters
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lab.emulator.status_errors import invalid_field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STRING = r'"(?:[^"\\]|\\.)*"'
_COMPARISON = re.compile(
    rf"""\s*(?P<field>[a-z_]+(?:\.(?:[A-Za-z0-9_]+|{_STRING}))*)
         \s*(?P<operator>!=|=)
         \s*(?:(?P<function>[a-z_.]+)\s*\(\s*(?P<arguments>{_STRING}(?:\s*,\s*{_STRING})*)\s*\)
              |(?P<value>{_STRING}))\s*""",
    re.VERBOSE,
)
_AND = re.compile(r"AND\b")

_FUNCTIONS: dict[str, Callable[[str, list[str]], bool]] = {
    "starts_with": lambda value, given: value.startswith(given[0]),
    "ends_with": lambda value, given: value.endswith(given[0]),
    "has_substring": lambda value, given: given[0] in value,
    "one_of": lambda value, given: value in given,
    "monitoring.regex.full_match": lambda value, given: bool(re.fullmatch(given[0], value)),
}


class _Comparison(NamedTuple):
    field: str
    equal: bool
    function: str
    arguments: list[str]

    def incidents(self, fields: Mapping[str, str]) -> bool:
        value = fields.get(self.field, "")
        return _FUNCTIONS[self.function](value, self.arguments) is self.equal


class Filter:
    """A parsed filter."""

    def __init__(self, comparisons: list[_Comparison]) -> None:
        """Take what must hold."""
        self._comparisons = comparisons

    def names(self, field: str) -> bool:
        """Tell whether the filter says anything of a field."""
        return any(each.field == field for each in self._comparisons)

    def accepts(self, fields: Mapping[str, str], *, only: str | None = None) -> bool:
        """Tell whether fields such as ``metric.type`` and ``resource.labels.location`` pass.

        Args:
            fields: Values by field; one that is not there is empty.
            only: Look at this field's comparisons alone.
        """
        return all(
            each.incidents(fields) for each in self._comparisons if only in (None, each.field)
        )


def parse(text: str) -> Filter:
    """Return a filter from its text.

    Raises:
        Refused: It cannot be read.
    """
    comparisons = []
    at = 0
    while text[at:].strip():
        found = _COMPARISON.match(text, at)
        function = (found["function"] or "one_of") if found else ""
        if found is None or function not in _FUNCTIONS:
            raise invalid_field("filter", "The filter could not be parsed.", text)
        arguments = [
            _unquoted(each) for each in re.findall(_STRING, found["arguments"] or found["value"])
        ]
        comparisons.append(
            _Comparison(_field(found["field"]), found["operator"] == "=", function, arguments)
        )
        at = found.end()
        conjunction = _AND.match(text, at)
        if conjunction:
            at = conjunction.end()
        elif text[at:].strip():
            raise invalid_field("filter", "The filter could not be parsed.", text)
    return Filter(comparisons)


def _field(written: str) -> str:
    """Return one spelling for ``metric.label.x``, ``metric.labels.x`` and ``metric.labels."x"``."""
    return re.sub(r'\.labels?\."?([^"]+)"?$', r".labels.\1", written)


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])
