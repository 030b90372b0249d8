"""A sign of life to another host, sent only while nothing is wrong: when it stops, that host raises the alarm.

A machine that is down cannot say so itself, and a dead mailbox of operations cannot be reported by mail.
"""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from monitors.errors import UserError
from monitors.settings import Settings

URL = "NEPHROWATCH_HEARTBEAT_URL"
TIMEOUT = 10.0


def ping(settings: Settings) -> str:
    """Ping the URL of NEPHROWATCH_HEARTBEAT_URL (or its _FILE). Returns sent | failed | not_configured; nothing of this
    installation is sent along. Raises UserError for an address that is neither https nor this machine's."""
    if not (settings.environment.get(URL) or settings.environment.get(f"{URL}_FILE")):
        return "not_configured"
    url = urlsplit(settings.secret(URL))
    host, local = url.hostname or "", url.hostname in ("127.0.0.1", "localhost", "::1")
    if not host or not (url.scheme == "https" or (url.scheme == "http" and local)):
        raise UserError(f"{URL} must be an https address: correct it.")
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, url.port, timeout=TIMEOUT, context=context)
    else:
        connection = http.client.HTTPConnection(host, url.port, timeout=TIMEOUT)
    try:
        connection.request("GET", url._replace(scheme="", netloc="", fragment="").geturl() or "/")
        return "sent" if 200 <= connection.getresponse().status < 300 else "failed"
    except (OSError, http.client.HTTPException):
        return "failed"
    finally:
        connection.close()
