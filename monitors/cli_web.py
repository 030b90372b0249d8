"""`nephrowatch web`: serve the pages."""

from __future__ import annotations

from typing import Annotated

import typer

from monitors import pipeline
from monitors.cli_words import out
from monitors.errors import UserError
from monitors.web.address import without_alerts


def outside(host: str, port: int, link: str) -> str:
    """Where a browser finds the pages. A server that listens everywhere, as in a container, cannot say: where messages link."""
    return without_alerts(link) if host in ("0.0.0.0", "::") else f"http://{host}:{port}"  # noqa: S104


def web(
    host: Annotated[
        str, typer.Option(help="Address to listen at; put a TLS proxy before anything but this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 18080,
    sign_in_as: Annotated[str, typer.Option("--as", help="Print a link that signs this person of people.yaml in, once.")] = "",
    secure: Annotated[bool, typer.Option("--secure", help="Cookies for HTTPS only: behind a TLS proxy.")] = False,
) -> None:
    """Serve the pages for care team, engineers and auditors."""
    import uvicorn

    from monitors.web.app import application, people_of
    from monitors.web.oidc import provider

    with pipeline.opened() as here:
        oidc = provider(here.settings)
        known = here.config.people.by_login(sign_in_as)
        viewer = people_of(here)(known.email) if known and known.email else None
        if sign_in_as and viewer is None:
            raise UserError(f"{sign_in_as} is nobody in people.yaml with a role that opens the pages and an e-mail address; "
                            "give their login or e-mail address.")  # fmt: skip
        if oidc is None and viewer is None:
            raise UserError(
                "Nobody could sign in: set NEPHROWATCH_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET and _REDIRECT, or --as PERSON."
            )
        app = application(here, secure=secure, oidc=oidc)
        if viewer is not None:
            token = app.state.pages.sessions.once(viewer, here.clock())
            address = outside(host, port, here.config.site.link)
            out.print(f"Sign in as {viewer.name}, once, within half an hour:", f"{address}/sign-in/once?token={token}",
                      sep="\n", soft_wrap=True)  # fmt: skip
        uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning", server_header=False)
