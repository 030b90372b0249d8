"""The application: `application(here)` gives the ASGI app of an opened installation.

Every answer carries the same strict headers; every form is checked for its origin and its token; every failure is a page
with one sentence, and nothing of what failed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from monitors.errors import NotReadyError, UserError
from monitors.pipeline import Here
from monitors.rule_status import content_hash
from monitors.web import words
from monitors.web.access import EVERYWHERE, ROLES, Access, CurrentUser, Limit, Session, Sessions, Viewer, same

FOLDER = Path(__file__).resolve().parent
COOKIE = "nephrowatch_session"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
                               "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()", "Cache-Control": "no-store",
}  # fmt: skip
log = logging.getLogger("nephrowatch.web")


class NotSignedIn(Exception):
    """No session, or one that has ended."""


class Pages:
    """What every route shares: the installation, the sessions and the templates."""

    def __init__(self, here: Here, current_user: CurrentUser, secure: bool) -> None:
        self.here, self.current_user, self.secure = here, current_user, secure
        self.sessions = Sessions()
        self.contents = [(rule.id, content_hash(rule)) for rule in here.config.rules]  # what a signature is bound to
        self.sign_in_limit = Limit(10, timedelta(minutes=10))
        self.export_limit = Limit(10, timedelta(minutes=10))
        self.templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self.templates.filters.update(
            when=words.when, day=words.day, age=words.age, words=words.words, title_=words.title, number=words.number,
            name=words.name, moment=words.moment, sentence=words.sentence,
        )  # fmt: skip
        self.templates.globals.update(shapes=words.SHAPES, site=here.config.site, next_session=words.next_session)
        self.verifier: Any = None
        self.counted: Any = None

    def render(self, request: Request, template: str, given: Mapping[str, Any] | None = None, status: int = 200) -> HTMLResponse:
        session = getattr(request.state, "session", None)
        text = self.templates.get_template(template).render(
            session=session, viewer=session.viewer if session else None, path=request.url.path, now=self.here.clock(),
            **{"title": "Nephrowatch", **(given or {})},
        )  # fmt: skip
        return HTMLResponse(text, status)

    def session(self, request: Request) -> Session:
        """Raises NotSignedIn."""
        found = self.sessions.find(request.cookies.get(COOKIE, ""), self.here.clock())
        if found is None:
            raise NotSignedIn
        request.state.session = found
        return found

    def signed_in(self, viewer: Viewer, to: str = "/") -> RedirectResponse:
        session = self.sessions.begin(viewer, self.here.clock())
        answer = RedirectResponse(to, 303)
        answer.set_cookie(COOKIE, session.sid, httponly=True, samesite="lax", secure=self.secure, path="/")
        return answer


def need(area: str) -> Callable[[Request], Session]:
    """A dependency: the session of somebody whose role opens this area."""

    def allowed(request: Request) -> Session:
        session: Session = request.app.state.pages.session(request)
        if not session.viewer.may(area):
            raise HTTPException(403, "Your role does not open this page.")
        return session

    return allowed


def checked(request: Request, session: Session, token: str) -> None:
    """Raises unless a form came from these pages and belongs to this session."""
    own = f"{request.url.scheme}://{request.url.netloc}"
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    came = urlsplit(origin)
    if origin != "null" and f"{came.scheme}://{came.netloc}" != own and request.headers.get("sec-fetch-site") != "same-origin":
        raise HTTPException(403, "This form did not come from these pages; open the page again.")
    if request.headers.get("sec-fetch-site") not in (None, "same-origin", "none") or not same(token, session.csrf):
        raise HTTPException(403, "This form is out of date; open the page again.")


def people_of(here: Here) -> CurrentUser:
    """Find somebody of people.yaml by e-mail address, with the access of their role. Nobody else comes in."""

    def found(email: str) -> Viewer | None:
        people: Any = here.config.people
        for person in getattr(people, "people", people):
            if person.email and person.email.casefold() == email.casefold():
                roles = person.roles_at(here.clock()) if hasattr(person, "roles_at") else (person.role,)
                held = next((role for role in roles if role in ROLES), None)
                if held is None:
                    return None
                access = ROLES[held]
                units = tuple(person.units) if access is Access.CARE else (EVERYWHERE,)
                return Viewer(str(getattr(person, "key", person.email)), person.name, held, access, units)
        return None

    return found


def application(here: Here, *, current_user: CurrentUser | None = None, secure: bool = False, oidc: Any = None) -> FastAPI:
    """The app. current_user: a verified e-mail address -> Viewer; secure: cookies for HTTPS only; oidc: see `signin`."""
    from monitors.web import alert, api, costs, feeds, history, morning, patient, rules, signin, verified

    app = FastAPI(title="Nephrowatch", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(here, current_user or people_of(here), secure)
    pages.verifier, pages.counted = verified.Verifier(), costs.Counted()
    app.state.pages, app.state.oidc = pages, oidc
    for room in (signin, morning, alert, patient, history, rules, feeds, api):
        app.include_router(room.router)
    app.middleware("http")(_headers)
    app.exception_handler(NotSignedIn)(_not_signed_in)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_unreadable)
    app.exception_handler(UserError)(_user)
    app.exception_handler(NotReadyError)(_no_database)
    app.exception_handler(SQLAlchemyError)(_no_database)
    app.exception_handler(Exception)(_broken)
    return app


async def _headers(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    answer = await go_on(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if request.url.scheme == "https":
        answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return answer


def _page(request: Request, status: int, heading: str, sentence: str) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": sentence}, status, headers=HEADERS)
    pages: Pages = request.app.state.pages
    answer = pages.render(request, "error.html", {"title": heading, "sentence": sentence}, status)
    answer.headers.update(HEADERS)
    return answer


def _not_signed_in(request: Request, _: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return _page(request, 401, "Sign in", "Sign in first.")
    if request.method == "GET":
        to = request.url.path if request.url.path.startswith("/alerts/") else "/"
        return RedirectResponse(f"/sign-in?to={to}", 303)
    return _page(request, 401, "Sign in", "Your session has ended; sign in again. Nothing was changed.")


def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    heading = {403: "Not open to you", 404: "Not here", 429: "Too many requests"}.get(problem.status_code, "That did not work")
    said = {404: "There is no such page.", 405: "That is not done this way."}
    sentence = str(problem.detail)
    return _page(request, problem.status_code, heading,
                 said.get(problem.status_code, sentence) if sentence in ("Not Found", "Method Not Allowed")
                 else sentence)  # fmt: skip


def _unreadable(request: Request, _: Exception) -> Response:
    return _page(request, 422, "Not understood", "Something in the address or the form could not be read; nothing was changed.")


def _user(request: Request, problem: Exception) -> Response:
    return _page(request, 409, "That did not work", str(problem))


def _no_database(request: Request, problem: Exception) -> Response:
    log.error("no answer from the database: %s", type(getattr(problem, "orig", None) or problem).__name__)
    return _page(request, 503, "The database does not answer",
                 "The database cannot be read or written just now, so nothing is shown and nothing was changed. Alerts may be "
                 "waiting: use the laboratory's own system, and tell operations.")  # fmt: skip


def _broken(request: Request, problem: Exception) -> Response:
    log.error("a page failed: %s", type(problem).__name__)
    return _page(request, 500, "This page failed",
                 "This page failed; nothing was changed. Use the laboratory's own system meanwhile, "
                 "and tell operations.")  # fmt: skip
