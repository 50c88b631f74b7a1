"""A headless Chromium that shows the page of all drawn scenarios."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.lab.report import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webelement import WebElement


class Browser:
    """A browser that shows one page."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        """Take the driver and the page's address."""
        self.driver = driver
        self._address = address

    def show(
        self,
        part: str = "",
        *,
        width: int = 1280,
        scheme: str = "light",
        media: str = "screen",
        scenarios: bool = True,
    ) -> None:
        """Load the page with these screen and system settings."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        size = {"width": width, "height": 740, "deviceScaleFactor": 1, "mobile": width < 500}
        self._set("setDeviceMetricsOverride", size)
        self._set("setEmulatedMedia", {"media": media, "features": features})
        self._set("setScriptExecutionDisabled", {"value": not scenarios})
        self.driver.get("about:blank")
        self.driver.get(self._address + part)

    def _set(self, command: str, values: dict[str, Any]) -> None:
        self.driver.execute_cdp_cmd(f"Emulation.{command}", values)

    def run(self, script: str, *values: object) -> Any:
        """Run a JavaScript function body; return its result."""
        return self.driver.execute_script(script, *values)

    def find(self, selector: str) -> WebElement:
        """Return the only element that matches a selector."""
        (found,) = self.driver.find_elements("css selector", selector)
        return found

    def shown(self) -> list[str]:
        """Return the names of the visible scenarios."""
        scenarios = self.driver.find_elements("css selector", "details.scenario")
        return [
            each.find_element("css selector", ".inside").get_attribute("id") or ""
            for each in scenarios
            if each.is_displayed()
        ]

    def requests(self) -> list[str]:
        """Return the URLs requested since the last call, without blank pages."""
        entries = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
            and message["params"]["request"]["url"] != "about:blank"
        ]

    def complaints(self) -> list[str]:
        """Return the console's messages since the last call."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries]


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    """Return a headless browser."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield started
    started.quit()


@pytest.fixture(scope="session")
def browser(driver: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """Return a browser with the page of all drawn scenarios."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(drawn.page(), "utf-8")
    return Browser(driver, file.as_uri())
