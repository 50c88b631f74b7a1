"""The command as a whole: what it answers with, and what ends it."""

from __future__ import annotations

import io
import json
import threading
from argparse import Namespace
from typing import TYPE_CHECKING, Any

import pytest

from lab.cli import review
from lab.prove.engine import MISSING
from tests.lab.review.conftest import POLICIES, SCENARIOS
from tests.lab.review.plan_json import QUERY, change, on_log, plan, policy, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.review.conftest import Reviewed

_SOONER = plan(change("update", before=policy(duration="300s"), after=policy()))
_LATER = plan(change("update", before=policy(), after=policy(duration="300s")))


def _words(error: str) -> str:
    return " ".join(error.split())


def test_a_plan_of_the_real_provider_is_reviewed(reviewed: Reviewed) -> None:
    """Fields that Cloud Monitoring fills in are no matter; a page four minutes later is."""
    answer = reviewed(_LATER, "--scenario", "five")
    assert (answer.code, answer.err) == (0, "")
    assert "1 policy changes. In 1 scenario, **5 pages come later (by up to 4 min)**." in answer.out
    assert "| `failed` | changed | waits 5 min instead of 1 min before it pages |" in answer.out


@pytest.mark.parametrize(("document", "code"), [(_SOONER, 0), (_LATER, 1)])
def test_strictly_a_page_that_is_later_is_no_success(
    reviewed: Reviewed, document: dict[str, Any], code: int
) -> None:
    """One that is sooner is; without ``--strict`` a review is a review."""
    assert reviewed(document, "--scenario", "five", "--strict").code == code


def test_the_review_is_printed_as_data(reviewed: Reviewed) -> None:
    """For whoever reads it by machine."""
    told = json.loads(reviewed(_LATER, "--scenario", "five", "--json").out)
    assert told["count"]["later"] == len(told["pages"]) == 5
    assert told["scenarios"] == ["five"]


def test_a_query_that_is_no_promql_is_told(reviewed: Reviewed) -> None:
    """Prometheus says why; every page of before is lost."""
    document = plan(change("update", before=policy(), after=policy(query=f"{QUERY} )")))
    answer = reviewed(document, "--scenario", "five")
    assert answer.code == 0
    assert "**5 pages are lost**" in answer.out
    assert "- `failed`: a query that is refused pages never: " in answer.out


def test_a_metric_that_is_named_by_a_pattern_is_there_too(reviewed: Reviewed) -> None:
    """The engine holds what queries name, and all where one names by a pattern."""
    query = 'count({__name__=~"custom_googleapis_com:datastream_stream_st.*"} == 5) > 0'
    answer = reviewed(plan(change("create", after=policy(query=query))), "--scenario", "five")
    assert "In 1 scenario, 1 page is gained." in answer.out


def test_a_sensitive_query_is_not_told(reviewed: Reviewed) -> None:
    """Not even in what Prometheus says of it."""
    hidden = {"conditions": [{"condition_prometheus_query_language": [{"query": True}]}]}
    document = plan(change("create", after=policy(query="hush hush"), sensitive=hidden))
    answer = reviewed(document, "--scenario", "five")
    assert "pages never: `it is sensitive`" in answer.out
    assert "hush" not in answer.out
    assert "query: (sensitive value)" in answer.out


def test_an_unknown_scenario_is_refused(reviewed: Reviewed) -> None:
    """The nearest is named."""
    answer = reviewed(_LATER, "--scenario", "fiv")
    assert (answer.code, answer.out) == (2, "")
    assert _words(answer.err) == 'error: "fiv" is no scenario; did you mean five?'


def test_without_prometheus_the_command_says_what_to_install(
    reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half review: who needs none of the scenarios needs no Prometheus either."""
    monkeypatch.setenv("PATH", "")
    answer = reviewed(_LATER, "--scenario", "five")
    assert (answer.code, answer.out) == (MISSING, "")
    assert "apt-get install prometheus" in answer.err
    severity = plan(change("update", before=policy(), after=policy(severity="ERROR")))
    assert reviewed(severity).code == 0
    log = plan(change("create", after=policy(conditions=[on_log("severity>=ERROR")])))
    assert "1 page is gained" in reviewed(log, "--scenario", "logs").out


def test_who_stops_it_gets_no_half_review(tmp_path: Path) -> None:
    """Ctrl-C ends it before the next scenario, and nothing is printed."""
    stop, out = threading.Event(), io.StringIO()
    stop.set()
    file = tmp_path / "plan.json"
    file.write_bytes(written(_LATER))
    args = Namespace(
        plan=str(file),
        policies=[str(POLICIES)],
        scenarios=[str(SCENARIOS)],
        scenario=None,
        strict=False,
        json=False,
        out=out,
        err=io.StringIO(),
        stop=stop,
    )
    assert review.run(args) == 130
    assert out.getvalue() == ""


def test_what_a_scenario_leaves_out_is_left_out(reviewed: Reviewed, tmp_path: Path) -> None:
    """A policy that a scenario switches off, by the name of its file, pages in it for nobody."""
    text = (SCENARIOS / "five.yaml").read_text("utf-8")
    name = "stream-failed"
    (tmp_path / "five.yaml").write_text(f"switched_off: [{name}]\n{text}", "utf-8")
    document = plan(change("create", after=policy(user_labels={"policy": name})))
    answer = reviewed(document, "--scenario", str(tmp_path / "five.yaml"))
    assert "1 policy is added. No scenario pages differently (1 scenario played)." in answer.out
