"""What the function answers, on Google's real server, and what it writes meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.emulator.emulator import Emulator
    from tests.exporter.function.conftest import Start


def test_a_post_is_one_run(start: Start, cloud: Emulator) -> None:
    """POST / answers 200 with the summary's numbers, once every point is written."""
    response = start().request()
    assert response.status == 200
    assert response.body["complete"] is True
    assert response.body["streams"] == 3
    assert response.body["written"] == len(cloud.points())
    assert response.headers["Content-Type"] == "application/json"


def test_a_log_can_ask_for_a_run(start: Start) -> None:
    """POST /log answers 200 with the numbers of its run."""
    assert start().request("/log").body["streams"] == 3
