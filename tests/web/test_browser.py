"""Every page in a real browser, as each role, with and without JavaScript; axe finds nothing. `make test-browser`.

PICTURES=docs/gallery/pages keeps a picture of every page, light and dark, on a desktop and a phone.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.conftest import TestServer
from tests.web.conftest import WHO, Night, Web, a_web
from tests.web.crowd import crowd

pytestmark = pytest.mark.browser
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--no-first-run"]  # fmt: skip
PAGES = {
    "morning": "/", "more": "/?unit=N1&after=1.0.0.0.N1", "round": "/round?unit=N1", "alert": "/alerts/{ref}",
    "acknowledged": "/alerts/{seen}?done=acknowledge", "patient": "{patient}", "then": "{patient}?months=all&known=1",
    "history": "/history", "search": "/history?unit=N1&severity=HIGH&actor=near", "rules": "/rules", "changed":
    "/rules?old={old}&new={new}", "feeds": "/feeds", "looked": "{patient}/looked", "emergency": "/looked",
    "missing": "/alerts/NW-0000", "sign-in": "/sign-in", "once": "/sign-in/once?token=x",
}  # fmt: skip
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
NO_PICTURE = ("more", "once")
SEEN_BY = {"looked": "auditor", "emergency": "auditor"}  # whose pictures are kept; of all else the nephrologist's


@pytest.fixture(scope="module")
def full(server: TestServer, after_a_night: Night, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A site with something of everything on its pages."""
    with a_web(server, after_a_night, tmp_path_factory.mktemp("full")) as web:
        web.app.state.pages.sign_in_limit.most = 10_000
        yield crowd(web)


@pytest.fixture(scope="module")
def address(full: Web) -> Iterator[str]:
    """The pages behind a real server on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(full.app, host="127.0.0.1", port=port, log_level="error", ws="none"))
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
    image.crop((0, 0, image.width, min(image.height, 1900))).quantize(64).save(place, optimize=True)


def signed_in(web: Web, browser: Any, address: str, who: str, **options: Any) -> Any:
    """A context of a browser that used a one-time link, as a person would."""
    context = browser.new_context(**options)
    pages = web.app.state.pages
    page = context.new_page()
    page.goto(f"{address}/sign-in/once?token={pages.sessions.once(WHO[who], pages.here.clock())}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    return context


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert found, "No chromium is here: install it (apt-get install chromium), or set CHROMIUM to one."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


def faults(page: Any, where: str) -> list[str]:
    """What axe, the window and the page's own heading say of the page that is shown."""
    from axe_playwright_python.sync_playwright import Axe

    found = [f"{where}: {violation['id']}: {node['html'][:140]}" for violation in Axe().run(page).response["violations"]
             for node in violation["nodes"][:3]]  # fmt: skip
    if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
        found.append(f"{where}: the page is wider than the window")
    if not page.get_by_role("heading", level=1).is_visible():
        found.append(f"{where}: no heading")
    return found


@pytest.mark.parametrize("who", WHO)
def test_every_page_as_each_role(full: Web, address: str, chromium: Any, who: str) -> None:
    pictures = Path(os.environ["PICTURES"]) if os.environ.get("PICTURES") else None
    addresses = {name: address + full.filled(path, who) for name, path in PAGES.items()}
    problems: list[str] = []
    views = [(scheme, size) for scheme in ("light", "dark") for size in SIZES]
    for scheme, size in views if who in ("doctor", "auditor") else [views[0], views[-1]]:
        context = signed_in(full, chromium, address, who, viewport=SIZES[size], color_scheme=scheme, bypass_csp=True)
        page = context.pages[0]
        for name, place in addresses.items():
            answer = page.goto(place)
            if answer.status not in (200, 403, 404):
                problems.append(f"{name}: status {answer.status}")
            problems += faults(page, f"{name} {scheme} {size}")
            if pictures is not None and SEEN_BY.get(name, "doctor") == who and name not in NO_PICTURE:
                keep(page.screenshot(full_page=True), pictures / f"{name}-{scheme}-{size}.png")
        if pictures is not None and who == "doctor" and size == "desktop":
            page.emulate_media(media="print")
            page.goto(addresses["round"])
            keep(page.screenshot(full_page=True), pictures / f"round-{scheme}-paper.png")
        context.close()
    assert not problems, "\n".join(sorted(set(problems)))


def shown(body: str) -> Callable[[Any], None]:
    """A route that answers with this page."""
    return lambda route: route.fulfill(status=200, content_type="text/html; charset=utf-8", body=body)


@pytest.mark.parametrize("who", WHO)
def test_every_page_without_javascript(full: Web, address: str, chromium: Any, who: str) -> None:
    """axe is a script itself: so what a browser without JavaScript made of each page is laid before one that has it, at the same
    address and with the same style sheet. What can be read must be the same in both."""
    plain = signed_in(full, chromium, address, who, viewport=SIZES["desktop"], java_script_enabled=False)
    judge = signed_in(full, chromium, address, who, viewport=SIZES["desktop"], bypass_csp=True)
    problems: list[str] = []
    for name, path in PAGES.items():
        place = address + full.filled(path, who)
        plain.pages[0].goto(place)
        body, text = plain.pages[0].content(), plain.pages[0].locator("body").inner_text()
        judge.route(place, shown(body))
        judge.pages[0].goto(place)
        problems += faults(judge.pages[0], name)
        if judge.pages[0].locator("body").inner_text() != text:
            problems.append(f"{name}: reads otherwise with JavaScript")
        if "<script" in body:
            problems.append(f"{name}: a script")
    plain.close()
    judge.close()
    assert not problems, "\n".join(sorted(set(problems)))


def test_the_list_works_from_the_keyboard(full: Web, address: str, chromium: Any) -> None:
    context = signed_in(full, chromium, address, "care")
    page = context.pages[0]
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == f"/alerts/{full.ref}":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/alerts/{full.ref}")
    context.close()


def test_a_phone_shows_the_newest_end_of_the_time_line(full: Web, address: str, chromium: Any) -> None:
    context = signed_in(full, chromium, address, "care", viewport=SIZES["phone"])
    page = context.pages[0]
    page.goto(address + full.patient("care"))
    last = page.locator("svg .last").first.bounding_box()
    assert last is not None
    assert 0 < last["x"] < SIZES["phone"]["width"] - last["width"]
    context.close()
