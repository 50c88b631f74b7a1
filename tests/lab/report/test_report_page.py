"""The page as HTML: its content, and that it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

import pytest

from tests.lab.report import drawn
from tests.lab.report.colours import CONTRASTS, SCHEMES, contrast
from tests.lab.report.reading import Element, read

_STATE = "actual state: RUNNING from 0s to 5m; FAILED from 5m to 12m; RUNNING from 12m to 20m."
_SAMPLES = (
    "20 points: RUNNING from 10s to 4m10s; FAILED from 5m10s to 11m10s; "
    "RUNNING from 12m10s to 19m10s."
)
_POLICY = (
    "stream-failed: condition true from 5m30s to 12m30s; incident expected to open from "
    "6m to 8m; incident expected to close from 12m to 15m; incident opened at "
    "6m30s, closed at 12m30s: right."
)


@cache
def page() -> str:
    """Return the page of all made-up scenarios."""
    return drawn.page()


@cache
def tree() -> Element:
    """Return it as a tree."""
    return read(page())


def test_each_scenario_has_a_verdict() -> None:
    """All are listed; the failed one says so and is open."""
    found = {
        each.all("code")[0].text: (each.attributes["data-verdict"], "open" in each.attributes)
        for each in tree().all("details", class_="scenario")
    }
    assert found == {
        "heals": ("passed", False),
        "hostile": ("failed", True),
        "quiet": ("passed", False),
        "out-of-reach": ("passed", False),
        "many": ("passed", False),
    }
    (summary,) = (
        each.all("summary")[0]
        for each in tree().all("details", class_="scenario")
        if each.all("code")[0].text == "hostile"
    )
    assert summary.text.startswith("failed")


def test_the_totals_are_shown() -> None:
    """Passed scenarios, proven policies and kept bounds are counted; an incomplete count is red."""
    (sums,) = tree().all("ul", class_="sums")
    assert [(each.text, each.attributes["class"]) for each in sums.all("li")] == [
        ("4 of 5 scenarios passed", "wrong"),
        (f"5 of {len(drawn.POLICIES)} policies proven", "wrong"),
        ("2 of 3 times to page within the bound", "wrong"),
    ]


def test_a_partial_report_calls_no_policy_unproven() -> None:
    """If only some scenarios were played, an untested policy is not marked."""
    some = read(drawn.page(drawn.heals(), complete=False))
    assert "not proven" not in some.text
    assert "not proven" in read(drawn.page(drawn.heals())).text


def test_each_policy_links_to_its_scenarios() -> None:
    """Every link has a target on the page."""
    ids = {each.attributes["id"] for each in tree().walk() if "id" in each.attributes}
    links = [each.attributes["href"] for each in tree().all("a")]
    assert {link.removeprefix("#") for link in links} <= ids
    (table,) = tree().all("table", class_="policies")
    assert {each.attributes["id"] for each in table.all("tr") if "id" in each.attributes} == {
        f"policy-{name}" for name in drawn.POLICIES
    }
    (failed,) = (
        each for each in table.all("tr") if each.attributes.get("id") == "policy-stream-failed"
    )
    assert [each.attributes["href"] for each in failed.all("a")] == ["#heals"]
    (lagging,) = (
        each for each in table.all("tr") if each.attributes.get("id") == "policy-stream-lagging"
    )
    assert "failed" in lagging.all("td")[-1].all("li")[0].text
    assert "not proven" in lagging.text


def test_each_policy_has_its_notification() -> None:
    """Subject, text, links and how it reads without labels; an example's addresses aren't links."""
    shown = tree().all("details", class_="notification")
    assert len(shown) == len(drawn.POLICIES)
    (failed,) = (each for each in shown if each.all("summary")[0].text.endswith(" stream-failed"))
    subjects = [each.text for each in failed.all("b") if each.text.startswith("Datastream stream")]
    assert subjects == [
        "Datastream stream orders-to-bigquery (europe-west1, shop-prod) failed",
        "Datastream stream null (null, null) failed",
    ]
    assert "Dashboard: https://console.cloud.google.com/monitoring/dashboards" in failed.text
    assert not failed.all("a")


def test_ids_are_unique() -> None:
    """A link has one target."""
    ids = [each.attributes["id"] for each in tree().walk() if "id" in each.attributes]
    assert len(ids) == len(set(ids))


def test_each_drawing_has_a_description() -> None:
    """Screen readers get a text; only a drawing that repeats others is hidden."""
    inner = {id(one) for each in tree().all("svg") for one in each.all("svg")}
    for each in tree().all("svg"):
        if id(each) in inner or each.attributes.get("aria-hidden") == "true":
            continue
        assert each.attributes["role"] == "img"
        assert each.attributes["aria-label"]
    descriptions = [each.attributes.get("aria-label", "") for each in tree().all("svg")]
    assert {
        "Time, from the start to 10m: nothing happens.",
        "stream-missing: incident expected to open from 0s to 10m; 1 expected, not opened.",
        _STATE,
        _SAMPLES,
        _POLICY,
    } <= set(descriptions)


def test_a_scenarios_text_is_escaped() -> None:
    """Tags, quotes and entities in a title are shown literally."""
    scripts = tree().all("script")
    assert len(scripts) == 1
    assert not tree().all("img")
    assert not tree().all("i")
    titles = [each.text for each in tree().all("h3")]
    assert drawn.HOSTILE in titles
    assert "orders fails: <i>DOWN</i>" in tree().text


def test_the_page_loads_nothing() -> None:
    """It has no external file, style or script, and its content security policy allows none."""
    for each in tree().walk():
        assert not {"src", "srcset", "action", "style", "onclick"} & set(each.attributes)
        assert each.attributes.get("href", "#").startswith(("#", "data:"))
    (policy,) = (
        each.attributes["content"] for each in tree().all("meta") if "http-equiv" in each.attributes
    )
    assert policy.startswith("default-src 'none'; ")
    for name in ("style", "script"):
        (text,) = re.findall(rf"<{name}>(.*?)</{name}>", page(), re.DOTALL)
        known = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{known}'" in policy
    assert "url(" not in page().replace("url(#", "")
    assert "@import" not in page()


def test_the_table_compares_expected_and_actual_times() -> None:
    """All phases share one row."""
    late = drawn.scenario_result(
        drawn.scenario(
            expect=[
                {
                    "policy": "stream-failed",
                    "of": "orders",
                    "opens": {"after": 300, "by": 400},
                    "stays": True,
                }
            ]
        ),
        [("stream-failed", drawn.ORDERS, 350, None)],
        phases=(0.0, 5.0, 10.0),
    )
    result, _ = drawn.hostile()
    lines = [
        (each.attributes.get("class"), each.text)
        for scenario in ((result, drawn.timeline(result)), (late, drawn.timeline(late)))
        for each in read(drawn.page(scenario)).all("ul", class_="outcomes")[0].all("li")
    ]
    assert lines == [
        ("wrong", "missed: stream-missing of stock: did not open (expected 0s to 10m)"),
        (
            "wrong",
            f"extra: stream-lagging of {drawn.ORDERS}: opened 10m, open at the end, not expected",
        ),
        (
            None,
            "stream-failed of orders: opened 5m50s (expected 5m to 6m40s), open at the end",
        ),
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_and_marks_have_enough_contrast(scheme: str) -> None:
    """The contrast ratios of WCAG 2.2 hold in light and in dark."""
    colours = SCHEMES[scheme]
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    poor = {
        (colour, ground): ratio
        for colour, ground, least in CONTRASTS
        if (ratio := contrast(colours[colour], colours[ground])) < least
    }
    assert poor == {}


def test_without_times_there_is_no_section_for_them() -> None:
    """The section, its total and its link are left out."""
    assert "time to page" in tree().text.lower()
    without = read(drawn.page(drawn.heals(), times=()))
    assert not without.all("section", id="time-to-page")
    assert len(without.all("ul", class_="sums")[0].all("li")) == 2
    links = {each.attributes["href"] for each in without.all("nav")[0].all("a")}
    assert links == {"#policies", "#scenarios", "#signs"}


def test_an_exceeded_bound_is_marked() -> None:
    """The table marks it in words; a script that never notices is named."""
    rows = [each.text for each in tree().all("section", id="time-to-page")[0].all("tr")]
    assert "exporter dead 360 400 too long 270" in rows
    assert "FAILED 190 187 116" in rows
    assert "up to 300 s and never notices: exporter dead." in tree().text
