"""Every attack on the history, and what finds it, as a table. The attacker is the database's superuser.

chain         the ledger recomputed inside the database, nothing else at hand
signatures    the same with the public key of the writing service, whose private key is not in the database
checkpoints   held against the signed checkpoints kept in places outside the database
earlier       the attacker rewrote those places as well as he could; the auditor has one older checkpoint of his own
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from monitors.database import Database, Role
from monitors.history import checkpoint, keys, ledger
from monitors.history import nephrowatch_verify as checks
from monitors.settings import Settings

ENTRIES, SEALED, AUDITED = 24, (8, 16), 8  # the last eight are younger than the newest checkpoint
Run = Callable[[str], object]
ORIGIN = "nephrowatch.example/nephrowatch-history"

# Rebuilds every hash from entry :from on, as an attacker who knows the formula would, and the head with it.
REBUILD = """
DO $$
DECLARE
    one record; before bytea; promise bytea;
BEGIN
    SELECT coalesce((SELECT hash FROM history.ledger WHERE seq < {start} ORDER BY seq DESC LIMIT 1),
                    sha256('nephrowatch/ledger/v1|genesis'::bytea)) INTO before;
    FOR one IN SELECT l.*, b.salt, b.body FROM history.ledger l LEFT JOIN history.bodies b USING (seq) WHERE seq >= {start}
               ORDER BY seq LOOP
        promise := coalesce(sha256(one.salt || one.body), one.commitment);
        UPDATE history.ledger SET previous = before, commitment = promise, hash = sha256(convert_to(
            'nephrowatch/ledger/v1|' || one.seq || '|' || one.kind || '|'
            || (extract(epoch FROM one.recorded_at) * 1000000)::bigint || '|' || one.recorded_by || '|'
            || encode(promise, 'hex') || '|' || encode(before, 'hex'), 'UTF8'))
        WHERE seq = one.seq RETURNING hash INTO before;
    END LOOP;
    UPDATE history.head SET seq = (SELECT coalesce(max(seq), 0) FROM history.ledger), hash = before;
END $$
"""
EDIT = "UPDATE history.bodies SET body = '{{\"n\":999}}' WHERE seq = {0}"
TABLES = ("signatures", "bodies", "ledger")
DROP = "; ".join(f"DELETE FROM history.{table} WHERE seq {{0}}" for table in TABLES)
RENUMBER = "; ".join(f"UPDATE history.{table} SET seq = seq - 1 WHERE seq > {{0}}" for table in TABLES)
MAKE_ROOM = "; ".join(
    f"UPDATE history.{table} SET seq = -seq WHERE seq >= {{0}}; UPDATE history.{table} SET seq = 1 - seq WHERE seq < 0"
    for table in TABLES
)
SWAP = "; ".join(
    f"UPDATE history.{table} SET seq = -{{0}} WHERE seq = {{0}}; UPDATE history.{table} SET seq = {{0}} WHERE seq = {{1}};"
    f" UPDATE history.{table} SET seq = {{1}} WHERE seq = -{{0}}"
    for table in TABLES
)
FORGE = """INSERT INTO history.ledger SELECT {0}, 'delivery_forged', recorded_at, 'nephrowatch_delivery',
    sha256('salt'::bytea || '{{}}'::bytea), hash, hash FROM history.ledger WHERE seq = {1};
INSERT INTO history.bodies VALUES ({0}, 'salt', '{{}}')"""

FRESH = """INSERT INTO history.ledger SELECT 1, 'delivery_forged', now(), 'nephrowatch_delivery',
    sha256('salt'::bytea || '{}'::bytea), hash, hash FROM history.head;
INSERT INTO history.bodies VALUES (1, 'salt', '{}')"""
REPEAT = """INSERT INTO history.ledger SELECT 25, kind, (SELECT max(recorded_at) FROM history.ledger), recorded_by, commitment,
    previous, hash FROM history.ledger WHERE seq = 3;
