"""The generated table of policies in docs/alerts.md."""

import re
from operator import attrgetter

from lab.markdown import table
from lab.policies.files import Policy, read_policies
from lab.promql_durations import format_duration
from tools import POLICIES

# How the paragraphs of the comment begin that each of our policy files has at its top
BEGINNINGS = ("Catches:", "Why these numbers:", "How it can be wrong:")


def policies() -> str:
    """Return the table of policies, the severest first."""
    rows = []
    for policy in sorted(read_policies(POLICIES), key=attrgetter("urgency")):
        wait = ""
        if policy.retest_window:
            wait = format_duration(policy.retest_window)
        row = (
            f"[{policy.name}](../{POLICIES.name}/{policy.path.name})",
            _catches(policy),
            _severity(policy),
            wait,
            policy.threshold or "",
        )
        rows.append(row)
    heading = ("policy", "catches", "severity", "waits", "threshold")
    return table(heading, rows)


def _catches(policy: Policy) -> str:
    """Return what its header says that it catches, without the explanation."""
    catches = header(policy.path.read_text("utf-8"))[0]
    sentence, _, _ = catches.partition(". ")
    what, _, _ = sentence.partition(": ")
    return what.rstrip(".")


def header(text: str) -> list[str]:
    """Return the paragraphs of the comment at the top of one of our policy files.

    They say what it catches, why its numbers are these, and how it can be wrong; raise
    ValueError where one is missing.
    """
    comment, _, _ = text.partition("\ndisplayName:")
    text = re.sub("^# ?", "", comment, flags=re.MULTILINE)
    paragraphs = text.split("\n\n")
    found = []
    for beginning in BEGINNINGS:
        words = [each for each in paragraphs if each.startswith(beginning)]
        if not words:
            raise ValueError(f'no paragraph starts with "{beginning}"; write it')
        paragraph = words[0].removeprefix(beginning)
        found.append(" ".join(paragraph.split()))
    return found


def _severity(policy: Policy) -> str:
    """Return its severity, and whether it is off or config has to ask for it."""
    words = policy.severity
    if not policy.enabled:
        words += ", off"
    if policy.needs:
        words += ", optional"
    return words
