"""Takes the README's picture: starts practice, sends an alert, taps Approve in Chromium, waits for the fill.

.venv/bin/python tools/screenshot.py [docs/phone.png]
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SIZE = {"width": 1280, "height": 860}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main(target: Path) -> None:
    """Writes the picture to `target`."""
    with tempfile.TemporaryDirectory() as folder:
        process, page_url = start_practice(Path(folder))
        try:
            take(page_url, target)
        finally:
            process.terminate()
            process.wait(10)


def start_practice(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    """`manjha run` without a configuration, in an empty folder and on free ports; the phone's address."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MANJHA_SERVER__PORT": "0",
        "MANJHA_PHONE__PORT": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "run"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101
    for line in process.stdout:
        if line.startswith("The phone: "):
            return process, line.removeprefix("The phone: ").strip()
    raise SystemExit("the gateway did not start")


def take(url: str, target: Path) -> None:
    """Drives the page as its user would."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport=SIZE, device_scale_factor=2)  # type: ignore[arg-type]
        page.goto(url)
        trade(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=target)
        browser.close()


def trade(page: Page) -> None:
    """An alert from the composer, a tap on Approve, the fill."""
    page.get_by_role("button", name="Send alert").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Alert to fill").wait_for()
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "phone.png")
