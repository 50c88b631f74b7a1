"""Take the screenshot of the report that README.md and docs/lab.md show.

``python -m tools.screenshot`` plays every scenario, so it takes a minute or two. It needs
Prometheus and Chromium. The screenshot shows a part of the page: the scenarios, one of them open.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from lab.cli.main import main

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
SHOWN = "region-unavailable"
"""The scenario that is open in the screenshot."""

MOST_BYTES = 300_000
WIDTH, HEIGHT = 1120, 1000
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")


def take(page: Path) -> bytes:
    """Return a screenshot of a report, as PNG.

    Args:
        page: The file.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (*_ARGUMENTS, f"--window-size={WIDTH},{HEIGHT}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
        driver.get(f"{page.as_uri()}#{SHOWN}")
        # The two scenarios before it show that there are more.
        driver.execute_script("scrollBy(0, -90)")
        return driver.get_screenshot_as_png()
    finally:
        driver.quit()


def _take() -> int:
    with TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        argv = ["report", "--html", str(page), "--no-times"]
        code = main(argv, os.environ, sys.stdout, sys.stderr)
        if code:
            return code
        picture = take(page)
    if len(picture) > MOST_BYTES:
        sys.stderr.write(f"The picture has {len(picture):,} bytes; {MOST_BYTES:,} are the most\n")
        return 1
    PICTURE.write_bytes(picture)
    sys.stderr.write(f"{PICTURE.name} is updated, {len(picture):,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(_take())
