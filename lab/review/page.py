"""Writes a review as Markdown for a comment on GitHub."""

import html
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from exporter.log.summary import name_first
from exporter.text import plural, printable
from lab.markdown import code, fenced, table
from lab.plans.planned import NO_POLICY, NOBODY
from lab.promql_durations import format_duration
from lab.review.playing import KINDS, ChangedIncident
from lab.review.review import WORSE, ChangedPolicy, Review
from lab.review.watched import CHANGE, ERROR, WARNING

# Length of the page. A comment on GitHub holds 65,536 characters; the rest is for who
# posts it
MOST_CHARACTERS = 60_000
_FOLDED = "<details>"
# Lines of each list and table, so that what isn't folded is a page of 60 lines
_MOST_SHOWN = 9
_MOST_LINES = 150  # of a diff
_NO_CHANNELS = {NOBODY, NO_POLICY}
_JSON = "`datastream-lab review --json`"


def review_page(review: Review) -> str:
    """Return a review as Markdown; diffs that don't fit in a comment are left out."""
    parts = [
        "## Review of config and alert policies",
        *[f"> **Note:** {note}" for note in review.notes],
        *_worst(review),
        *_notified(review),
        *_watched(review),
        "### Policies",
        _summary(review),
        *_policies(review),
        *_incidents(review),
        *_problems(review),
    ]
    parts = [*map(_cut, parts)]
    diffs = [part for part in parts if part.startswith(_FOLDED)]
    left_out = 0
    # The last diffs matter least.
    while diffs:
        is_long = len("\n\n".join(parts)) > MOST_CHARACTERS
        if len(diffs) <= _MOST_SHOWN and not is_long:
            break
        parts.remove(diffs.pop())
        left_out += 1
    if left_out:
        parts.append(f"{plural(left_out, 'more diff')}: see {_JSON}.")
    return "\n\n".join(parts) + "\n"


def _cut(part: str) -> str:
    """Return what is not folded without the last lines of a long list or table."""
    lines = part.split("\n")
    more = len(lines) - _MOST_SHOWN
    if more > 0 and not part.startswith(_FOLDED):
        lines[_MOST_SHOWN:] = [f"… and {more:,} more: see {_JSON}."]
    return "\n".join(lines)


def _worst(review: Review) -> Iterator[str]:
    """Yield what fails a strict review, but for alerts: nobody may miss that."""
    for sentence in review.watched[ERROR]:
        yield f"**{sentence}.**"
    if review.notify_nobody:
        names = [*map(code, review.notify_nobody)]
        yield f"**Nobody is notified any more of {name_first(names)}.**"


def _notified(review: Review) -> Iterator[str]:
    """Yield who is notified newly or no longer."""
    told: Counter[tuple[str, str, str]] = Counter()
    for each in review.routes:
        before = {*each.before.split(", ")} - _NO_CHANNELS
        after = {*each.after.split(", ")} - _NO_CHANNELS
        for channel in before ^ after:
            words = "Notified newly" if channel in after else "No longer notified"
            told[each.route, channel, words] += len(each.policies)
    if review.routes:
        yield "\n".join(
            f"- {words}: {code(channel)} (route {code(route)}, policies: {count:,})"
            for (route, channel, words), count in sorted(told.items())
        )


def _watched(review: Review) -> Iterator[str]:
    yield "### What is watched"
    sentences = review.watched[WARNING] + review.watched[CHANGE]
    if sentences:
        yield "\n".join(f"- {sentence}" for sentence in sentences)
    elif not review.watched[ERROR]:
        only = "Only other lines of config change."
        yield only if review.config_diff else "Nothing changes."
    if review.config_diff:
        yield _folded("<code>config.yaml</code>", _diff(review.config_diff))


def _folded(summary: str, content: str) -> str:
    """Return Markdown that is folded under a line of HTML."""
    # GitHub reads the content as Markdown only between empty lines.
    return f"{_FOLDED}<summary>{summary}</summary>\n\n{content}\n\n</details>"


def _diff(lines: Iterable[str]) -> str:
    return fenced("diff", "\n".join(lines), most_lines=_MOST_LINES)


def _summary(review: Review) -> str:
    changed = len(review.policies)
    policies = f"Policies that change: {changed:,} of {changed + review.unchanged:,}."
    if review.new:
        return f"No policy exists yet: {changed:,} are created."
    if not review.scenarios:
        if any(review.watched.values()):
            return f"{policies} What is watched changes, as above."
        return f"{policies} What decides when an alert opens stays the same."
    kinds = [
        _marked(kind, f"{count:,} {kind}")
        for kind, count in review.count.items()
        if count
    ]
    return (
        f"{policies} Alerts in {plural(len(review.scenarios), 'scenario')}:"
        f" {', '.join(kinds) or 'all as before'}."
    )


def _marked(kind: str, text: str) -> str:
    return f"**{text}**" if kind in WORSE else text


def _policies(review: Review) -> Iterator[str]:
    """Yield the diffs of policies, those of a route with the same effect together.

    Where no policy exists yet, a table says instead whom each one notifies.
    """
    if review.new:
        rows = [
            (
                code(each.severity),
                code(each.notified),
                ", ".join(map(code, each.policies)),
            )
            for each in review.new
        ]
        yield table(("severity", "notified", "new policies"), rows)
        return
    groups: dict[tuple[str, str], list[ChangedPolicy]] = {}
    for policy in review.policies:
        groups.setdefault((policy.route, policy.effect), []).append(policy)
    for (_, effect), group in groups.items():
        names, lines = [], []
        for policy in group:
            names.append(f"<code>{html.escape(printable(policy.name))}</code>")
            lines += [f"--- {policy.name}", *policy.diff]
        yield _folded(f"{name_first(names)}: {html.escape(effect)}", _diff(lines))


def _incidents(review: Review) -> Iterator[str]:
    groups: dict[tuple[int, str, str], list[ChangedIncident]] = {}
    for each in review.incidents:
        key = KINDS.index(each.kind), each.scenario, each.policy
        groups.setdefault(key, []).append(each)
    rows = []
    for (rank, scenario, policy), group in sorted(groups.items()):
        kind = KINDS[rank]
        rows.append(
            (
                code(scenario),
                code(policy),
                _marked(kind, kind),
                name_first([_about(each) for each in group]),
                _latest(group, 0),
                _latest(group, 1),
            )
        )
    if rows:
        yield "### Alerts in the scenarios"
        headings = ("scenario", "policy", "alert", "for", "opens now", "opens then")
        yield table(headings, rows)


def _about(incident: ChangedIncident) -> str:
    name = incident.about.rpartition("/")[2]
    return code(name) if name else "everything"


def _latest(group: Sequence[ChangedIncident], side: int) -> str:
    """Return when the last incident of a row opens, before (0) or after (1)."""
    times = [each.opens[side] for each in group]
    opens = [time for time in times if time is not None]
    return format_duration(max(opens)) if opens else "never"


def _problems(review: Review) -> Iterator[str]:
    rows = [[*map(code, each)] for each in review.problems.items()]
    if rows:
        yield "### To look at"
        yield table(("policy", "problem"), rows)
