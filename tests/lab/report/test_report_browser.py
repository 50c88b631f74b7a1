"""The page in a browser: desktop, phone, dark scheme, keyboard, print, and without scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver import ActionChains, Keys

from tests.lab.report.colours import SCHEMES, TEXT, contrast

if TYPE_CHECKING:
    from tests.lab.report.conftest import Browser

ALL = ["heals", "hostile", "quiet", "out-of-reach", "many"]
PHONE = 360

_OPEN_ALL = "for (const each of document.querySelectorAll('details')) each.open = true;"

_TEXTS = """
const found = {};
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
  if (element.closest("svg, script")) continue;
  const pair = [getComputedStyle(element).color, ground(element)];
  found[pair] = [...pair, texts.currentNode.data.trim()];
}
return Object.values(found);
"""


def colour(computed: str) -> str:
    """Return a computed colour as ``#rrggbb``."""
    numbers = re.findall(r"[0-9.]+", computed)
    assert numbers[3:] in ([], ["1"])
    return "#" + "".join(f"{int(number):02x}" for number in numbers[:3])


def press(browser: Browser, *keys: str) -> None:
    """Press keys."""
    ActionChains(browser.driver).send_keys(*keys).perform()


def focused(browser: Browser) -> str:
    """Return the text, or the scenario's name, of the focused element."""
    text: str = browser.run(
        "const it = document.activeElement;"
        "const scenario = it.tagName === 'SUMMARY' && it.closest('details.scenario');"
        "return scenario ? scenario.querySelector('.inside').id : it.textContent.trim();"
    )
    return text


def test_it_opens_without_requests_or_errors(browser: Browser) -> None:
    """Opened from a file, it logs nothing to the console and requests only itself."""
    browser.complaints()
    browser.requests()
    browser.show()
    asked = browser.requests()
    assert browser.complaints() == []
    assert {address.partition(":")[0] for address in asked} == {"file"}
    assert len(asked) == 1
    assert browser.driver.title == "Alert policies: 4 of 5 scenarios passed"
    assert browser.shown() == ALL


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser) -> None:
    """This holds with everything open; a wide table scrolls in its own box."""
    browser.show(width=PHONE)
    browser.run(_OPEN_ALL)
    assert browser.run("return document.documentElement.scrollWidth") == PHONE
    wide = browser.run(
        "return [...document.querySelectorAll('body *')].filter((each) =>"
        " !each.closest('.scroll, svg svg, .unseen, .skip, datalist')"
        " && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML)"
    )
    assert wide == []
    assert browser.run("return document.querySelector('.row svg').clientWidth") > PHONE * 0.8


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_has_enough_contrast(browser: Browser, scheme: str) -> None:
    """Checked on the computed colours, with everything open."""
    browser.show(scheme=scheme)
    browser.run(_OPEN_ALL)
    pairs = browser.run(_TEXTS)
    assert len(pairs) > 10
    faint = [
        (text, ground, words)
        for text, ground, words in pairs
        if contrast(colour(text), colour(ground)) < TEXT
    ]
    assert faint == []


def test_the_scheme_follows_the_system_until_it_is_chosen(browser: Browser) -> None:
    """The button cycles through the system's scheme, light and dark."""
    ground = "return getComputedStyle(document.body).backgroundColor"
    browser.show(scheme="dark")
    assert colour(browser.run(ground)) == SCHEMES["dark"]["ground"]
    button = browser.find("#scheme")
    seen = []
    for _ in range(3):
        button.click()
        seen.append((button.text, colour(browser.run(ground))))
    assert seen == [
        ("Scheme: light", SCHEMES["light"]["ground"]),
        ("Scheme: dark", SCHEMES["dark"]["ground"]),
        ("Scheme: auto", SCHEMES["dark"]["ground"]),
    ]


