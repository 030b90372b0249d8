"""Every page in a real browser, as each role, with and without JavaScript; axe finds nothing. `make test-browser`.

PICTURES=docs/gallery keeps a picture of every page, light and dark, on a desktop and a phone.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.web.conftest import WHO, Web

pytestmark = pytest.mark.browser
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--no-first-run"]  # fmt: skip
PAGES = {
    "morning": "/", "round": "/round", "alert": "/alerts/{ref}", "patient": "{patient}", "history": "/history", "rules": "/rules",
    "feeds": "/feeds", "looked": "{patient}/looked", "emergency": "/looked", "missing": "/alerts/NW-0000",
}  # fmt: skip
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture
def address(web: Web) -> Iterator[str]:
    """The pages behind a real server on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(web.app, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def keep(picture: bytes, place: Path) -> None:
    """At most two screens high and in few colours: pictures live in the repository."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    place.parent.mkdir(parents=True, exist_ok=True)
    image.crop((0, 0, image.width, min(image.height, 1900))).quantize(32).save(place, optimize=True)


def signed_in(web: Web, browser: Any, address: str, who: str, **options: Any) -> Any:
    """A context of a browser that used a one-time link, as a person would."""
    context = browser.new_context(**options)
    pages = web.app.state.pages
    page = context.new_page()
    page.goto(f"{address}/sign-in/once?token={pages.sessions.once(WHO[who], pages.here.clock())}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    return context


def test_every_page_in_a_browser(web: Web, address: str) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert found, "No chromium is here: install it (apt-get install chromium), or set CHROMIUM to one."
    pictures = Path(os.environ["PICTURES"]) if os.environ.get("PICTURES") else None
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        for who in WHO:
            addresses = {
                name: path.replace("{ref}", web.ref).replace("{patient}", web.patient(who)) for name, path in PAGES.items()
            }
            for script in (True, False):
                context = signed_in(web, browser, address, who, java_script_enabled=script, viewport=SIZES["desktop"])
                page = context.pages[0]
                for name, path in addresses.items():
                    answer = page.goto(address + path)
                    assert answer is not None
                    if not page.get_by_role("heading", level=1).is_visible():
                        problems.append(f"{who} {name} (script {script}): no heading")
                    if answer.status not in (200, 403, 404):
                        problems.append(f"{who} {name} (script {script}): status {answer.status}")
                context.close()
        pages = web.app.state.pages
        pages.sign_in_limit.most = 1000
        for who, names in (
            ("doctor", [n for n in PAGES if n not in ("looked", "emergency")]),
            ("auditor", ["looked", "emergency"]),
        ):
            addresses = {
                name: path.replace("{ref}", web.ref).replace("{patient}", web.patient(who)) for name, path in PAGES.items()
            }
            for scheme in ("light", "dark"):
                for size, viewport in SIZES.items():
                    context = signed_in(web, browser, address, who, viewport=viewport, color_scheme=scheme, bypass_csp=True)
                    page = context.pages[0]
                    for name in names:
                        page.goto(address + addresses[name])
                        for violation in Axe().run(page).response["violations"]:
                            problems += [f"{name} {scheme} {size}: {violation['id']}: {node['html'][:140]}"
                                         for node in violation["nodes"][:3]]  # fmt: skip
                        if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
                            problems.append(f"{name} {scheme} {size}: the page is wider than the window")
                        if pictures is not None:
                            keep(page.screenshot(full_page=True), pictures / f"{name}-{scheme}-{size}.png")
                    context.close()
        browser.close()
    assert not problems, "\n".join(sorted(set(problems)))


def test_the_list_works_from_the_keyboard(web: Web, address: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=ARGUMENTS
        )
        page = signed_in(web, browser, address, "care", java_script_enabled=True).pages[0]
        page.goto(address)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('href')") == f"/alerts/{web.ref}":
                break
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/alerts/{web.ref}")
        browser.close()
