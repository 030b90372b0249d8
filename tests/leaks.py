"""What must never leave: every synthetic patient's identifiers and values, looked for in everything that leaves."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from monitors import metrics
from tests.site import Site

BIRTH = ("1957-02-03", "19570203", "03 Feb 1957", "3 Feb 1957", "03.02.1957", "02/03/1957", "03/02/1957")

LEDGER = """SELECT b.body - 'dedup_key' FROM (
    SELECT CAST(convert_from(body, 'UTF8') AS jsonb) AS body FROM history.bodies JOIN history.ledger USING (seq)
    WHERE kind LIKE 'delivery%') b"""


LINK = re.compile(r"https?://[^\s\"'<>)]+")
ALT = re.compile(r"""(?:'alt_text': |alt=)(?:'[^']*'|"[^"]*")""")


def secrets(patients: Iterable[str], values: Iterable[float]) -> list[str]:
    """Numbers, names, births and values, in the forms a careless line would print."""
    people = [form for patient in patients for form in (patient, patient.replace("-", ""), f"EXAMPLE {patient}")]
    return [*people, *BIRTH, *(f"{value:g}" for value in values)]


def leaks(sources: Mapping[str, str], hidden: Iterable[str]) -> list[str]:
    """`where: what` of every secret found."""
    lowered = {name: text.casefold() for name, text in sources.items()}
    return [f"{name}: {secret}" for secret in hidden for name, text in lowered.items() if secret.casefold() in text]


def sent(site: Site) -> dict[str, str]:
    """Everything that left for Slack and for mailboxes, by the place it stands in; and what delivery recorded of it."""
    posts, mails = site.slack_standin.accepted.entries, site.smtp_standin.accepted.entries
    shown = _texts(posts, "blocks") + _texts(mails, "html") + _texts(mails, "text")
    return {
        "slack text": _texts(posts, "text"), "slack blocks": _texts(posts, "blocks"), "slack metadata": _texts(posts, "metadata"),
        "slack rest": json.dumps([{k: v for k, v in p.items() if k not in ("text", "blocks", "metadata")} for p in posts]),
        "slack uploads": str([(one.name, one.title, one.channel) for one in site.slack_standin.uploads.files.values()]),
        "slack upload alt text": str([one.alt for one in site.slack_standin.uploads.files.values()]),
        "alt text": _texts(posts, "alt_text") + "".join(ALT.findall(shown)),
        "links": " ".join(LINK.findall(shown)),
        "mail pictures": str([(one["cid"], one["name"]) for mail in mails for one in mail.get("inline", ())]),
        "mail headers": _texts(mails, "headers"), "mail text": _texts(mails, "text"), "mail html": _texts(mails, "html"),
        "mail envelope": _texts(mails, "sender") + _texts(mails, "recipient"),
        "outbox": str(site.rows("SELECT content, receipt, destination, unit FROM nephrowatch.outbox")),
        "attempts": str(site.rows("SELECT sentence FROM nephrowatch.attempts")),
        "ledger of delivery": str(site.rows(LEDGER)),
    }  # fmt: skip


def numbers(site: Site) -> dict[str, str]:
    """What Prometheus is given."""
    return {"metrics": metrics.text(site.db, lambda: site.clock)}


def airflow(home: Path) -> dict[str, str]:
    """What Airflow keeps: its whole metadata database by table (XCom and rendered templates among them) and its logs."""
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {f"airflow {name}": str(database.execute(f'SELECT * FROM "{name}"').fetchall()) for name in names}
    logs = "\n".join(path.read_text("utf-8", "replace") + str(path) for path in (home / "logs").rglob("*") if path.is_file())
    return {**tables, "airflow logs": logs}


def _texts(entries: list[dict[str, Any]], key: str) -> str:
    return "\n".join(str(entry.get(key, "")) for entry in entries)
