"""What ``watch`` shows at a terminal: the fleet as a table, and the log below it.

Nothing here draws: a view takes measurements and lines, and returns what fits a screen.
"""

from __future__ import annotations

import io
import itertools
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from exporter.cli.fleet import LOOK_AT, StreamRow, look_at, stream_rows
from exporter.log.stream_memory import MISSING
from exporter.states import StreamState
from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.measure.samples import Measurement

MOST_LINES = 1000
"""Lines of the log that are kept."""

_MOST_FOLDED = 6
"""Lines of the screen that one line of the log may take."""

_COLUMNS = (
    ("stream", "project", "location", "state", "for", "expected", "error"),
    ("stream", "location", "state", "for", "expected", "error"),
    ("stream", "state", "for", "expected", "error"),
    ("stream", "state", "for", "error"),
    ("stream", "state", "for"),
)
"""The table's columns, from the widest terminal to the narrowest."""

_GAP = 2
_LEAST = {"stream": 20, "error": 24}
"""Columns that these need at least; they are cut where there is less room than content."""

_WORST = (StreamState.FAILED_PERMANENTLY.name, MISSING, StreamState.FAILED.name)
_STYLES = ("bold red", "yellow", "magenta")
"""The states, then the styles of other states, from the worst on."""

# Folds lines; it never writes.
_FOLDER = Console(file=io.StringIO())


class _Since(NamedTuple):
    """Since when a stream has been in a state.

    Attributes:
        state: The state.
        at: When it was first seen in it.
        exact: Whether it was seen in another one right before.
    """

    state: str
    at: float
    exact: bool


