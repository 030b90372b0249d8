"""The ledger verifies; whoever changes a byte of it is found; nobody gets around its one door."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone

import psycopg
import pytest

from monitors.database import Database, Role, sql
from monitors.history import ledger
from monitors.records import Severity
from monitors.settings import Settings

KINDS = ["first", "second", "delivery_third", "delivery_fourth", "delivery_fifth"]
BODY = {"night": date(2026, 4, 15), "value": 6.8, "who": "Unit Ä", "list": [1, None, True]}


@pytest.fixture
def owner(settings: Settings) -> Iterator[psycopg.Connection]:
    """A superuser with triggers out of the way: the attacker of the tests."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.fixture
def five(database: Database) -> Database:
    """A ledger of five entries from two transactions."""
    with database.begin(Role.PIPELINE) as connection:
        ledger.append(connection, [("first", BODY), ("second", {"n": 2})])
    with database.begin(Role.DELIVERY) as connection:
        ledger.append(connection, [("delivery_third", {"n": 3}), ("delivery_fourth", {"n": 4}), ("delivery_fifth", {"n": 5})])
    return database


def verified(database: Database) -> ledger.Verification:
    with database.begin(Role.WEB) as connection:
        return ledger.verify(connection)


def test_an_empty_ledger_verifies(database: Database) -> None:
    assert verified(database) == ledger.Verification(0, 0, ledger.GENESIS.hex(), None)


def test_entries_come_back_in_order_and_the_chain_verifies(five: Database) -> None:
    with five.begin(Role.WEB) as connection:
        found = list(ledger.entries(connection))
        fourth = list(ledger.entries(connection, after=2, kind="delivery_fourth"))
    assert [(e.seq, e.kind) for e in found] == list(enumerate(KINDS, 1))
    assert {e.recorded_by for e in found} == {"nephrowatch_pipeline", "nephrowatch_delivery"}
    assert found[0].body == {"night": "2026-04-15", "value": "6.8", "who": "Unit Ä", "list": [1, None, True]}
    assert [e.body for e in fourth] == [{"n": 4}]
    result = verified(five)
    assert (result.entries, result.head_seq, result.first_bad) == (5, 5, None)
    assert result.head_hash == found[-1].hash.hex()


def test_append_returns_a_receipt_that_stands_in_the_ledger(database: Database) -> None:
    with database.begin(Role.PIPELINE) as connection:
        assert ledger.append(connection, []) == []
        receipts = ledger.append(connection, [("one", {}), ("two", {})])
        assert receipts == [(e.seq, e.hash) for e in ledger.entries(connection)]


def test_a_rolled_back_append_leaves_no_gap(five: Database) -> None:
    with five.begin(Role.PIPELINE) as connection:
        ledger.append(connection, [("never", {})])
        connection.rollback()
    with five.begin(Role.PIPELINE) as connection:
        assert ledger.append(connection, [("sixth", {})])[0][0] == 6
    assert verified(five).first_bad is None


SWAPPED = """
UPDATE history.bodies b SET salt = o.salt, body = o.body FROM history.bodies o WHERE b.seq = 2 AND o.seq = 3
"""
DOUBLED = """
INSERT INTO history.ledger
SELECT 6, kind, recorded_at, recorded_by, commitment, previous, hash FROM history.ledger WHERE seq = 5
"""
CHANGES = [
    ("UPDATE history.ledger SET kind = 'thirc' WHERE seq = 3", 3),
    ("UPDATE history.ledger SET recorded_at = recorded_at + interval '1 microsecond' WHERE seq = 3", 3),
    ("UPDATE history.ledger SET recorded_by = recorded_by || 'x' WHERE seq = 3", 3),
    ("UPDATE history.ledger SET seq = 30 WHERE seq = 3", 3),
    ("UPDATE history.bodies SET seq = 30 WHERE seq = 3", 3),
    ("DELETE FROM history.ledger WHERE seq = 3", 3),
    ("DELETE FROM history.ledger WHERE seq = 5", 5),
    ("DELETE FROM history.ledger", 1),
    ("UPDATE history.head SET seq = 4", 4),
    ("UPDATE history.head SET seq = 6", 6),
    ("DELETE FROM history.head", 0),
    (SWAPPED, 2),
    (DOUBLED, 6),
]


