"""Tiny builders for delivery tests: content, messages, a configuration, outbox rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from monitors.config import Config, EmailDestination, Routes, Site, SlackDestination
from monitors.database import Database, Role
from monitors.delivery import outbox, storms
from monitors.delivery.message import Message, render
from monitors.settings import Settings, settings_from

NIGHT = date(2026, 4, 15)
NOW = datetime(2026, 4, 15, 6, 30, tzinfo=UTC)

SITE = Site.model_validate({
    "name": "Example Renal Network", "link": "https://nephrowatch.example/a/",
    "mail_domain": "nephrowatch.example", "storm_limit": 1_000_000,
    "units": [{"code": "N3", "name": "North Unit", "zone": "Europe/London"}],
})  # fmt: skip

ALERT: dict[str, Any] = {
    "ref": "NW-4F7K-2", "unit": "N3", "unit_name": "North Unit", "zone": "Europe/London", "severity": "HIGH",
    "group": "phosphate", "change_kind": "worsened", "reason": "severity_up",
    "reason_sentence": "WARNING became HIGH.", "owner": "nephrologist",
    "rules": [{"id": "R01", "version": 1, "title": "High phosphate", "review": "none (draft)"}],
    "acknowledge_by": "2026-04-15T16:00:00Z", "newest_result_at": "2026-04-14T13:30:00Z",
    "as_of": "2026-04-15T03:00:00Z", "not_assessed": 4, "active": 96, "late": False, "limbs": {"R01": "HIGH"},
}  # fmt: skip

DIGEST: dict[str, Any] = {
    "unit": "N3", "unit_name": "North Unit", "zone": "Europe/London", "night": "2026-04-15",
    "active": 96, "open": 7,
    "sections": [
        {"code": "needs_a_look", "title": "Needs a look today", "episodes": 2,
         "lines": [{"severity": "CRITICAL", "group": "phosphate", "episodes": 1},
                   {"severity": "HIGH", "group": "pth", "episodes": 1}]},
        {"code": "new", "title": "New since yesterday", "episodes": 0, "lines": []},
    ],
    "not_assessed": [{"group": "pth", "reason": "no_recent:pth", "patients": 4}], "assessed": {"pth": 92},
    "overdue": 4, "oldest_input": "2026-02-02T07:00:00Z", "newest_input": "2026-04-14T13:30:00Z",
    "feeds": {"held": 1},
    "silent": [{"feed": "n3-labs", "alarm": "late", "since": "2026-04-14T02:00:00Z", "newest_input": "2026-04-12T02:00:00Z",
                "overdue": 31}],
    "unverified": [{"analyte": "phosphate", "direction": "high", "results": 2, "refs": [12, 15]}],
    "held": {"too_many_bad": 1},
    "withheld": [{"reason": "inhibited:calciphylaxis-first", "episodes": 2}],
    "silences": [{"silence": 7, "until": "2026-04-17T08:00:00Z", "rules": ["R01"], "groups": [], "destinations": ["n3-slack"],
                  "episodes": 4}],
}  # fmt: skip

UNVERIFIED: dict[str, Any] = {
    "unit": "N3", "unit_name": "North Unit", "zone": "Europe/London", "severity": "CRITICAL", "file": 7, "feed": "n3-labs",
    "results": 3, "late": False, "refs": [12, 13, 15], "reasons": {"missing_unit": 2, "unit_flip": 1},
    "counts": [{"analyte": "calcium", "direction": "low", "results": 1},
               {"analyte": "phosphate", "direction": "high", "results": 2}],
    "acknowledge_by": "2026-04-15T07:30:00Z", "oldest_sample": "2026-04-14T13:30:00Z",
    "newest_sample": "2026-04-14T18:00:00Z",
}  # fmt: skip

HELD: dict[str, Any] = {
    "reason": "too_many_bad", "feed": "n3-labs", "file": 7, "state": "held", "rows": 212, "criticals": 3,
    "unit": "N3", "unit_name": "North Unit", "zone": "Europe/London",
}  # fmt: skip

ALARM: dict[str, Any] = {
    "feed": "n3-labs", "unit": None, "alarm": "late", "raised_at": "2026-04-15T02:00:00Z", "hours": 36, "min_rows": 1,
    "rows": 0, "newest_input": "2026-04-13T02:00:00Z",
}  # fmt: skip

STORM: dict[str, Any] = storms.told(
    [("HIGH", ALERT)] * 204 + [("HIGH", ALERT | {"group": "pth", "owner": "anaemia and bone nurse"})] * 61
    + [("WARNING", ALERT)] * 35, 20) | {"bundle": "storm/N3/2026-04-15/slack/1"}  # fmt: skip

OPERATIONS: dict[str, Any] = {
    "reason": "wrong_columns",
    "feed": "n3-labs",
    "file": "EXAMPLE.csv",
    "sentence": "x",
}

CONTENTS = {
    "alert": ALERT,
    "withdrawn": ALERT | {"change_kind": "retracted", "acknowledge_by": None},
    "handed_over": ALERT | {"change_kind": "handed_over"},
    "storm": STORM,
    "silence_over": storms.told([("HIGH", ALERT)] * 3 + [("HIGH", ALERT | {"group": "pth"})], 0) | {"silences": [7]},
    "unfinished": {"unit": "N3", "unit_name": "North Unit", "zone": "Europe/London", "due": "2026-04-15T05:00:00Z",
                   "newest_night": "2026-04-14"},
    "digest": DIGEST,
    "operations": OPERATIONS,
    "unverified": UNVERIFIED,
    "held": HELD,
    "alarm": ALARM,
    "trial": {"actor": "A. Example", "asked_at": "2026-04-15T06:29:00Z"},
    "alarm_cleared": ALARM | {"why": "arrived"},
}


def message(kind: str = "alert", channel: str = "slack", /, **changed: Any) -> Message:
    marks = {name: changed.pop(name) for name in ("possible_repeat", "detail", "picture", "pressable") if name in changed}
    return render(kind, CONTENTS[changed.get("of", kind)] | changed, SITE, channel, "d-1", now=NOW, **marks)


def everything(message: Message) -> str:
    """All that anybody is shown, in one text."""
    return "\n".join([message.subject, message.text, message.html, str(message.blocks), str(message.labels)])


def slack_to(api_url: str) -> SlackDestination:
    return SlackDestination(kind="slack", channel="C0TEST", api_url=api_url)


def mail_to(port: int, **changed: Any) -> EmailDestination:
    return EmailDestination.model_validate({
        "kind": "email", "to": "team@renal.example", "sender": "nephrowatch@renal.example",
        "host": "127.0.0.1", "port": port, "tls": "none", **changed,
    })  # fmt: skip


def config(slack: str = "http://127.0.0.1:9/api/", smtp: int = 9, channels: int = 1) -> Config:
    """Only what delivery reads: the site and the routes. channels: more than one makes slack0, slack1, ... as well."""
    mail = mail_to(smtp).model_dump()
    more = {f"slack{n}": slack_to(slack).model_dump() | {"channel": f"C0TEST{n}"} for n in range(channels if channels > 1 else 0)}
    routes = Routes.model_validate({
        "destinations": {
            **more,
            "slack": slack_to(slack).model_dump(), "mail": mail, "ops": mail | {"to": "ops@renal.example"},
        },
        "routes": [{"to": ["slack", "mail"]}, {"to": ["ops"], "messages": ["operations"]}],
    })  # fmt: skip
    return Config.model_construct(site=SITE, routes=routes)


def with_token(settings: Settings) -> Settings:
    return settings_from({**settings.environment, "SLACK_BOT_TOKEN": "xoxb-test"})


def episode(database: Database, number: int = 1) -> int:
    """A minimal episode for outbox rows to belong to."""
    statements = (
        "INSERT INTO nephrowatch.batches VALUES (1, :now, 'test') ON CONFLICT DO NOTHING",
        """INSERT INTO nephrowatch.units VALUES ('N3', 'North Unit', 'Europe/London', '04:00')
           ON CONFLICT DO NOTHING""",
        """INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, batch)
           VALUES (:n, 'TEST', :ref, 1)""",
        """INSERT INTO nephrowatch.episodes (episode_id, ref, patient_id, cause_group, unit, state, severity,
               opened_night, changed_night)
           VALUES (:n, :ref, :n, 'phosphate', 'N3', 'open', 'HIGH', :night, :night)""",
    )
    with database.begin(Role.PIPELINE) as connection:
        for statement in statements:
            values = {"n": number, "ref": f"NW-{number}", "now": NOW, "night": NIGHT}
            connection.execute(sa.text(statement), values)
    return number


def queue(
    database: Database, key: str, *, kind: str = "alert", destination: str = "slack",
    severity: str | None = "HIGH", episode_id: int | None = None, now: datetime = NOW,
) -> None:  # fmt: skip
    """One message into the outbox."""
    with database.begin(Role.PIPELINE) as connection:
        assert outbox.enqueue(
            connection, dedup_key=key, kind=kind, destination=destination, severity=severity, unit="N3",
            night=NIGHT, episode_id=episode_id, change_seq=1, content=CONTENTS[kind] | {"ref": key}, now=now,
        )  # fmt: skip


def rows(database: Database, statement: str) -> list[Any]:
    with database.begin(Role.WEB) as connection:
        return [row._mapping for row in connection.execute(sa.text(statement))]


def states(database: Database) -> dict[str, str]:
    return {
        r["dedup_key"]: r["state"] for r in rows(database, "SELECT dedup_key, state FROM nephrowatch.outbox")
    }


def ledger_kinds(database: Database) -> list[str]:
    return [row["kind"] for row in rows(database, "SELECT kind FROM history.ledger ORDER BY seq")]


def later(minutes: float, start: datetime = NOW) -> datetime:
    return start + timedelta(minutes=minutes)
