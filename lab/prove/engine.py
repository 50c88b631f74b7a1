"""Runs Prometheus as the engine: fills it with series, and queries its HTTP API.

Google evaluates PromQL conditions as Prometheus does
(https://cloud.google.com/monitoring/promql), so the lab evaluates them with the
original.
"""

import http.client
import json
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlencode

from lab.simulate.series import Series, write_openmetrics

# Prometheus 3 writes ``component=web`` before the address, 2 before the message.
_LISTENS = re.compile(r'msg="Listening on" .*\baddress=(127\.0\.0\.1:\d+)')
_READY = "Server is ready to receive web requests."
_STOP_SECONDS = 10.0
# The longest time of a query. Prometheus's own two minutes don't suffice where other
# work keeps the machine busy
_QUERY_SECONDS = 900
_FOREVER = "87600h"
# Evaluations in one query: Prometheus limits the points that it holds at once
_MOST_STEPS = 1000
# Error types that are the query's own fault
# (https://prometheus.io/docs/prometheus/latest/querying/api/); the others are the
# engine's
_QUERY_ERRORS = {"bad_data", "execution"}
# An execution error that depends on the engine's limits
_OVERLOADED = "too many samples"


class NotInstalledError(Exception):
    """Prometheus is not installed; ``str()`` is the sentence to show."""


class EngineError(Exception):
    """Prometheus can't evaluate; ``str()`` is the sentence to show."""


class QueryError(EngineError):
    """Prometheus refuses a query, as Cloud Monitoring would."""


class ResultSeries(NamedTuple):
    """A series of a query's result."""

    labels: dict[str, str]  # its labels
    # Its value at each evaluation that has one, by unix seconds
    values: dict[float, str]


class Engine(NamedTuple):
    """Queries a Prometheus."""

    address: str  # where it listens, ``127.0.0.1:PORT``

    def query_range(
        self, query: str, start: float, end: float, step: float
    ) -> tuple[ResultSeries, ...]:
        """Evaluate a query at ``start`` and every ``step`` seconds until ``end``.

        Raise QueryError where Prometheus refuses the query, another EngineError where
        it fails.
        """
        found: dict[str, ResultSeries] = {}
        last = int((end - start) // step)
        for first in range(0, last + 1, _MOST_STEPS):
            until = min(first + _MOST_STEPS - 1, last)
            form = {
                "query": query,
                "start": f"{start + first * step:.3f}",
                "end": f"{start + until * step:.3f}",
                "step": f"{step:g}",
            }
            for series in self._post(form)["result"]:
                labels = series["metric"]
                key = str(labels)  # Prometheus sorts them
                values = found.setdefault(key, ResultSeries(labels, {})).values
                for at, value in series["values"]:
                    values[float(at)] = value
        return tuple(found.values())

    def _post(self, form: dict[str, str]) -> Any:
        """Return the data of an answer to a range query."""
        # http.client ignores http_proxy: a proxy could not reach this machine's
        # loopback.
        timeout = _QUERY_SECONDS + _STOP_SECONDS
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/api/v1/query_range", urlencode(form), headers)
            answer = json.load(connection.getresponse())
            if answer["status"] == "success":
                return answer["data"]
            kind = answer["errorType"]
            message = answer["error"]
        except (
            OSError,
            http.client.HTTPException,
            ValueError,
            LookupError,
            TypeError,
        ) as error:
            raise EngineError(
                f"Prometheus at {self.address} does not answer ({type(error).__name__}:"
                f" {error}); nothing was evaluated. Run it again; is this machine"
                " busy, or short of memory?"
            ) from error
        finally:
            connection.close()
        if kind in _QUERY_ERRORS and _OVERLOADED not in message:
            raise QueryError(f"Prometheus refuses the query: {message}")
        raise EngineError(f"Prometheus can't evaluate the query ({kind}): {message}")


def check_installed() -> None:
    """Raise NotInstalledError where Prometheus is not installed."""
    programs = ("prometheus", "promtool")
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise NotInstalledError(
            f"{' and '.join(missing)} not found: Prometheus tests the policies;"
            " install it (apt-get install prometheus, or brew install"
            " prometheus)"
        )


@contextmanager
def start_engine(
    series: Iterable[Series], group: int | None = None
) -> Iterator[Engine]:
    """Run a Prometheus with these series while the block runs.

    It is in this process's group: what kills a worker of side_by_side kills both. With
    the ``group`` 0, it has one of its own: Ctrl-C at a terminal doesn't reach it.

    Raise NotInstalledError, or EngineError where it does not start.
    """
    check_installed()
    with TemporaryDirectory(prefix="prometheus-") as folder:
        _add_series(Path(folder), series)
        with _run(Path(folder), group) as engine:
            yield engine


def _add_series(folder: Path, series: Iterable[Series]) -> None:
    """Make a Prometheus database of series, or raise EngineError.

    They are one block, so that one pass over the text is enough.
    """
    text = folder / "series.txt"
    with text.open("w", encoding="utf-8") as out:
        write_openmetrics(series, out)
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    command += [f"--max-block-duration={_FOREVER}", str(text), str(folder / "data")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - promtool, on files that we wrote
    if made.returncode:
        raise EngineError(f"promtool can't read the series: {made.stderr.strip()}")
    text.unlink()


@contextmanager
def _run(folder: Path, group: int | None) -> Iterator[Engine]:
    """Run a Prometheus with a folder's database, or raise EngineError."""
    config = folder / "prometheus.yaml"
    config.write_text("{}\n", encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={_FOREVER}",
        f"--query.timeout={_QUERY_SECONDS}s",
        "--web.listen-address=127.0.0.1:0",
    ]
    with subprocess.Popen(  # noqa: S603 - Prometheus, on files that we wrote
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=group,
    ) as process:
        log = process.stderr or ()
        # It reads on: Prometheus would stop if the pipe were full.
        reader = Thread(target=deque, args=(log, 0), daemon=True)
        try:
            address = _address(log)
            reader.start()
            yield Engine(address)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            if reader.is_alive():
                reader.join()


def _address(log: Iterable[str]) -> str:
    """Return where a Prometheus listens, once its log says that it is ready."""
    address = line = ""
    ready = False
    for line in log:
        listens = _LISTENS.search(line)
        if listens:
            address = listens[1]
        if _READY in line:
            ready = True
        if ready and address:
            return address
    raise EngineError(f"Prometheus does not start: {line.strip() or 'it wrote no log'}")
