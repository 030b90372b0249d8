"""One message into one mailbox over SMTP, with every answer put into its outcome class.

One recipient a message: a partial refusal cannot hide, and nobody learns who else was told. Until the
server has said 354 to DATA nothing has been handed over; from then until its reply, nobody can know.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Any

from monitors.delivery.card import PICTURE
from monitors.delivery.message import Message
from monitors.delivery.words import clean, opaque
from monitors.destinations import EmailDestination
from monitors.errors import DeliveryError

TIMEOUT = 20.0  # seconds, each step
_HOST = re.compile(r"[^A-Za-z0-9.-]")


def default_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, certificates and host names checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Mailbox:
    """A configured mailbox. login: user and password, tried only under TLS."""

    def __init__(
        self, destination: EmailDestination, mail_domain: str, login: tuple[str, str] | None = None,
        *, context: Callable[[], ssl.SSLContext] = default_context, timeout: float = TIMEOUT,
    ) -> None:  # fmt: skip
        if login and destination.tls == "none":
            raise DeliveryError(
                "permanent", "A login without TLS is refused: set tls to starttls or implicit."
            )
        self._to, self._login, self._context, self._timeout = destination, login, context, timeout
        self._domain = _HOST.sub("", mail_domain) or "localhost"

    def send(self, message: Message, now: datetime) -> dict[str, Any]:
        """Send it once. Returns the receipt {reply, message_id}. Raises DeliveryError with its outcome."""
        mail = compose(message, self._to, self._domain, now)
        body = mail.as_bytes(policy=SMTP_POLICY)
        server: smtplib.SMTP | None = None
        try:
            server = self._connect()
            self._hand_over_envelope(server)
        except DeliveryError:
            _leave(server)
            raise
        except (smtplib.SMTPException, OSError, UnicodeError) as problem:
            _leave(server)
            raise _before_data(problem) from None
        try:
            reply = _data(server, body)
        finally:
            _leave(server)
        return {"reply": reply, "message_id": str(mail["Message-ID"])}

    def find(self, delivery_id: str, since: datetime) -> dict[str, Any] | None:
        """A mailbox cannot be asked: None."""
        return None

    def audience(self) -> list[str]:
        return [self._to.to]

    def prepared(self, message: Message, wait: Callable[[float], None]) -> Message:
        """As it is: a picture travels within the mail."""
        return message

    def may_show(self) -> str:
        """'': a mailbox is one reader's; that a leave holds is all that can be asked."""
        return ""

    def probe(self) -> None:
        """Connect, agree on TLS, log in; hands nothing over. Raises DeliveryError as `send` does."""
        try:
            _leave(self._connect())
        except (smtplib.SMTPException, OSError, UnicodeError) as problem:
            raise _before_data(problem) from None

    def _connect(self) -> smtplib.SMTP:
        to = self._to
        if to.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                to.host, to.port, local_hostname=self._domain, timeout=self._timeout, context=self._context()
            )
        else:
            server = smtplib.SMTP(to.host, to.port, local_hostname=self._domain, timeout=self._timeout)
        try:
            server.ehlo_or_helo_if_needed()
            if to.tls == "starttls":
                if not server.has_extn("starttls"):
                    raise DeliveryError(
                        "deferred", "The mail server does not offer STARTTLS: nothing is sent in the clear."
                    )
                code, reply = server.starttls(context=self._context())
                if code != 220:
                    raise smtplib.SMTPResponseException(code, reply)
                server.ehlo()
            if self._login:
                server.login(*self._login)
        except BaseException:
            _leave(server)
            raise
        return server

    def _hand_over_envelope(self, server: smtplib.SMTP) -> None:
        for code, reply in (server.mail(self._to.sender), server.rcpt(self._to.to)):
            if not 200 <= code < 300:
                raise smtplib.SMTPResponseException(code, reply)
        code, reply = server.docmd("DATA")
        if code != 354:
            raise smtplib.SMTPResponseException(code, reply)


def compose(message: Message, destination: EmailDestination, mail_domain: str, now: datetime) -> EmailMessage:
    """The mail: text first, HTML as its alternative, and headers without a patient in them.

    Message-ID is the delivery id, so copies are recognisable; all mails of an episode refer to one root that
    is never sent, so they stand together. Raises DeliveryError (permanent) for an address that is none.
    """
    mail = EmailMessage(policy=SMTP_POLICY)
    try:
        mail["From"] = Address("Nephrowatch", addr_spec=destination.sender)
        mail["To"] = Address(addr_spec=destination.to)
    except (ValueError, IndexError) as problem:
        raise DeliveryError(
            "permanent", f"An address in routes.yaml is not valid ({type(problem).__name__})."
        ) from None
    mail["Subject"] = clean(message.subject, 200)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{opaque(message.delivery_id)}@{mail_domain}>"
    if message.thread:
        root = f"<{opaque(message.thread)}@{mail_domain}>"
        mail["References"] = root
        mail["In-Reply-To"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    unit = opaque(message.labels.get("Unit", "")).lower() or "all"
    mail["List-Id"] = f"<nephrowatch-{unit}.{mail_domain}>"
    for name, value in message.labels.items():
        if value:
            mail[f"X-Nephrowatch-{name}"] = clean(value, 60)
    mail.set_content(message.text, cte="quoted-printable")
    root_id = f"{PICTURE}.{opaque(message.delivery_id)}@{mail_domain}"
    mail.add_alternative(message.html.replace(f"cid:{PICTURE}", f"cid:{root_id}"), subtype="html", cte="quoted-printable")
    if message.picture:
        html = list(mail.iter_parts())[-1]
        assert isinstance(html, EmailMessage)
        html.add_related(message.picture, "image", "png", cid=f"<{root_id}>", disposition="inline",
                         filename=f"trend-{opaque(message.delivery_id)}.png")  # fmt: skip
    return mail


def _data(server: smtplib.SMTP, body: bytes) -> str:
    """The content, after 354, and the server's verdict on it."""
    try:
        server.send(
            re.sub(rb"(?m)^\.", b"..", body) + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"
        )
        code, reply = server.getreply()
    except (smtplib.SMTPException, OSError) as problem:
        raise DeliveryError(
            "ambiguous", f"The mail server went away after it had the mail ({_name(problem)})."
        ) from None
    if not 200 <= code < 300:
        raise _refusal(code, reply)
    return f"{code} {clean(_text(reply), 200)}"


def _before_data(problem: Exception) -> DeliveryError:
    """Whatever failed before the content was handed over is a definite no; 5xx for good, the rest for now."""
    if isinstance(problem, smtplib.SMTPResponseException):
        return _refusal(problem.smtp_code, problem.smtp_error)
    if isinstance(problem, UnicodeError):
        return DeliveryError(
            "permanent", "An address in routes.yaml has letters this mail server cannot take."
        )
    return DeliveryError("deferred", f"The mail server could not be used ({_name(problem)}).")


def _refusal(code: int, reply: Any) -> DeliveryError:
    outcome = "permanent" if 500 <= code < 600 and code != 503 else "deferred"
    return DeliveryError(outcome, f"The mail server said {code} {clean(_text(reply), 160)}")


def _text(reply: Any) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)


def _name(problem: Exception) -> str:
    return type(problem).__name__


def _leave(server: smtplib.SMTP | None) -> None:
    """End the session; how it ends no longer matters."""
    if server is not None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()
