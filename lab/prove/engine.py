"""The engine: Prometheus itself, fed with series and asked by its own API.

Google evaluates PromQL conditions in parity with Prometheus
(https://cloud.google.com/monitoring/promql); so what it would find is asked of the original.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlencode

from lab.simulate.series import write_openmetrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.simulate.series import Series

MISSING = 3
"""The exit code where Prometheus is not installed."""

_PROGRAMS = ("prometheus", "promtool")
_LISTENS = re.compile(r'msg="Listening on" address=(127\.0\.0\.1:\d+)')
_READY = "Server is ready to receive web requests."
_START_SECONDS = 60.0
_POLL_SECONDS = 0.005
_STOP_SECONDS = 10.0
_QUERY_SECONDS = 120
_FOREVER = "87600h"

_MOST_STEPS = 10_000
"""Prometheus gives 11,000 points of a series in one answer."""


class NotInstalledError(Exception):
    """Prometheus is not installed; ``str()`` is the sentence to show."""


class EngineError(Exception):
    """Prometheus did not do what it was asked to; ``str()`` is the sentence to show."""


class ResultSeries(NamedTuple):
    """A series of a query's result.

    Attributes:
        labels: Its labels.
        times: The moments, in unix seconds, at which it was there.
    """

    labels: dict[str, str]
    times: tuple[float, ...]


class Engine:
    """A Prometheus of its own, for as long as the block runs."""

    def __init__(self, series: Iterable[Series]) -> None:
        """Take what it is to hold.

        Raises:
            NotInstalledError: Prometheus is not installed.
        """
        missing = [program for program in _PROGRAMS if shutil.which(program) is None]
        if missing:
            raise NotInstalledError(
                f"{' and '.join(missing)} not found: policies are proven by Prometheus itself; "
                "install it (apt-get install prometheus, or brew install prometheus)"
            )
        self._series = series
        self._running = ExitStack()
        self._address = ""

    def __enter__(self) -> Self:
        """Fill it and start it.

        Raises:
            EngineError: It cannot be filled or started.
        """
        with ExitStack() as starting:
            folder = Path(starting.enter_context(TemporaryDirectory(prefix="prometheus-")))
            _fill(folder, self._series)
            self._address = _start(folder, starting)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop it and remove what it held."""
        self._running.close()

    def query_range(
        self, query: str, start: float, end: float, step: float
    ) -> tuple[ResultSeries, ...]:
        """Return what a query finds at ``start`` and every ``step`` seconds until ``end``.

        Raises:
            EngineError: The query is refused.
        """
        times: dict[tuple[tuple[str, str], ...], list[float]] = {}
        first, last = 0, int((end - start) // step)
        while first <= last:
            until = min(first + _MOST_STEPS, last)
            form = {
                "query": query,
                "start": f"{start + first * step:.3f}",
                "end": f"{start + until * step:.3f}",
                "step": f"{step:g}",
            }
            for each in self._ask("/api/v1/query_range", form)["data"]["result"]:
                found = times.setdefault(tuple(sorted(each["metric"].items())), [])
                found.extend(float(at) for at, _ in each["values"])
            first = until + 1
        return tuple(
            ResultSeries(dict(labels), tuple(moments)) for labels, moments in times.items()
        )

    def _ask(self, path: str, form: dict[str, str]) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=_QUERY_SECONDS)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, urlencode(form), headers)
            response = connection.getresponse()
            answer = json.load(response)
        finally:
            connection.close()
        if answer["status"] != "success":
            raise EngineError(f"Prometheus refuses the query: {answer['error']}")
        return answer


def _fill(folder: Path, series: Iterable[Series]) -> None:
    """Make the blocks of a new database; all times in one, as one pass over the input makes it."""
    text = folder / "series.txt"
    with text.open("w", encoding="utf-8") as out:
        write_openmetrics(series, out)
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    command += [f"--max-block-duration={_FOREVER}", str(text), str(folder / "data")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed program and files of our own
    if made.returncode:
        raise EngineError(f"promtool takes the series for no OpenMetrics: {made.stderr.strip()}")
    text.unlink()


def _start(folder: Path, running: ExitStack) -> str:
    """Start Prometheus on a free port of loopback; return its address."""
    config, log = folder / "prometheus.yaml", folder / "log"
    config.write_text("{}\n", encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={_FOREVER}",
        "--web.listen-address=127.0.0.1:0",
    ]
    out = running.enter_context(log.open("w", encoding="utf-8"))
    process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603 - the same
    running.callback(_stop, process)
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        told = log.read_text(encoding="utf-8")
        listens = _LISTENS.search(told)
        if listens and _READY in told:
            return listens[1]
        time.sleep(_POLL_SECONDS)
    last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
    raise EngineError(f"Prometheus does not start: {''.join(last) or 'it says nothing'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
