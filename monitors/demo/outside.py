"""The outside world of docker-compose's demo: Slack's and a mail server's stand-ins for other containers.

    python -m monitors.demo.outside           both, until stopped: Slack at 18090, mail with STARTTLS at 18025
    python -m monitors.demo.outside --show    print what arrived so far

What arrives is kept in /caught/messages.ndjson. The mail server's certificate is made anew at each start and put where
senders look for it (/trust/ca.pem); its key stays in memory and in a file of this container alone.
"""

from __future__ import annotations

import datetime as dt
import json
import signal
import ssl
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from monitors.demo.slack_standin import SlackStandIn
from monitors.demo.smtp_standin import SmtpStandIn

LEDGER = Path("/caught/messages.ndjson")
CERTIFICATE = Path("/trust/ca.pem")
NAME = "stand-ins"  # of the service: what senders call it
EVERYWHERE = "0.0.0.0"  # noqa: S104  (within a network of its own)


def certificate(name: str, now: dt.datetime) -> tuple[bytes, bytes]:
    """A certificate for a host, signed by itself, good for a year; and its key. Both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def context(name: str, published: Path, now: dt.datetime) -> ssl.SSLContext:
    """A server's TLS context with a new certificate, which is written to `published`."""
    public, private = certificate(name, now)
    with tempfile.NamedTemporaryFile(suffix=".pem") as both:
        both.write(public + private)
        both.flush()
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(both.name)
    part = published.with_suffix(".part")
    part.write_bytes(public)
    part.replace(published)
    return made


def shown(entry: dict[str, Any]) -> str:
    """One message as a reader sees it."""
    if entry["to"] == "slack":
        return f"SLACK {entry.get('channel')} {entry['method']}\n{entry.get('text', '')}\n"
    return f"MAIL to {entry['recipient']}: {entry['headers'].get('Subject', '')}\n{entry['text']}"


def main() -> None:
    if sys.argv[1:] == ["--show"]:
        for line in LEDGER.read_text(encoding="utf-8").splitlines() if LEDGER.exists() else []:
            print(shown(json.loads(line)))
        return
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    tls = context(NAME, CERTIFICATE, dt.datetime.now(dt.UTC))
    with SlackStandIn(18090, LEDGER, host=EVERYWHERE), SmtpStandIn(18025, LEDGER, tls=tls, host=EVERYWHERE):
        print(f"Slack at 18090, mail at 18025; what arrives is in {LEDGER}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
