"""On Cloud Run stdout is the log: one JSON object a line, and nothing else anywhere."""

import pytest

from exporter.google import environment
from exporter.process import INCOMPLETE, OK, USAGE
from tests.exporter.command.conftest import CARTS_PENDING, Shop

TASK_COUNT = "CLOUD_RUN_TASK_COUNT"


def test_a_run_logs_json_lines_alone(shop: Shop) -> None:
    """Each line has severity and message; there is no table."""
    shop.config += "    exclude: [stock]\n"
    ended = shop.job("run")
    assert ended.code == OK
    assert [line["severity"] for line in ended.log] == ["WARNING", "WARNING", "INFO"]
    _, bad, last = ended.log
    assert bad["message"] == CARTS_PENDING
    stream = {
        "event": "stream_bad",
        "project": "shop-prod",
        "location": "europe-west1",
        "stream_id": "carts",
        "state": "PAUSED",
        "expected": False,
        "kind": "unexpected",
    }
    assert bad == bad | stream
    numbers = {
        "event": "run",
        "streams": 2,
        "unwatched": 1,
        "unreadable": 0,
        "written": 25,
        "lost": 0,
        "calls": 10,
    }
    assert last == last | numbers
    text = "2 streams watched in 2 locations (1 not as expected), 1 excluded; 25 "
    assert last["message"].startswith(text)


@pytest.mark.parametrize("name", ["run", "watch"])
def test_what_nobody_foresaw_is_one_json_line(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An ERROR has the traceback, for Error Reporting; exit 1. A person sees it too."""

    def fail(_environ: object) -> None:
        raise ValueError("what nobody\nforesaw")

    monkeypatch.setattr(environment, "check_task_count", fail)
    ended = shop.job(name)
    assert ended.code == INCOMPLETE
    line = ended.log[-1]
    assert line["severity"] == "ERROR"
    assert line["message"].startswith(
        "The program failed unexpectedly:\nTraceback (most recent"
    )
    assert "what nobody" in line["message"]
    with pytest.raises(ValueError, match="what nobody"):
        shop.command(name)


@pytest.mark.parametrize("count", ["2", "0", "x"])
def test_a_job_with_other_than_one_task_is_a_mistake(shop: Shop, count: str) -> None:
    """Several tasks would write the same series: a sentence, exit 2, and no call."""
    ended = shop.job("run", **{TASK_COUNT: count})
    assert ended.code == USAGE
    (line,) = ended.log
    assert line["message"] == (
        f'environment: {TASK_COUNT}: must be 1, not "{count}"; each task would write'
        " the same series: give the job one task"
    )
    assert not shop.cloud.calls
