"""A stand-in for an SMTP server on this machine."""

from __future__ import annotations

import base64
import ssl
from email import message_from_bytes, policy
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from monitors.demo.accepted import Accepted

HOST = "127.0.0.1"
FAULTS = (
    "reject_sender", "reject_rcpt", "451_rcpt", "drop_before_data",  # before the mail is handed over
    "451_after_data", "550",  # after; it is refused
    "drop_after_data",  # it is accepted, and nobody hears of it
)  # fmt: skip


class SmtpStandIn:
    """Takes mail. A context manager.

    mails: what was accepted, in order, as {sender, recipient, headers, text, html, inline}. tls: offer STARTTLS and
    insist on it; login: (user, password) it insists on. port 0: the system chooses.
    host: the address to listen at.
    """

    def __init__(
        self, port: int = 0, ledger: Path | None = None, *, tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None, host: str = HOST,
    ) -> None:  # fmt: skip
        self.accepted = Accepted(ledger)
        options: dict[str, Any] = {"tls_context": tls, "require_starttls": tls is not None}
        if login is not None:
            options |= {"authenticator": _authenticator(login), "auth_required": True}
        self._controller = _Controller(_Handler(self.accepted), hostname=host, port=port, **options)

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @property
    def mails(self) -> list[dict[str, Any]]:
        return self.accepted.entries

    def fault(self, *names: str) -> None:
        """Treat the next mails with these faults, one each."""
        for name in names:
            if name not in FAULTS:
                raise ValueError(f"'{name}' is no SMTP fault; known: {', '.join(FAULTS)}")
        self.accepted.fault(*names)

    def __enter__(self) -> SmtpStandIn:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()


class _Controller(Controller):
    def _trigger_server(self) -> None:
        """Learn which port the system chose before start() knocks at it."""
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class _Handler:
    """The hooks the server calls. One mail at a time a connection; the fault is drawn at MAIL FROM."""

    def __init__(self, accepted: Accepted) -> None:
        self._accepted = accepted

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        session.fault = self._accepted.next_fault()  # type: ignore[attr-defined]
        if _fault(session) == "reject_sender":
            return "550 5.7.1 sender refused"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if _fault(session) == "reject_rcpt":
            return "550 5.1.1 no such mailbox"
        if _fault(session) == "451_rcpt":
            return "451 4.7.1 try again later"
        if _fault(session) == "drop_before_data":
            _hang_up(server)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if _fault(session) == "451_after_data":
            return "451 4.3.0 out of space"
        if _fault(session) == "550":
            return "550 5.7.1 content refused"
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        number = self._accepted.add({
            "to": "smtp", "sender": envelope.mail_from, "recipient": ", ".join(envelope.rcpt_tos),
            "headers": {name: str(value) for name, value in mail.items()},
            "text": text.get_content() if text else "", "html": html.get_content() if html else "",
            "inline": [
                {"cid": str(part["Content-ID"]), "name": part.get_filename(), "type": part.get_content_type(),
                 "content": base64.b64encode(part.get_content()).decode()}
                for part in mail.walk() if part.get_content_maintype() == "image"
            ],
        })  # fmt: skip
        if _fault(session) == "drop_after_data":
            _hang_up(server)
        return f"250 2.0.0 queued as S{number}"


def _fault(session: Session) -> str:
    return cast("str", getattr(session, "fault", ""))


def _hang_up(server: SMTP) -> None:
    transport: Any = server.transport
    if transport is not None:
        transport.abort()


def _authenticator(login: tuple[str, str]) -> Any:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=known, handled=known)  # not handled: the server itself answers 535

    return check
