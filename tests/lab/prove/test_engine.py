"""The engine: Prometheus itself, filled and queried."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.prove.engine import (
    Engine,
    EngineError,
    NotInstalledError,
    QueryError,
    start_engine,
)
from lab.simulate.series import Series, SeriesSet
from tests.conftest import serving
from tests.exporter.google.loopback import HttpServer
from tests.tables import rows

START = 1_767_571_200.0


def series(name: str, labels: dict[str, str], *points: tuple[float, float]) -> Series:
    """Return a series of values by seconds after the start, visible 2 s later."""
    made = SeriesSet().series(name, labels)
    for at, value in points:
        made.add(START + at + 2, START + at, value)
    return made


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return an engine that holds two series."""
    held = [
        series("a:x", {"k": "1"}, (0, 5), (60, 6), (180, 7)),
        series("a:x", {"k": 'quoted "\\\n'}, (60, 6)),
    ]
    with start_engine(held) as running:
        yield running


def moments(engine: Engine, query: str) -> dict[str, list[float]]:
    """Return when a query has a result, by the label k, in seconds after the start."""
    found = {}
    for each in engine.query_range(query, START, START + 240, 30):
        found[each.labels.get("k", "")] = [at - START for at in each.values]
    return found


def test_points_are_seen_from_when_they_become_visible(engine: Engine) -> None:
    """A point counts from when it is visible; ``_own_time`` has its own time."""
    assert moments(engine, "last_over_time(a:x[1m]) == 6") == {
        "1": [90, 120],
        'quoted "\\\n': [90, 120],
    }
    assert moments(engine, 'last_over_time(a:x_own_time{k="1"}[61s]) == 6') == {
        "1": [60, 90, 120]
    }


def test_invalid_series_are_an_error() -> None:
    """The error of a malformed series has promtool's words."""
    with (
        pytest.raises(EngineError, match=r"promtool can't read the series: .*name"),
        start_engine([series("no name", {}, (0, 1))]),
    ):
        pass


def test_no_proxy_is_used(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy can't reach the loopback of this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert moments(engine, "last_over_time(a:x[1h])")["1"]


@rows
def test_a_failing_engine_is_an_error_and_not_a_refused_query(
    body: str, sentence: str
) -> None:
    """An overloaded, garbled or missing answer says nothing about the query."""
    with serving(HttpServer()) as server:
        server.answer = (503, body)
        engine = Engine(server.address)
        with pytest.raises(EngineError, match=sentence) as garbled:
            engine.query_range("a:x", START, START, 30)
    with pytest.raises(EngineError, match="does not answer ") as dead:
        engine.query_range("a:x", START, START, 30)
    assert not isinstance(garbled.value, QueryError)
    assert not isinstance(dead.value, QueryError)


def test_without_a_working_prometheus_the_error_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both programs are needed; the last line of a failed one's log is shown."""
    promtool = shutil.which("promtool")
    assert promtool
    broken = tmp_path / "prometheus"
    broken.write_text("#!/bin/sh\necho one\necho no room left >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(NotInstalledError, match=r"^promtool not found"),
        start_engine([]),
    ):
        pass
    (tmp_path / "promtool").symlink_to(promtool)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with (
        pytest.raises(EngineError, match="Prometheus does not start: no room left"),
        start_engine([series("a:x", {}, (0, 1))]),
    ):
        pass
