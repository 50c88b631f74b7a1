"""The engine: Prometheus itself, fed and asked."""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from lab.prove.engine import Engine, EngineError, NotInstalledError
from lab.simulate.series import Series, SeriesSet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = 1_767_571_200.0


def series(name: str, labels: dict[str, str], *points: tuple[float, float]) -> Series:
    """Return a series of values by seconds after the start, visible two seconds later."""
    made = SeriesSet().of(name, labels)
    for at, value in points:
        made.add(START + at + 2, START + at, value)
    return made


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return an engine that holds three series."""
    with Engine(
        [
            series("a:x", {"k": "1"}, (0, 5), (60, 6), (180, 7)),
            series("a:x", {"k": 'quoted "\\\n'}, (60, 6)),
            series("a:time", {}, (0, START), (86_400 * 40, 2**53 - 1)),
        ]
    ) as running:
        yield running


def moments(engine: Engine, query: str, *, end: float = 240) -> dict[str, list[float]]:
    """Return when a query finds something, by the label k, in seconds after the start."""
    found = engine.query_range(query, START, START + end, 30)
    return {each.labels.get("k", ""): [at - START for at in each.times] for each in found}


def test_points_are_seen_from_when_they_can_be_read(engine: Engine) -> None:
    """A range counts from that moment on, and labels come back as they were."""
    assert moments(engine, "last_over_time(a:x[1m]) == 6") == {
        "1": [90, 120],
        'quoted "\\\n': [90, 120],
    }


def test_points_are_also_held_by_their_own_time(engine: Engine) -> None:
    """Under another name, for queries about an earlier time."""
    assert moments(engine, 'last_over_time(a:x_own_time{k="1"}[1m]) == 6') == {"1": [60, 90, 120]}


def test_values_and_times_are_exact(engine: Engine) -> None:
    """Unix seconds as values, and the largest whole numbers, weeks apart."""
    assert moments(engine, f"last_over_time(a:time[1h]) == {START:.0f}") == {
        "": [30, 60, 90, 120, 150, 180, 210, 240]
    }
    late = engine.query_range(
        "last_over_time(a:time[1h])", START + 86_400 * 40, START + 3_456_060, 60
    )
    assert [each.times for each in late] == [(START + 3_456_060,)]
    assert engine.query_range(
        f"last_over_time(a:time[1h]) == {2**53 - 1}", START + 3_456_060, START + 3_456_060, 60
    )


def test_a_long_range_is_asked_for_in_parts(engine: Engine) -> None:
    """The engine's limit of points in an answer is none of ours."""
    (whole,) = engine.query_range("absent_over_time(a:none[1s])", START, START + 25_000, 1)
    assert len(whole.times) == 25_001
    assert whole.times == tuple(START + second for second in range(25_001))


def test_a_query_that_is_refused_is_an_error(engine: Engine) -> None:
    """What Prometheus says of it is told."""
    with pytest.raises(EngineError, match=r"Prometheus refuses the query: .*parse error"):
        engine.query_range("last_over_time(a:x", START, START, 30)


def test_series_that_are_none_are_an_error() -> None:
    """What promtool says of them is told."""
    with (
        pytest.raises(EngineError, match=r"takes the series for no OpenMetrics: .*name"),
        Engine([series("no name", {}, (0, 1))]),
    ):
        pass


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's files and process are gone with it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Engine([series("a:x", {}, (0, 1))]):
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_without_prometheus_one_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both programs are needed; the one that is there is not named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalledError, match="apt-get install prometheus"):
        Engine([])
    there = tmp_path / "prometheus"
    there.write_text("#!/bin/sh\n")
    there.chmod(there.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(NotInstalledError, match=r"^promtool not found"):
        Engine([])


def test_a_prometheus_that_does_not_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last words are told."""
    promtool = shutil.which("promtool")
    assert promtool is not None
    (tmp_path / "promtool").symlink_to(promtool)
    broken = tmp_path / "prometheus"
    broken.write_text("#!/bin/sh\necho one\necho no room left >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with (
        pytest.raises(EngineError, match="Prometheus does not start: no room left"),
        Engine([series("a:x", {}, (0, 1))]),
    ):
        pass
