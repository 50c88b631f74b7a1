"""A review as Markdown for a pull request."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from exporter.text import plural
from lab.markdown import code, details, escaped, fenced, html_code, table
from lab.review.channels import notified
from lab.review.differences import conditions, lines, shown
from lab.review.field_words import MOST_LINES
from lab.review.plan_values import NOTHING
from lab.review.plans import Action
from lab.review.review_rows import rows
from lab.review.review_summary import WORSE, summary
from lab.review.spoken import seconds_of, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.review.plan_values import Leaf, Values
    from lab.review.review_rows import Row
    from lab.review.reviewing import Review, Told

MOST_CHARACTERS = 60_000
"""How long the page is at most: a comment on GitHub holds 65,536 characters."""

_MOST_OF_TABLE = 16_000
_FEW_ROWS = 20
_MOST_DIFFERENCES = 12


# Terraform's own words for it: https://developer.hashicorp.com/terraform/internals/json-format
_REASONS = {
    "delete_because_each_key": "its key is no longer in `for_each`",
    "delete_because_no_module": "its module is gone from the configuration",
    "delete_because_no_resource_config": "its resource is gone from the configuration",
    "replace_because_cannot_update": "Cloud Monitoring cannot change that in place",
    "replace_because_tainted": "its last apply failed halfway",
    "replace_by_request": "as was asked for",
}


def page(review: Review) -> str:
    """Return the review as Markdown; what does not fit on one comment of GitHub's is left out."""
    head = [
        "## Review of the alert policies",
        " ".join([*summary(review)]),
        *(f"> **Mind:** {escaped(note)}" for note in review.plan.notes),
    ]
    if review.told:
        head.append(_table(("policy", "is", "what changes"), [*_policy_rows(review)]))
    pages, rest = _effects(review)
    limits = [*_limits(review)]
    left = MOST_CHARACTERS - _length([*head, *pages, *limits])
    rest, left = _fitting(rest, left)
    folded = [*_folded_policies(review)]
    kept, left = _fitting(folded, left)
    lacking = len(folded) - len(kept)
    more = [f"{plural(lacking, 'folded part')} left out for length; `--json` has all."]
    return "\n\n".join([*head, *kept, *(more if lacking else []), *pages, *rest, *limits]) + "\n"


def _length(parts: Sequence[str]) -> int:
    return sum(len(part) + len("\n\n") for part in parts)


def _fitting(parts: Sequence[str], left: int) -> tuple[list[str], int]:
    """Return the parts that fit into so many characters, and how many are left then."""
    kept: list[str] = []
    for part in parts:
        length = _length([part])
        if length <= left:
            kept.append(part)
            left -= length
    return kept, left