class FleetView:
    """The fleet as it was last read, how long it has been so, and the log."""

    def __init__(self) -> None:
        """Show an empty fleet."""
        self._lock = Lock()
        self._started = False
        self._rows: list[StreamRow] = []
        self._since: Mapping[tuple[str, ...], _Since] = {}
        self._status = Text("Reading the fleet …")
        self._look_at: list[tuple[int, Text]] = []
        self._lines: deque[tuple[int, Text]] = deque(maxlen=MOST_LINES)

    def update(self, measurement: Measurement, now: float) -> None:
        """Show a new measurement.

        Args:
            measurement: What was read. Of the first, also what a person should look at.
            now: Seconds of a clock that never goes back.
        """
        rows = sorted(stream_rows(measurement), key=_rank)
        with self._lock:
            if not self._started:
                self._started = True
                self._look_at = [(0, Text(LOOK_AT, "bold")), *look_at(measurement)]
            since = {}
            for row in rows:
                before = self._since.get(_key(row))
                if before is None or before.state != row.state:
                    before = _Since(row.state, now, exact=before is not None)
                since[_key(row)] = before
            self._rows, self._since = rows, since

    def show_status(self, line: str, style: str = "") -> None:
        """Show the line that sums the last run up."""
        with self._lock:
            self._status = Text(printable(line), style)

    def add_line(self, line: str, style: str = "") -> None:
        """Add a line of the log."""
        with self._lock:
            self._lines.append((0, Text(printable(line), style)))

    @property
    def log(self) -> Sequence[tuple[int, Text]]:
        """What to look at and the lines of the log, each with its indent."""
        with self._lock:
            return (*self._look_at, *self._lines)

    def screen(self, width: int, height: int, now: float) -> list[Text]:
        """Return the lines of a screen, none longer or more than there is room for.

        Args:
            width: The screen's columns.
            height: Its lines.
            now: Seconds of the clock of :meth:`update`.
        """
        with self._lock:
            status = _folded(0, self._status, width)[: max(1, height // 4)]
            left = height - len(status) - 1
            below = self._below(width, left)
            # The log has a third of the screen where both need more than there is.
            room = left - 1 - min(len(below), max(3, left // 3))
            table = _table(self._rows, self._ages(now), width, room) if self._rows else []
            below = self._below(width, left - len(table) - 1)
        return [*status, Text(), *table, Text(), *below][:height]

    def _below(self, width: int, most: int) -> list[Text]:
        """Return the newest lines of the log, or what to look at first while there are none."""
        if not self._lines:
            folded = (_folded(*line, width) for line in self._look_at)
            return list(itertools.islice(itertools.chain.from_iterable(folded), max(0, most)))
        newest: deque[Text] = deque()
        for indent, text in itertools.chain(reversed(self._lines), reversed(self._look_at)):
            if len(newest) >= most:
                break
            newest.extendleft(reversed(_folded(indent, text, width)))
        return list(newest)[-most:] if most > 0 else []

    def _ages(self, now: float) -> list[str]:
        """Return of each row how long it has been so."""
        ages = []
        for row in self._rows:
            since = self._since[_key(row)]
            ages.append(_age(now - since.at) + ("" if since.exact else "+"))
        return ages


def _key(row: StreamRow) -> tuple[str, ...]:
    return row.project, row.location, row.stream


def _rank(row: StreamRow) -> tuple[int, int, tuple[str, ...]]:
    """Return what rows are sorted by: the worst first, then by name."""
    state = _WORST.index(row.state) if row.state in _WORST else len(_WORST)
    style = _STYLES.index(row.style) if row.style in _STYLES else len(_STYLES) + (not row.error)
    return state, style, _key(row)


def _age(seconds: float) -> str:
    """Return a time in its largest whole unit: ``45s``, ``12m``, ``3h``, ``2d``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f}{unit}"
    return f"{max(0, seconds):.0f}s"


def _table(rows: list[StreamRow], ages: list[str], width: int, room: int) -> list[Text]:
    """Return a table of the first rows, and how many more there are."""
    shown = list(zip(rows, ages, strict=True))[: max(0, room)]
    columns = _fitting(shown, width)
    a_row, heading = (1, 1) if columns else (2, 0)
    most = (room - heading) // a_row
    if len(rows) > most:
        most = (room - heading - 1) // a_row
    shown = shown[: max(0, most)]
    lines = list(_rows(shown, columns, width) if columns else _stacked(shown, width))
    if more := len(rows) - len(shown):
        wrong = sum(row.style != "green" or bool(row.error) for row in rows[len(shown) :])
        how = f"{wrong:,} of them not as expected" if wrong else "all as expected"
        lines.append(_cut(Text(f"and {more:,} more, {how}", "dim"), width))
    return lines[: max(0, room)]


def _fitting(rows: list[tuple[StreamRow, str]], width: int) -> dict[str, int]:
    """Return the columns that fit and the width of each; none where every row needs two lines."""
    natural = {
        name: max([cell_len(name), *(cell_len(_cell(name, *row).plain) for row in rows)])
        for name in _COLUMNS[0]
    }
    for names in _COLUMNS:
        least = [min(natural[name], _LEAST.get(name, natural[name])) for name in names]
        spare = width - sum(least) - _GAP * (len(names) - 1)
        if spare >= 0:
            widths = dict(zip(names, least, strict=True))
            for name in ("stream", "error"):
                if name in widths:
                    more = min(spare, natural[name] - widths[name])
                    widths[name] += more
                    spare -= more
            return widths
    return {}


def _rows(
    rows: Iterable[tuple[StreamRow, str]], columns: Mapping[str, int], width: int
) -> Iterator[Text]:
    yield _line([_cut(Text(name.upper(), "bold"), columns[name]) for name in columns], width)
    for row in rows:
        yield _line([_cut(_cell(name, *row), columns[name]) for name in columns], width)


def _stacked(rows: Iterable[tuple[StreamRow, str]], width: int) -> Iterator[Text]:
    for row, age in rows:
        yield _cut(_cell("stream", row, age), width)
        yield _cut(Text(f"  {age} ").append_text(_cell("state", row, age)), width)


def _cell(name: str, row: StreamRow, age: str) -> Text:
    text = age if name == "for" else getattr(row, name)
    colored = name == "state" or (name == "expected" and text != "yes")
    return Text(printable(text), row.style if colored else "")


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def _line(cells: Sequence[Text], width: int) -> Text:
    line = Text(" " * _GAP).join(cells)
    line.rstrip()
    return _cut(line, width)


def _folded(indent: int, text: Text, width: int) -> list[Text]:
    """Return a line of the log as lines of the screen."""
    indent = min(indent, width // 4)
    lines = list(text.wrap(_FOLDER, max(1, width - indent)))
    if len(lines) > _MOST_FOLDED:
        del lines[_MOST_FOLDED:]
        lines[-1].append("…")
    return [_cut(Text(" " * indent).append_text(line), width) for line in lines]
