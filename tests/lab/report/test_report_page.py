"""The page, as text: what it says, and that it stands alone."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

import pytest

from tests.lab.report import drawn
from tests.lab.report.colours import CONTRASTS, SCHEMES, contrast
from tests.lab.report.reading import Element, read

_STATE = (
    "actual state: RUNNING from 0 s to 5 min; FAILED from 5 min to 12 min; RUNNING from 12 min to "
    "20 min."
)
_SAMPLES = (
    "20 points: RUNNING from 10 s to 4 min 10 s; FAILED from 5 min 10 s to 11 min 10 s; "
    "RUNNING from 12 min 10 s to 19 min 10 s."
)
_POLICY = (
    "stream-failed: condition true from 5 min 30 s to 12 min 30 s; incident expected to open from "
    "6 min to 8 min; incident expected to close from 12 min to 15 min; incident opened at 6 min "
    "30 s, closed at 12 min 30 s: right."
)


@cache
def page() -> str:
    """Return the page of all made-up scenarios."""
    return drawn.page()


@cache
def tree() -> Element:
    """Return it as a tree."""
    return read(page())


def test_each_scenario_is_there_with_its_verdict() -> None:
    """None is left out, and the one that is wrong says so and is open."""
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


def test_the_sums_are_those_of_the_scenarios() -> None:
    """So many are right, so many policies proven, so many bounds kept; what is not whole is red."""
    (sums,) = tree().all("ul", class_="sums")
    assert [(each.text, each.attributes["class"]) for each in sums.all("li")] == [
        ("4 of 5 scenarios passed", "wrong"),
        (f"5 of {len(drawn.POLICIES)} policies proven", "wrong"),
        ("2 of 3 times to page within the bound", "wrong"),
    ]


def test_some_scenarios_alone_blame_no_policy() -> None:
    """A policy that no scenario tried is not called unproven where only some were played."""
    some = read(drawn.page(drawn.heals(), complete=False))
    assert "not proven" not in some.text
    assert "not proven" in read(drawn.page(drawn.heals())).text


def test_each_policy_links_to_the_scenarios_in_which_it_pages() -> None:
    """The links lead to parts of the page that are there."""
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
    assert "failed" in lagging.all("li")[0].text
    assert "not proven" in lagging.text


def test_no_id_is_there_twice() -> None:
    """A link leads to one place."""
    ids = [each.attributes["id"] for each in tree().walk() if "id" in each.attributes]
    assert len(ids) == len(set(ids))


def test_each_drawing_says_in_words_what_it_shows() -> None:
    """Whoever does not see it hears it; only what is said elsewhere is hidden."""
    inner = {id(one) for each in tree().all("svg") for one in each.all("svg")}
    for each in tree().all("svg"):
        if id(each) in inner or each.attributes.get("aria-hidden") == "true":
            continue
        assert each.attributes["role"] == "img"
        assert each.attributes["aria-label"]
    said = [each.attributes.get("aria-label", "") for each in tree().all("svg")]
    assert {
        "Time, from the start to 10 min: nothing happens.",
        "stream-missing: incident expected to open from 0 s to 10 min; 1 expected, not opened.",
        _STATE,
        _SAMPLES,
        _POLICY,
    } <= set(said)


def test_what_a_scenario_says_is_text_and_nothing_else() -> None:
    """A title with tags, quotes and entities is shown as it is written."""
    scripts = tree().all("script")
    assert len(scripts) == 1
    assert not tree().all("img")
    assert not tree().all("i")
    titles = [each.text for each in tree().all("h3")]
    assert drawn.HOSTILE in titles
    assert "orders fails: <i>DOWN</i>" in tree().text


def test_the_page_asks_for_nothing() -> None:
    """No file, no address, no style or script but its own: its own policy allows no other."""
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


def test_the_table_says_what_was_expected_and_what_happened() -> None:
    """All phases are one row: what is wrong in some of them only is counted."""
    late = drawn.proven(
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
    proof, _ = drawn.hostile()
    rows = [
        [cell.text for cell in each.all("th") + each.all("td")]
        for scenario in ((proof, drawn.drawn(proof)), (late, drawn.drawn(late)))
        for each in read(drawn.page(scenario)).all("table", class_="outcomes")[0].all("tr")[1:]
    ]
    assert rows == [
        ["stream-missing", "missed", "stock", "0s to 10m", "never", "at any time", ""],
        ["stream-lagging", "extra", "orders", "not expected", "10m", "", "stays open"],
        ["stream-failed", "right", "orders", "5m to 6m40s", "5m50s", "stays open", "stays open"],
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


def test_a_page_without_times_has_no_part_for_them() -> None:
    """Nothing is measured, nothing is promised."""
    assert "time to page" in tree().text.lower()
    without = read(drawn.page(drawn.heals(), times=()))
    assert not without.all("section", id="time-to-page")
    assert len(without.all("ul", class_="sums")[0].all("li")) == 2
    links = {each.attributes["href"] for each in without.all("nav")[0].all("a")}
    assert links == {"#policies", "#scenarios", "#signs"}


def test_a_time_that_is_too_long_says_so() -> None:
    """The bound that was not kept is marked, in words too."""
    rows = [each.text for each in tree().all("section", id="time-to-page")[0].all("tr")]
    assert "exporter dead 360 400 too long 270" in rows
    assert "FAILED 190 187 116" in rows
    assert "up to 300 s and never notices: exporter dead." in tree().text