@pytest.mark.parametrize(("statement", "place"), CHANGES)
def test_a_change_is_found_where_it_was_made(
    five: Database, owner: psycopg.Connection, statement: str, place: int
) -> None:
    owner.execute(statement)  # type: ignore[arg-type]
    bad = verified(five).first_bad
    assert bad is not None
    assert bad[0] == place


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("ledger", "commitment"), ("ledger", "previous"), ("ledger", "hash"),
        ("bodies", "salt"), ("bodies", "body"), ("head", "hash"),
    ],
)  # fmt: skip
def test_any_flipped_byte_is_found(
    five: Database, owner: psycopg.Connection, table: str, column: str
) -> None:
    rows = owner.execute(f"SELECT seq, length({column}) FROM history.{table} ORDER BY seq").fetchall()
    for seq, length in rows:
        for place in {0, length // 2, length - 1}:
            flip = (
                f"UPDATE history.{table} SET {column} = "
                f"set_byte({column}, {place}, get_byte({column}, {place}) # 1) WHERE seq = {seq}"
            )
            owner.execute(flip)
            assert verified(five).first_bad is not None, (table, column, seq, place)
            owner.execute(flip)
    assert verified(five).first_bad is None


def test_a_rebuilt_chain_is_found_only_by_a_head_kept_elsewhere(
    five: Database, owner: psycopg.Connection
) -> None:
    """The stated limit: who can rewrite everything can make the chain agree with itself."""
    kept = verified(five).head_hash
    owner.execute("DELETE FROM history.bodies WHERE seq = 5")
    owner.execute("DELETE FROM history.ledger WHERE seq = 5")
    owner.execute("UPDATE history.head h SET seq = 4, hash = l.hash FROM history.ledger l WHERE l.seq = 4")
    found = verified(five)
    assert found.first_bad is None
    assert found.head_hash != kept


def test_an_erased_body_leaves_a_chain_that_verifies(five: Database, owner: psycopg.Connection) -> None:
    with five.begin(Role.PIPELINE) as connection:
        assert connection.execute(sql("erase/bodies"), {"entries": [2]}).scalar_one() == 1
        ledger.append(connection, [("patient_erased", {"entries": [2]})])
    found = verified(five)
    assert (found.first_bad, found.erased, found.entries) == (None, 1, 6)
    with five.begin(Role.WEB) as connection:
        assert next(ledger.entries(connection, after=1)).body is None


def test_eight_writers_at_once_leave_one_gapless_chain(database: Database) -> None:
    def write(worker: int) -> None:
        for number in range(6):
            with database.begin(Role.PIPELINE) as connection:
                entry = ("written", {"worker": worker, "n": number})
                ledger.append(connection, [entry, entry])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    found = verified(database)
    assert (found.entries, found.head_seq, found.first_bad) == (96, 96, None)


FORBIDDEN = [
    "INSERT INTO history.ledger VALUES (9, 'forged', now(), 'me', '\\x00', '\\x00', '\\x00')",
    "UPDATE history.ledger SET kind = 'forged'",
    "DELETE FROM history.ledger",
    "TRUNCATE history.ledger CASCADE",
    "UPDATE history.bodies SET body = '\\x00'",
    "DELETE FROM history.bodies",
    "UPDATE history.head SET seq = 0",
    "ALTER TABLE history.ledger DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "SET ROLE nephrowatch_ledger",
]


@pytest.mark.parametrize("role", [Role.PIPELINE, Role.DELIVERY, Role.WEB, Role.READER])
def test_no_login_of_the_application_gets_around_append(five: Database, role: Role) -> None:
    with psycopg.connect(five.url(role), autocommit=True) as connection:
        for statement in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[arg-type]
    assert verified(five).first_bad is None


def test_who_only_reads_may_not_append(five: Database) -> None:
    """The web login appends what people do (acknowledge, dismiss); a reader has nothing to say."""
    with psycopg.connect(five.url(Role.READER)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM history.append(ARRAY['forged'], ARRAY['{}'])")


def test_even_the_superuser_is_refused_while_the_triggers_stand(five: Database, settings: Settings) -> None:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        for statement in [*FORBIDDEN[1:3], "TRUNCATE history.bodies", "TRUNCATE history.ledger CASCADE"]:
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                connection.execute(statement)  # type: ignore[arg-type]


def test_a_body_has_one_text() -> None:
    summer = timezone(timedelta(hours=1))
    body = {"b": datetime(2026, 4, 15, 4, 0, 0, 5, summer), "a": {"z": 0.1, "y": Severity.HIGH}, "c": ("ü",)}
    text = '{"a":{"y":"HIGH","z":"0.1"},"b":"2026-04-15T03:00:00.000005Z","c":["ü"]}'
    assert ledger.canonical(body) == text
    assert ledger.canonical(json.loads(ledger.canonical(body))) == ledger.canonical(body)


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot hold a bytes"):
        ledger.canonical({"raw": b"\x00"})
    with pytest.raises(ValueError, match="no time zone"):
        ledger.canonical({"at": datetime(2026, 4, 15)})  # noqa: DTZ001  (the point of the test)


def test_the_genesis_hash_names_the_ledger() -> None:
    assert hashlib.sha256(b"nephrowatch/ledger/v1|genesis").digest() == ledger.GENESIS
