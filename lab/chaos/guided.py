"""``make guided-fuzz``: does any input break a reader, where coverage guides the search for it?

atheris changes texts and keeps those that reach new code. It is a second opinion on the random
changes of ``make chaos``, with the same readers and the same rules. Exits with 1 where a rule was
broken. The text that broke it stays in the current folder, as crash-HASH.

atheris runs on Linux and macOS with Python 3.11 to 3.13.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.terminal import print_table
from exporter.terminal import print_json, show_progress
from lab.chaos.table import HEADINGS, RIGHT, guided_row

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 60
_MOST_MIB = 1024
"""Of the whole process; instrumented code needs more than the 500 MiB that a case may add."""
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)
_BROKEN = "BROKEN: "


def main(arguments: Sequence[str] | None = None) -> int:
    """Search for inputs that break a reader; print what was tried and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.chaos.guided", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help="only these (default: all)")
    parser.add_argument(
        "--seconds",
        type=int,
        default=_SECONDS,
        help=f"how long each reader is tried (default: {_SECONDS})",
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.in_this_process:
        search(args.readers[0], args.seconds)
    from lab.chaos.fuzz import TARGETS  # noqa: PLC0415 - atheris has to see the import of the rest

    if args.seconds < 1:
        parser.error(f"--seconds {args.seconds}: a reader needs one second at least")
    for reader in args.readers:
        if reader not in TARGETS:
            parser.error(f"there is no reader {reader!r}; there are {', '.join(TARGETS)}")
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed; run: make guided-fuzz")
    rows, broken = [], []
    try:
        with show_progress(sys.stderr) as progress:
            names = args.readers or list(TARGETS)
            for name in progress.track("readers", names, len(names)):
                row, sentences = _searched(name, args.seconds)
                rows.append(row)
                broken += [f"{name}: {sentence}" for sentence in sentences]
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    if args.json:
        print_json([dict(zip(HEADINGS, row, strict=True)) for row in rows], sys.stdout)
    else:
        print_table(HEADINGS, rows, sys.stdout, right=RIGHT)
    for sentence in broken:
        print(f"BROKEN: {sentence}", file=sys.stderr)
    return INCOMPLETE if broken else OK


def _searched(name: str, seconds: int) -> tuple[list[str], list[str]]:
    """Search in a process of its own, as atheris ends the one that it runs in."""
    command = ("-m", "lab.chaos.guided", "--in-this-process", "--seconds", str(seconds), name)
    ended = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, *command], capture_output=True, text=True, errors="replace", check=False
    )
    found = {key: int(value) for key, value in _STATISTIC.findall(ended.stderr)}
    broken = [
        line.removeprefix(_BROKEN) for line in ended.stdout.splitlines() if line.startswith(_BROKEN)
    ]
    if ended.returncode and not broken:
        broken = [f"the search ended with exit code {ended.returncode}: {ended.stderr[-2000:]}"]
    row = guided_row(
        name,
        found.get("number_of_executed_units", 0),
        found.get("slowest_unit_time_sec", 0),
        broken,
    )
    return row, broken


def search(name: str, seconds: int) -> NoReturn:
    """Change texts until the time is over or one breaks the reader; end this process."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["exporter", "lab", "yaml"]):
        from lab.chaos import fuzz  # noqa: PLC0415 - atheris has to see the import
    target = fuzz.TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="guided-") as seeds:
        for number, text in enumerate(target.seeds()):
            Path(seeds, str(number)).write_text(text, "utf-8")

        def read(text: bytes) -> None:
            for sentence in fuzz.problems(target, text.decode("utf-8", "surrogateescape")):
                print(_BROKEN + sentence, flush=True)
                raise AssertionError(sentence)

        limits = (
            f"-max_total_time={seconds}",
            f"-timeout={fuzz.MOST_SECONDS:.0f}",
            f"-rss_limit_mb={_MOST_MIB}",
        )
        atheris.Setup(["guided", seeds, *limits, "-print_final_stats=1"], read)
        atheris.Fuzz()
    sys.exit()


if __name__ == "__main__":
    sys.exit(main())