def test_it_prints_in_light(browser: Browser) -> None:
    """Print is light whatever the system's scheme, opens all scenarios and hides controls."""
    browser.show(scheme="dark", media="print")
    shown = colour(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert shown == SCHEMES["light"]["ground"]
    assert not browser.find(".filter").is_displayed()
    visible = "return arguments[0].checkVisibility() && arguments[0].clientHeight > 0"
    assert browser.run(visible, browser.find("#quiet .lanes"))


def test_the_keyboard_reaches_and_opens_each_scenario(browser: Browser) -> None:
    """A skip link leads to the scenarios, Tab moves on, Enter opens, the focus is visible."""
    browser.show()
    press(browser, Keys.TAB)
    assert focused(browser) == "Skip to the scenarios"
    assert browser.find(".skip").location["x"] == 0
    press(browser, Keys.ENTER)
    reached = []
    for _ in range(60):
        press(browser, Keys.TAB)
        if focused(browser) in ALL and focused(browser) not in reached:
            reached.append(focused(browser))
            outline = "return getComputedStyle(document.activeElement).outlineStyle"
            assert browser.run(outline) == "solid"
    assert reached == ALL
    browser.run("document.querySelector('#quiet').closest('details').firstElementChild.focus()")
    assert not browser.find("#quiet .lanes").is_displayed()
    press(browser, Keys.ENTER)
    assert browser.find("#quiet .lanes").is_displayed()


def test_the_filter_shows_matching_scenarios(browser: Browser) -> None:
    """It matches policies, words of the title and the verdict, together."""
    browser.show()
    count, words = browser.find("#count"), browser.find("#words")
    assert count.text == "5 of 5 shown"
    words.send_keys("stream-failed")
    assert browser.shown() == ["heals"]
    assert count.text == "1 of 5 shown"
    words.clear()
    words.send_keys("Location EXPORTER")
    assert browser.shown() == ["out-of-reach"]
    browser.find("[data-show=failed]").click()
    assert browser.shown() == []
    assert browser.find("#none").is_displayed()
    words.clear()
    words.send_keys("stream-")
    assert browser.shown() == ["hostile"]
    assert browser.find("[data-show=failed]").get_attribute("aria-pressed") == "true"
    assert browser.find("[data-show='']").get_attribute("aria-pressed") == "false"


def test_a_link_opens_its_scenario(browser: Browser) -> None:
    """This works from the address and on the page, even if the filter hides the scenario."""
    browser.show("#many")
    lanes = browser.find("#many .lanes")
    assert lanes.is_displayed()
    assert browser.run(
        "const { top } = arguments[0].getBoundingClientRect(); return 0 < top && top < innerHeight",
        browser.find("#many"),
    )
    browser.find("[data-show=failed]").click()
    assert not lanes.is_displayed()
    browser.run("location.hash = 'heals'")
    assert browser.find("#heals .lanes").is_displayed()
    assert browser.shown() == ALL


def test_all_can_be_opened_at_once(browser: Browser) -> None:
    """The button opens all and closes all, and shows its state."""
    browser.show()
    every = browser.find("#every")
    is_open = "return document.querySelectorAll('details.scenario[open]').length"
    every.click()
    assert browser.run(is_open) == len(ALL)
    assert every.get_attribute("aria-pressed") == "true"
    every.click()
    assert browser.run(is_open) == 0


def test_without_scripts_only_the_controls_are_missing(browser: Browser) -> None:
    """A scenario still opens by a click and by a link."""
    browser.show("#quiet", scenarios=False)
    assert not browser.find(".filter").is_displayed()
    assert not browser.find("#scheme").is_displayed()
    assert browser.shown() == ALL
    assert browser.find("#quiet .lanes").is_displayed()
    browser.find("#heals").find_element("xpath", "../summary").click()
    assert browser.find("#heals .lanes").is_displayed()


def test_reduced_motion_is_respected(browser: Browser) -> None:
    """There is no animation and no smooth scrolling."""
    browser.show()
    behaviour = "return getComputedStyle(document.documentElement).scrollBehavior"
    assert browser.run(behaviour) == "auto"
    moving = browser.run("return document.getAnimations().length")
    assert moving == 0
