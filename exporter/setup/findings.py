"""One line for each thing that was checked, and how many were bad."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from logging import ERROR, INFO, WARNING, addLevelName
from typing import NamedTuple

from exporter.logger import LOGGER
from exporter.text import plural, printable, quote

NOTICE = 25  # what a person may want to know, and --strict doesn't count
addLevelName(NOTICE, "NOTICE")  # a severity of Cloud Logging
_GRADES = {INFO: "ok", NOTICE: "notice", WARNING: "warning", ERROR: "failed"}


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


def accept(findings: Iterable[Finding], texts: Sequence[str]) -> Iterator[Finding]:
    """Yield findings; a warning that contains one of the texts becomes a notice.

    A text that no warning contains is a warning itself.
    """
    unused = {*texts}
    for finding in findings:
        found = [text for text in texts if text and text in finding.text]
        if found and finding.level == WARNING:
            unused.difference_update(found)
            yield finding._replace(level=NOTICE, text=f"{finding.text} (accepted)")
        else:
            yield finding
    for text in sorted(unused):
        yield Finding(
            WARNING,
            "--accept",
            f"no warning has the text {quote(text)}; correct or remove it",
        )


def log_counts(counts: Counter[int]) -> None:
    """Say how many findings there were, by their level."""
    failed = counts[ERROR] or "none"
    text = f"{plural(counts.total(), 'check')}: {failed} failed"
    LOGGER.info("%s, %s.", text, plural(counts[WARNING], "warning"))
