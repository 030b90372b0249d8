"""Signing in and out: a one-time link of this machine, or OpenID Connect (see `oidc`). And the style sheet."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.exceptions import HTTPException

from monitors.web.access import Session
from monitors.web.app import COOKIE, FOLDER, Pages, checked, need

router = APIRouter()
TOO_MANY = "Too many tries from this address; wait ten minutes."


def _limited(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    if not pages.sign_in_limit.allows(request.client.host if request.client else "", pages.here.clock()):
        raise HTTPException(429, TOO_MANY)
    return pages


@router.get("/sign-in")
def sign_in(request: Request, to: str = "/") -> Response:
    pages: Pages = request.app.state.pages
    return pages.render(request, "sign_in.html", {"title": "Sign in", "oidc": request.app.state.oidc is not None, "to": _own(to)})


@router.get("/sign-in/once")
def ask_once(request: Request, token: str = "") -> Response:
    """A page with one button: a link that is only looked at by a mail scanner is not spent."""
    pages: Pages = request.app.state.pages
    return pages.render(request, "once.html", {"title": "Sign in", "token": token})


@router.post("/sign-in/once")
def once(request: Request, token: Annotated[str, Form()]) -> Response:
    pages = _limited(request)
    viewer = pages.sessions.redeem(token, pages.here.clock())
    if viewer is None:
        raise HTTPException(403, "This link was used already or is too old; ask for a new one.")
    return pages.signed_in(viewer)


@router.get("/sign-in/openid")
def openid(request: Request, to: str = "/") -> Response:
    """Off to the provider."""
    pages = _limited(request)
    if request.app.state.oidc is None:
        raise HTTPException(404, "No OpenID provider is set up here.")
    address, cookie = request.app.state.oidc.begin(_own(to), pages.here.clock())
    answer = RedirectResponse(address, 303)
    answer.set_cookie("nephrowatch_sign_in", cookie, httponly=True, samesite="lax", secure=pages.secure, max_age=600)
    return answer


@router.get("/sign-in/callback")
def callback(request: Request, state: str = "", code: str = "") -> Response:
    """Back from the provider."""
    pages = _limited(request)
    if request.app.state.oidc is None:
        raise HTTPException(404, "No OpenID provider is set up here.")
    email, to = request.app.state.oidc.finish(request.cookies.get("nephrowatch_sign_in", ""), state, code, pages.here.clock())
    viewer = pages.current_user(email)
    if viewer is None:
        raise HTTPException(403, "You are signed in, but not listed in people.yaml with a role that opens these pages.")
    answer = pages.signed_in(viewer, to)
    answer.delete_cookie("nephrowatch_sign_in")
    return answer


@router.post("/sign-out")
def sign_out(request: Request, session: Annotated[Session, Depends(need("any"))], csrf: Annotated[str, Form()]) -> Response:
    checked(request, session, csrf)
    request.app.state.pages.sessions.end(session.sid)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/style.css")
def style() -> Response:
    return FileResponse(FOLDER / "static" / "style.css", headers={"Cache-Control": "public, max-age=300"})


def _own(to: str) -> str:
    """An address of these pages; anything else is the first page."""
    return to if to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isprintable() else "/"
