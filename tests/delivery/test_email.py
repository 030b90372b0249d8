"""Every way a mail server can answer, TLS that fails closed, and headers nobody can break."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from monitors.delivery.email import Mailbox, compose, default_context
from monitors.demo.standins import SmtpStandIn
from monitors.errors import DeliveryError
from tests.delivery.builders import NOW, mail_to, message

DOMAIN = "nephrowatch.example"


@pytest.fixture
def smtp() -> Iterator[SmtpStandIn]:
    with SmtpStandIn() as stand_in:
        yield stand_in


FAULTS = {  # fault -> (outcome, mails accepted)
    "reject_sender": ("permanent", 0),
    "reject_rcpt": ("permanent", 0),
    "451_rcpt": ("deferred", 0),
    "drop_before_data": ("deferred", 0),
    "451_after_data": ("deferred", 0),
    "550": ("permanent", 0),
    "drop_after_data": ("ambiguous", 1),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=FAULTS)
def test_every_fault_has_its_outcome_and_is_sent_once(
    smtp: SmtpStandIn, fault: str, expected: tuple[str, int]
) -> None:
    smtp.fault(fault)
    with pytest.raises(DeliveryError) as refused:
        Mailbox(mail_to(smtp.port), DOMAIN).send(message("alert", "email"), NOW)
    assert (refused.value.outcome, len(smtp.mails)) == expected


def test_a_server_that_is_not_there_is_a_definite_no() -> None:
    with pytest.raises(DeliveryError) as refused:
        Mailbox(mail_to(1), DOMAIN).send(message("alert", "email"), NOW)
    assert refused.value.outcome == "deferred"


def test_a_mail_arrives_with_its_text_its_html_and_the_servers_reply_as_receipt(smtp: SmtpStandIn) -> None:
    ours = message("alert", "email", unit_name="Nørre.\n.Unit")
    receipt = Mailbox(mail_to(smtp.port), DOMAIN).send(ours, NOW)
    assert receipt == {"reply": "250 2.0.0 queued as S1", "message_id": "<d-1@nephrowatch.example>"}
    mail = smtp.mails[0]
    assert mail["recipient"] == "team@renal.example"
    assert mail["text"].replace("\r\n", "\n") == ours.text
    assert mail["html"].replace("\r\n", "\n") == ours.html


def test_headers_name_the_delivery_and_the_episode_and_no_patient() -> None:
    first, second = (
        compose(message("alert", "email", ref=ref), mail_to(1), DOMAIN, NOW)
        for ref in ("NW-4F7K-1", "NW-4F7K-2")
    )
    assert (
        first["References"]
        == second["References"]
        == first["In-Reply-To"]
        == "<episode-NW-4F7K@nephrowatch.example>"
    )
    assert first["Subject"] == second["Subject"] == "Unit N3: 1 lab review needs acknowledgement (HIGH)"
    assert second["Message-ID"] == "<d-1@nephrowatch.example>"
    assert second["Auto-Submitted"] == "auto-generated"
    assert second["X-Auto-Response-Suppress"] == "All"
    assert second["List-Id"] == "<nephrowatch-n3.nephrowatch.example>"
    assert {name: value for name, value in second.items() if name.startswith("X-Nephrowatch-")} == {
        "X-Nephrowatch-Kind": "alert", "X-Nephrowatch-Unit": "N3", "X-Nephrowatch-Severity": "HIGH",
        "X-Nephrowatch-Ref": "NW-4F7K-2",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["N3\r\nBcc: thief@example.org", "N3\nX: y", "\x00\x01", "ü" * 10_000, "=?utf-8?q?x?="]
)
def test_no_datum_can_add_a_header(text: str) -> None:
    ours = message("alert", "email", unit=text, unit_name=text, ref=text, owner=text)
    mail = compose(ours, mail_to(1), DOMAIN, NOW)
    head = mail.as_bytes().partition(b"\r\n\r\n")[0]
    names = {line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))}
    assert {name for name in names if not name.startswith(b"X-")} <= {
        b"From", b"To", b"Subject", b"Date", b"Message-ID", b"References", b"In-Reply-To", b"Auto-Submitted",
        b"List-Id", b"MIME-Version", b"Content-Type",
    }  # fmt: skip
    assert b"\r\nBcc" not in head


def test_an_address_that_is_none_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(DeliveryError) as refused:
        compose(message("alert", "email"), mail_to(1, to="a,b@c"), DOMAIN, NOW)
    assert refused.value.outcome == "permanent"


# ------------------------------------------------------------------------------------------------- TLS
@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = ipaddress.ip_address("127.0.0.1")
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(address)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    return folder / "certificate.pem", folder / "key.pem"


def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = default_context()
    context.load_verify_locations(certificate[0])
    return context


def test_starttls_with_a_login_delivers(certificate: tuple[Path, Path]) -> None:
    login = ("ward", "synthetic-password")
    with SmtpStandIn(tls=server_context(certificate), login=login) as smtp:
        to = mail_to(smtp.port, tls="starttls", user="U", password="P")
        Mailbox(to, DOMAIN, login, context=lambda: trusting(certificate)).send(message("alert", "email"), NOW)
        with pytest.raises(DeliveryError) as refused:
            Mailbox(to, DOMAIN, ("ward", "wrong"), context=lambda: trusting(certificate)).send(
                message("alert", "email"), NOW
            )
        assert refused.value.outcome == "permanent"
        assert "wrong" not in str(refused.value)
        assert len(smtp.mails) == 1


def test_a_certificate_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    with SmtpStandIn(tls=server_context(certificate)) as smtp:
        with pytest.raises(DeliveryError) as refused:
            Mailbox(mail_to(smtp.port, tls="starttls"), DOMAIN).send(message("alert", "email"), NOW)
        assert refused.value.outcome == "deferred"
        assert smtp.mails == []


def test_a_server_without_starttls_gets_nothing_in_the_clear(smtp: SmtpStandIn) -> None:
    with pytest.raises(DeliveryError, match="does not offer STARTTLS") as refused:
        Mailbox(mail_to(smtp.port, tls="starttls"), DOMAIN).send(message("alert", "email"), NOW)
    assert refused.value.outcome == "deferred"
    assert smtp.mails == []


def test_old_tls_is_not_spoken_and_a_login_needs_tls() -> None:
    assert default_context().minimum_version == ssl.TLSVersion.TLSv1_2
    assert default_context().verify_mode == ssl.CERT_REQUIRED
    with pytest.raises(DeliveryError, match="without TLS"):
        Mailbox(mail_to(1, user="U", password="P"), DOMAIN, ("ward", "synthetic-password"))