INSERT INTO history.bodies SELECT 25, salt, body FROM history.bodies WHERE seq = 3;
INSERT INTO history.signatures SELECT 25, key, signature FROM history.signatures WHERE seq = 3"""


def rebuild(start: int) -> str:
    return REBUILD.format(start=start)


ATTACKS: dict[str, list[str]] = {
    "edit one entry": [EDIT.format(5)],
    "edit, rebuild all that follows": [EDIT.format(5), rebuild(5)],
    "delete in the middle": [DROP.format("= 5")],
    "delete, renumber, rebuild": [DROP.format("= 5"), RENUMBER.format(5), rebuild(5)],
    "swap two": [SWAP.format(5, 6)],
    "swap two, rebuild": [SWAP.format(5, 6), rebuild(5)],
    "insert in the middle, rebuild": [MAKE_ROOM.format(5), FORGE.format(5, 4), rebuild(5)],
    "back-date, rebuild": ["UPDATE history.ledger SET recorded_at = recorded_at - interval '1 day' WHERE seq = 5", rebuild(5)],
    "take one body away": ["DELETE FROM history.bodies WHERE seq = 5"],
    "drop the tail": [DROP.format("> 12")],
    "drop the tail, mend the head": [DROP.format("> 12"), rebuild(12)],
    "drop what no checkpoint covers": [DROP.format("> 16"), rebuild(16)],
    "wipe and start again": [DROP.format("> 0"), FRESH, rebuild(1)],
    "forge a new entry at the end": [FORGE.format(25, 24), rebuild(25)],
    "strip every signature": ["DELETE FROM history.signatures"],
    "strip the signatures of the tail": ["DELETE FROM history.signatures WHERE seq > 20"],
    "repeat an earlier entry at the end": [
        REPEAT, rebuild(25)],
}  # fmt: skip
FOUND, MISSED = "found", "missed"
# As the reference predicts, or better. Columns: chain, signatures, checkpoints (with signatures), an auditor's earlier one alone.
EXPECTED = {
    "edit one entry": (FOUND, FOUND, FOUND, FOUND),
    "edit, rebuild all that follows": (MISSED, FOUND, FOUND, FOUND),
    "delete in the middle": (FOUND, FOUND, FOUND, FOUND),
    "delete, renumber, rebuild": (MISSED, MISSED, FOUND, FOUND),
    "swap two": (FOUND, FOUND, FOUND, FOUND),
    "swap two, rebuild": (FOUND, FOUND, FOUND, FOUND),
    "insert in the middle, rebuild": (MISSED, FOUND, FOUND, FOUND),
    "back-date, rebuild": (FOUND, FOUND, FOUND, FOUND),
    "take one body away": (FOUND, FOUND, FOUND, FOUND),
    "drop the tail": (FOUND, FOUND, FOUND, FOUND),
    "drop the tail, mend the head": (MISSED, MISSED, FOUND, MISSED),
    "drop what no checkpoint covers": (MISSED, MISSED, MISSED, MISSED),
    "wipe and start again": (MISSED, FOUND, FOUND, FOUND),
    "forge a new entry at the end": (MISSED, FOUND, FOUND, MISSED),
    "strip every signature": (MISSED, FOUND, FOUND, MISSED),
    "strip the signatures of the tail": (MISSED, FOUND, FOUND, MISSED),
    "repeat an earlier entry at the end": (FOUND, FOUND, FOUND, FOUND),
}


@dataclass
class House:
    """A signed ledger of 24 entries and its checkpoints, which the attacker has not seen the keys of."""

    db: Database
    run: Run
    known: checks.Keys
    notes: list[checks.Checkpoint]

    def looked(self) -> tuple[str, str, str, str]:
        audited = [one for one in self.notes if one.size == AUDITED]
        tries = [((), None), ((), self.known), (self.notes, self.known), (audited, None)]
        with self.db.begin(Role.WEB) as connection:
            answers = [ledger.verify(connection, notes, known).first_bad for notes, known in tries]
        return tuple(MISSED if answer is None else FOUND for answer in answers)  # type: ignore[return-value]


@pytest.fixture
def house(database: Database, settings: Settings, tmp_path: Path) -> Iterator[House]:
    writer, sealer = keys.make(settings, keys.WRITER), keys.make(settings, keys.CHECKPOINT)
    database.signer = writer
    known = checks.Keys([writer.line, sealer.line])
    notes = []
    for number in range(1, ENTRIES + 1):
        with database.begin(Role.DELIVERY) as connection:
            ledger.append(connection, [("delivery_done", {"n": number})])
            if number in SEALED:
                size, text = checkpoint.take(connection, ORIGIN, sealer, notes)
                assert size == number
                notes.append(checks.parse_note(text, known))
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield House(database, connection.execute, known, notes)  # type: ignore[arg-type]


def test_untouched_it_verifies_every_way(house: House) -> None:
    assert house.looked() == (MISSED,) * 4


def test_the_table(house: House, show: Callable[[str], None]) -> None:
    """Each attack on the same history, put back after it."""
    assert set(EXPECTED) == set(ATTACKS)
    house.run("CREATE TABLE public.l AS TABLE history.ledger")
    house.run("CREATE TABLE public.b AS TABLE history.bodies")
    house.run("CREATE TABLE public.s AS TABLE history.signatures")
    house.run("CREATE TABLE public.h AS TABLE history.head")
    found = {}
    for name, statements in ATTACKS.items():
        for statement in statements:
            house.run(statement)
        found[name] = house.looked()
        house.run("TRUNCATE history.signatures, history.bodies, history.ledger, history.head")
        for table, kept in (("ledger", "l"), ("bodies", "b"), ("signatures", "s"), ("head", "h")):
            house.run(f"INSERT INTO history.{table} SELECT * FROM public.{kept}")
    width = max(map(len, found))
    lines = [f"{'attack':{width}}  chain   signatures  checkpoints  earlier one of the auditor's"]
    lines += [f"{name:{width}}  {row[0]:6}  {row[1]:10}  {row[2]:11}  {row[3]}" for name, row in found.items()]
    show("\n".join(lines))
    assert found == EXPECTED


def exported(house: House) -> list[str]:
    with house.db.begin(Role.WEB) as connection:
        return [ledger.line(entry) for entry in ledger.stored_entries(connection)]


def test_any_flipped_byte_of_any_column_is_found(house: House) -> None:
    """Exhaustively over three entries: each column, each byte, each to another value."""
    rows = [json.loads(line) for line in exported(house)]

    def damaged(rows: list[dict[str, object]]) -> bool:
        try:
            entries = [checks.from_line(json.dumps(row)) for row in rows]
        except ValueError:
            return True
        return not checks.examine(entries, house.notes, house.known).good

    assert not damaged(rows)
    flips = 0
    for place in (0, 11, 23):
        for column, value in rows[place].items():
            others: list[object] = []
            if isinstance(value, int):
                others = [value + 1, value - 1, -value]
            elif column in ("kind", "by", "key"):
                others = [value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] for at in range(len(value))]
            elif column == "body":
                others = [value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :] for at in range(len(value) - 2)]
            else:
                others = [value[:at] + f"{int(value[at], 16) ^ 1:x}" + value[at + 1 :] for at in range(len(value))]
            for other in [*others, None]:
                changed = [dict(row) for row in rows]
                changed[place][column] = other
                assert damaged(changed), (place, column, other)
                flips += 1
    assert flips > 1000


def test_an_erased_body_that_an_erasure_names_is_counted_and_verifies(house: House) -> None:
    house.run("DELETE FROM history.bodies WHERE seq = 5")
    assert house.looked() == (FOUND,) * 4
    with house.db.begin(Role.PIPELINE) as connection:
        ledger.append(connection, [("patient_erased", {"entries": [5]})])
    assert house.looked() == (MISSED,) * 4
    with house.db.begin(Role.WEB) as connection:
        assert ledger.verify(connection, house.notes, house.known).erased == 1
