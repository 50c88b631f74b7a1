"""``make chaos``: does a run stay truthful, complete and quick, whatever goes wrong?

Each fault meets a run of the exporter's own command line. Then signals end runs at
random moments, and runs overlap. Prints a table in Markdown. Exits with 1 where a rule
was broken.
"""

import random
import sys
from threading import Event

from exporter.process import INCOMPLETE, INTERRUPTED, OK
from exporter.text import plural
from lab.markdown import table
from lab.side_by_side import side_by_side
from lab.terminal import Progress
from tests.chaos.cases import DEADLINE_SECONDS, interrupted, matrix, overlap
from tests.chaos.judge import Verdict, judge

_HEADINGS = ("what goes wrong", "cases", "points lost", "slowest", "rules broken")
# Seconds that a run may take on a busy machine, and twenty runs at once
_LONGEST = DEADLINE_SECONDS + 3.0
_LONGEST_OVERLAP = 60.0
_WORKERS = 6  # more than there are cores, as most of a run with a fault is waiting


def main() -> int:
    """Play all cases and print a row for each kind; return the exit code."""
    drawn = random.Random(1)  # noqa: S311 - the same moments each time
    cases = [*matrix()]
    cases += [interrupted(drawn) for _ in range(100)]
    cases += [overlap(count) for count in (2, 5, 20)]
    with Progress(sys.stderr) as progress:
        playing = side_by_side(judge, cases, Event(), _WORKERS)
        verdicts = [*progress.track(playing, len(cases), description="playing cases")]
    kinds: dict[str, list[Verdict]] = {}
    for case, verdict in zip(cases, verdicts, strict=True):
        longest = _LONGEST_OVERLAP if case.processes else _LONGEST
        if verdict.seconds > longest:
            verdict.broken.append(f"it took {verdict.seconds:.1f} s")
        kinds.setdefault(case.kind, []).append(verdict)
        for sentence in verdict.broken:
            print(f"BROKEN: {sentence} ({case})", file=sys.stderr)
    rows = []
    broken = 0
    for kind, group in kinds.items():
        lost = sum(verdict.lost for verdict in group)
        slowest = max(verdict.seconds for verdict in group)
        of_kind = sum(len(verdict.broken) for verdict in group)
        broken += of_kind
        rows.append(
            (kind, f"{len(group):,}", f"{lost:,}", f"{slowest:.1f} s", str(of_kind))
        )
    print(table(_HEADINGS, rows))
    print(
        f"{plural(len(cases), 'case')}, {plural(broken, 'broken rule')}.",
        file=sys.stderr,
    )
    return INCOMPLETE if broken else OK


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
