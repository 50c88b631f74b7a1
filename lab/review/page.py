"""Writes a review as Markdown for a comment on GitHub."""

import html
from collections import defaultdict
from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader

from exporter.log.summary import name_first
from exporter.text import plural, printable
from lab.markdown import code, fenced
from lab.promql_durations import format_duration
from lab.review.playing import KINDS, ChangedIncident
from lab.review.review import WORSE, ChangedPolicy, Review

# Length of the page. A comment on GitHub holds 65,536 characters; the rest is for who
# posts it
MOST_CHARACTERS = 60_000
_FOLDED = "<details>"
# Lines of each list and table, so that what isn't folded is a page of 60 lines
_MOST_SHOWN = 9
_MOST_LINES = 150  # of a diff
_JSON = "`datastream-lab review --json`"

_TEMPLATES = Environment(  # noqa: S701 - Markdown, in which each value is code
    loader=PackageLoader("lab.review", ""), lstrip_blocks=True, trim_blocks=True
)


def review_page(review: Review) -> str:
    """Return a review as Markdown; diffs that don't fit in a comment are left out."""
    groups: dict[Any, list[ChangedPolicy]] = defaultdict(list)
    for policy in review.policies:
        key = policy.route, policy.effect
        if not policy.diff:
            key = "", policy.effect
        groups[key].append(policy)
    incidents: dict[Any, list[ChangedIncident]] = defaultdict(list)
    for each in review.incidents:
        incidents[KINDS.index(each.kind), each.scenario, each.policy].append(each)
    page = _TEMPLATES.get_template("page.md.j2").render(
        review=review, groups=groups, incidents=incidents, kinds=KINDS, worse=WORSE
    )
    parts = [_cut(part.strip()) for part in page.split("\n\n\n") if part.strip()]
    diffs = [part for part in parts if part.startswith(_FOLDED)]
    count = len(diffs)
    # The last diffs matter least.
    while diffs and (
        len(diffs) > _MOST_SHOWN or len("\n\n".join(parts)) > MOST_CHARACTERS
    ):
        parts.remove(diffs.pop())
    if left_out := count - len(diffs):
        parts.append(f"{plural(left_out, 'more part')}: see {_JSON}.")
    return "\n\n".join(parts) + "\n"


def _cut(part: str) -> str:
    """Return what is not folded without the last lines of a long list or table."""
    lines = part.split("\n")
    more = len(lines) - _MOST_SHOWN
    # A sentence about one line is no shorter than the line.
    if more > 1 and not part.startswith(_FOLDED):
        lines[_MOST_SHOWN:] = [f"… and {more:,} more: see {_JSON}."]
    return "\n".join(lines)


def _cell(value: object) -> str:
    """Return a value for a table."""
    return code(value).replace("|", "\\|")


def _about(incident: ChangedIncident) -> str:
    name = incident.about.rpartition("/")[2]
    return _cell(name) if name else "everything"


_TEMPLATES.filters.update(
    about=_about,
    code=_cell,
    diff=partial(fenced, "diff", most_lines=_MOST_LINES),
    duration=format_duration,
    html=lambda name: f"<code>{html.escape(printable(name))}</code>",
    name_first=name_first,
    plural=plural,
    printable=printable,
)
