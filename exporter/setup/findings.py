"""One line for each thing that was checked, and how many were bad."""

from collections import Counter
from logging import ERROR, INFO, WARNING
from typing import NamedTuple

from exporter.logger import LOGGER
from exporter.text import plural, printable

_GRADES = {INFO: "ok", WARNING: "warning", ERROR: "failed"}


class Finding(NamedTuple):
    """One thing that was checked; prints as a line."""

    level: int  # how bad it is, as a level of logging; ERROR makes the exit code 1
    part: str  # what it is about, such as a location; empty where the text says it
    text: str

    @property
    def grade(self) -> str:
        """How bad it is, in a word."""
        return _GRADES[self.level]

    def __str__(self) -> str:
        place = f"{self.part}: " if self.part else ""
        return printable(f"{self.grade:<8} {place}{self.text}")


def log_counts(counts: Counter[int]) -> None:
    """Say how many findings there were, by their level."""
    failed = counts[ERROR] or "none"
    text = f"{plural(counts.total(), 'check')}: {failed} failed"
    LOGGER.info("%s, %s.", text, plural(counts[WARNING], "warning"))