def _table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table of as many rows as may be long together."""
    lengths = itertools.accumulate(sum(map(len, row)) + 3 * len(row) for row in rows)
    fit = sum(1 for length in lengths if length <= _MOST_OF_TABLE)
    kept = [*rows[:fit]]
    if fit < len(rows):
        kept.append((f"and {len(rows) - fit:,} more: `--json` has all", *[""] * (len(heading) - 1)))
    return table(heading, kept)


def _policy_rows(review: Review) -> Iterator[tuple[str, ...]]:
    for told in review.told:
        yield code(told.change.name), told.how, "<br>".join(_words(told, review.plan.channels))


def _words(told: Told, channels: Mapping[str, str]) -> Iterator[str]:
    change = told.change
    if change.action is Action.ADDED and change.after:
        yield _described(change.after, channels)
    elif change.action is Action.REMOVED and change.before:
        yield f"pages no more; was {_described(change.before, channels)}"
    elif change.action is Action.FORGOTTEN:
        yield "stays in Cloud Monitoring and pages on, without Terraform"
    for each in told.differences[:_MOST_DIFFERENCES]:
        yield each.words
    more = len(told.differences) - _MOST_DIFFERENCES
    if more > 0:
        yield f"and {more} more differences"
    if change.action is Action.CHANGED and not told.differences:
        yield "nothing but what Cloud Monitoring fills in"
    if change.action is Action.REPLACED:
        yield "its open incidents end, and open again where it still pages"
    if change.was_at:
        yield f"moves from {code(change.was_at)} to {code(change.address)}"
    if change.reason in _REASONS:
        yield f"({_REASONS[change.reason]})"
    yield from change.notes


def _described(values: Values, channels: Mapping[str, str]) -> str:
    """Return a policy at a glance."""
    severity = values.text("severity")
    words = [severity if severity.isalpha() else code(severity)] if severity else []
    if values.leaf("enabled").value is False:
        words.append("switched off")
    for each in conditions(values):
        if values.below(f"{each}.condition_prometheus_query_language"):
            retest_window = values.leaf(f"{each}.condition_prometheus_query_language.duration")
            words.append(_retest_window(retest_window))
        elif values.below(f"{each}.condition_matched_log"):
            words.append("pages on a log entry")
    words.append(notified(values.leaf("notification_channels"), channels))
    return "; ".join(words)


def _retest_window(leaf: Leaf) -> str:
    seconds = None if leaf.hidden else seconds_of(leaf.value)
    if seconds == 0 or leaf == NOTHING:
        return "pages at once"
    waits = code(shown(leaf)) if seconds is None else spoken(seconds)
    return f"waits {waits} before it pages"


def _folded_policies(review: Review) -> Iterator[str]:
    for told in review.told:
        blocks = [each.block for each in told.differences if each.block]
        after = told.change.after
        if told.change.action is Action.ADDED and after:
            blocks = [
                fenced("text", "\n".join(lines(after, each)), most_lines=MOST_LINES)
                for each in conditions(after)
            ]
        if blocks:
            what = (
                "what it looks at" if told.change.action is Action.ADDED else "what changes in full"
            )
            yield details(f"{html_code(told.change.name)}: {what}", "\n\n".join(blocks))


def _effects(review: Review) -> tuple[list[str], list[str]]:
    """Return the tables of pages that stand open, and those that are folded in."""
    every = rows(review.pages)
    if not every:
        return [], []
    worse = [row for row in every if row.kind in WORSE]
    heading = "### What that does to the scenarios"
    if len(every) <= _FEW_ROWS:
        return [heading, _pages_table(every, review)], []
    rest = [row for row in every if row.kind not in WORSE]
    stands = [heading, _pages_table(worse, review)] if worse else [heading]
    if not rest:
        return stands, []
    words = f"{plural(len(rest), 'row')} of pages that are gained, come sooner or end differently"
    return stands, [details(words, _pages_table(rest, review))]


def _pages_table(of: Sequence[Row], review: Review) -> str:
    told = []
    last = ""
    for row in of:
        title = "" if row.scenario == last else escaped(review.titles.get(row.scenario, ""))
        last = row.scenario
        scenario = f"{code(row.scenario)}{f': {title}' if title else ''}"
        told.append((scenario, row.policy, row.how, row.about, row.when))
    return _table(("scenario", "policy", "page", "for", "when"), told)


def _limits(review: Review) -> Iterator[str]:
    refused = [
        f"{code(name)}: a query that is refused pages never: {code(why)}"
        for name, why in review.refused.items()
    ]
    unclear = [
        f"{code(each.policy)}: the scenarios cannot tell, as {escaped(each.reason)}"
        for each in review.unclear
    ]
    said = [*_few(refused), *_few(unclear)]
    if review.silent:
        names = ", ".join(_few([code(name) for name in review.silent]))
        said.append(f"The scenarios tell nothing of {names}: nothing pages, before or after.")
    if review.asked:
        said.append(
            "The scenarios tell when incidents open and close, not whom a channel reaches, what a "
            "page says or how often it reminds. Moments count from a scenario's start."
        )
    if said:
        yield "\n".join(f"- {each}" for each in said)


def _few(words: Sequence[str]) -> list[str]:
    more = len(words) - _FEW_ROWS
    return [*words[:_FEW_ROWS], *([f"and {more:,} more: `--json` has all"] if more > 0 else [])]
