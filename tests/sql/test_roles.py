"""Who may do what, drawn as a table: each statement is tried as each login, for real."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
import sqlalchemy as sa

from monitors.database import Database, Role
from monitors.settings import Settings

APPLICATION = (Role.PIPELINE, Role.DELIVERY, Role.WEB, Role.READER, Role.PAGES)

STATEMENTS = {
    # what was received and judged: read by those who need it, added by the pipeline, overwritten by nobody
    "read results": "SELECT value FROM nephrowatch.results",
    "read subjects": "SELECT identifier FROM nephrowatch.subjects",
    "read raw rows": "SELECT raw FROM nephrowatch.quarantine",
    "read reasons": "SELECT reason FROM nephrowatch.quarantine",
    "read findings": "SELECT evidence FROM nephrowatch.findings",
    "read counts": "SELECT patients FROM nephrowatch.finding_counts",
    "read episodes": "SELECT state FROM nephrowatch.episodes",
    "add result": "INSERT INTO nephrowatch.results (id) VALUES (NULL)",
    "change result": "UPDATE nephrowatch.results SET value = 0",
    "delete result": "DELETE FROM nephrowatch.results",
    "empty results": "TRUNCATE nephrowatch.results CASCADE",
    "add batch": "INSERT INTO nephrowatch.batches VALUES (1, now(), 'test')",
    "change batch": "UPDATE nephrowatch.batches SET recorded_at = now()",
    "take batch": "UPDATE nephrowatch.batch_counter SET batch = batch + 1",
    "change finding": "UPDATE nephrowatch.findings SET outcome = 'clear'",
    "delete finding": "DELETE FROM nephrowatch.findings",
    "move frontier": "UPDATE nephrowatch.units SET judged_through = '2026-01-05'",
    "delete quarantine": "DELETE FROM nephrowatch.quarantine",
    # deciding
    "open episode": "INSERT INTO nephrowatch.episodes (episode_id) VALUES (NULL)",
    "change episode": "UPDATE nephrowatch.episodes SET state = 'resolved'",
    "re-date episode": "UPDATE nephrowatch.episodes SET opened_night = '2026-01-05'",
    "delete episode": "DELETE FROM nephrowatch.episodes",
    "rewrite change": "UPDATE nephrowatch.changes SET reason = ''",
    "delete change": "DELETE FROM nephrowatch.changes",
    # telling
    "queue message": "INSERT INTO nephrowatch.outbox (dedup_key) VALUES (NULL)",
    "claim message": "UPDATE nephrowatch.outbox SET state = 'claimed'",
    "re-word message": "UPDATE nephrowatch.outbox SET content = '{}'",
    "redirect message": "UPDATE nephrowatch.outbox SET destination = ''",
    "delete message": "DELETE FROM nephrowatch.outbox",
    "note attempt": "UPDATE nephrowatch.attempts SET outcome = 'delivered'",
    "delete attempt": "DELETE FROM nephrowatch.attempts",
    "tell": "INSERT INTO nephrowatch.told (outbox_id) VALUES (NULL)",
    "untell": "DELETE FROM nephrowatch.told",
    # people
    "act": "SELECT nephrowatch.act(0, 1, '2026-01-05', now(), 'take', 'taken', '', '', 'open', 'a', 'a', 'nurse', '', NULL, NULL,"
           " 'web')",
    "note opened": "SELECT nephrowatch.opened(0, now(), 'a', 'a', 'nurse', 'web')",
    "read actions": "SELECT reason FROM nephrowatch.human_actions",
    "add action": "INSERT INTO nephrowatch.human_actions (episode_id) VALUES (NULL)",
    "change action": "UPDATE nephrowatch.human_actions SET actor = 'another'",
    "delete action": "DELETE FROM nephrowatch.human_actions",
    "read presses": "SELECT outcome FROM nephrowatch.presses",
    "keep press": "INSERT INTO nephrowatch.presses (press_key) VALUES (NULL)",
    "change press": "UPDATE nephrowatch.presses SET outcome = 'taken'",
    "forget press": "DELETE FROM nephrowatch.presses",
    "add change": "INSERT INTO nephrowatch.changes (episode_id) VALUES (NULL)",
    "ask for silence": "INSERT INTO nephrowatch.silences (actor) VALUES (NULL)",
    "lengthen a silence": "UPDATE nephrowatch.silences SET ends_at = now()",
    "end a silence": "UPDATE nephrowatch.silences SET ended_at = now(), ended_by = 'a', ended_reason = 'b'",
    "withhold": "INSERT INTO nephrowatch.silenced (episode_id) VALUES (NULL)",
    "settle what was withheld": "UPDATE nephrowatch.silenced SET outcome = 'told'",
    "forget what was withheld": "DELETE FROM nephrowatch.silenced",
    # history
    "say anything": "SELECT * FROM history.append(ARRAY['test'], ARRAY['{}'])",
    "say what was sent": "SELECT * FROM history.append(ARRAY['delivery_delivered'], ARRAY['{}'])",
    "say what a person did": "SELECT * FROM history.append(ARRAY['episode_acknowledged'], ARRAY['{}'])",
    "say who looked": "SELECT * FROM history.append(ARRAY['page_read'], ARRAY['{}'])",
    "read signatures": "SELECT signature FROM history.signatures",
    "sign": "INSERT INTO history.signatures SELECT * FROM history.signatures",
    "strip signatures": "DELETE FROM history.signatures",
    "give oneself a voice": "UPDATE history.voices SET kinds = '.*'",
    "read ledger": "SELECT hash FROM history.ledger",
    "read bodies": "SELECT body FROM history.bodies",
    "insert into ledger": "INSERT INTO history.ledger SELECT * FROM history.ledger",
    "change ledger": "UPDATE history.ledger SET kind = 'other'",
    "delete from ledger": "DELETE FROM history.ledger",
    "empty ledger": "TRUNCATE history.ledger CASCADE",
    "insert body": "INSERT INTO history.bodies SELECT * FROM history.bodies",
    "change body": "UPDATE history.bodies SET body = ''",
    "delete body": "DELETE FROM history.bodies",
    "move head": "UPDATE history.head SET seq = 0",
    "disarm ledger": "ALTER TABLE history.ledger DISABLE TRIGGER ALL",
    "replace trigger":
        "CREATE OR REPLACE FUNCTION history.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "become its owner": "SET ROLE nephrowatch_ledger",
    "become migrator": "SET ROLE nephrowatch_migrator",
    # the house itself
    "drop table": "DROP TABLE nephrowatch.told",
    "alter table": "ALTER TABLE nephrowatch.results ADD COLUMN extra text",
    "create table": "CREATE TABLE nephrowatch.extra (x int)",
    "create in public": "CREATE TABLE public.extra (x int)",
    "create schema": "CREATE SCHEMA extra",
    "skip triggers": "SET session_replication_role = replica",
    "set revision": "UPDATE nephrowatch.alembic_version SET version_num = '0000'",
    "read revision": "SELECT version_num FROM nephrowatch.alembic_version",
    "make temp table": "CREATE TEMP TABLE scratch (x int)",
}  # fmt: skip

P, D, W, R, A = APPLICATION
ALLOWED: dict[str, set[Role]] = {  # every pair not drawn here is refused
    "read results": {P, W}, "read subjects": {P, W, A}, "read raw rows": {P, W}, "read reasons": {P, W, R},
    "read findings": {P, W, A}, "read counts": {P, W, R, A}, "read episodes": {P, D, W, R, A},
    "add result": {P}, "add batch": {P}, "take batch": {P}, "move frontier": {P},
    "open episode": {P}, "change episode": {P}, "add change": {P},
    "act": {P, D, W}, "note opened": {P, D, W}, "read actions": {P, D, W, R, A},
    "read presses": {P, D, W}, "keep press": {D},
    "ask for silence": {P}, "end a silence": {P}, "withhold": {P}, "settle what was withheld": {P, D},
    "queue message": {P, D, W}, "claim message": {D}, "note attempt": {D}, "tell": {D},
    "say anything": {P}, "say what was sent": {P, D}, "say what a person did": {P, D, W}, "say who looked": {P, A},
    "read signatures": {P, D, W, R}, "read ledger": {P, D, W, R, A}, "read bodies": {P, W},
    "read revision": {P, D, W, R, A}, "make temp table": {P},
}  # fmt: skip
# Past the gate of rights these meet a constraint, which shows the right as well as success would.
NULL_REFUSED = {"add result", "open episode", "add change", "queue message", "tell", "keep press", "ask for silence", "withhold"}


def test_the_table_names_only_statements_that_exist() -> None:
    assert set(ALLOWED) | NULL_REFUSED <= set(STATEMENTS)


@pytest.mark.parametrize("role", APPLICATION)
def test_each_login_may_do_what_is_drawn_and_nothing_else(database: Database, role: Role) -> None:
    answers = {what: _try(database, role, what) for what in STATEMENTS}
    assert answers == {what: "allowed" if role in ALLOWED.get(what, ()) else "refused" for what in STATEMENTS}


def _try(database: Database, role: Role, what: str) -> str:
    try:
        with database.begin(role) as connection:
            connection.execute(sa.text(STATEMENTS[what]))
            connection.rollback()
    except sa.exc.IntegrityError:
        return "allowed" if what in NULL_REFUSED else "broke a constraint"
    except sa.exc.ProgrammingError as problem:
        if not isinstance(problem.orig, psycopg.errors.InsufficientPrivilege):
            raise
        return "refused"
    return "allowed"


def test_what_a_login_may_read_it_cannot_pass_on(database: Database, settings: Settings) -> None:
    with database.begin(Role.PIPELINE) as connection:  # PostgreSQL warns, and grants nothing
        connection.execute(sa.text("GRANT SELECT ON nephrowatch.results TO nephrowatch_reader, PUBLIC"))
    readable = "SELECT has_table_privilege('nephrowatch_reader', 'nephrowatch.results', 'SELECT')"
    assert _ask(settings, readable) == [(False,)]


def test_nobody_logs_in_as_the_owner_of_the_ledger(settings: Settings) -> None:
    as_owner = sa.make_url(settings.database_url or "").set(username="nephrowatch_ledger")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(as_owner.render_as_string(hide_password=False))
    assert _ask(
        settings, "SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = 'nephrowatch_ledger'"
    ) == [(False, False)]


@pytest.mark.parametrize("statement", [
    "UPDATE history.ledger SET kind = 'other'", "DELETE FROM history.ledger",
    "TRUNCATE history.ledger CASCADE", "UPDATE history.bodies SET body = ''",
    "DELETE FROM history.bodies", "TRUNCATE history.bodies",
])  # fmt: skip
def test_the_ledgers_triggers_stop_even_a_superuser(
    database: Database, settings: Settings, statement: str
) -> None:
    _append(database, Role.PIPELINE)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        _ask(settings, statement)


def test_the_migrator_inherits_nothing_from_the_ledgers_owner(database: Database) -> None:
    assert _refused_to_migrator(database, "SELECT * FROM history.ledger")
    assert _refused_to_migrator(database, "DROP TABLE history.bodies")
    with database.begin(Role.MIGRATOR) as connection:
        connection.execute(sa.text("SET LOCAL ROLE nephrowatch_ledger"))
        assert connection.scalar(sa.text("SELECT count(*) FROM history.ledger")) == 0


def _refused_to_migrator(database: Database, statement: str) -> bool:
    with pytest.raises(sa.exc.ProgrammingError) as caught, database.begin(Role.MIGRATOR) as connection:
        connection.execute(sa.text(statement))
    return isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)


def test_no_application_role_owns_anything_or_belongs_to_another(settings: Settings) -> None:
    names = [role.value for role in APPLICATION]
    assert _ask(settings, "SELECT * FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid "
                "WHERE d.deptype = 'o' AND r.rolname = ANY(%s)", names) == []  # fmt: skip
    assert (
        _ask(
            settings,
            "SELECT * FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = ANY(%s)",
            names,
        )
        == []
    )


def test_the_ledger_and_nothing_else_belongs_to_its_owner(settings: Settings) -> None:
    owned = _ask(
        settings,
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND pg_get_userbyid(c.relowner) = 'nephrowatch_ledger' ORDER BY 1",
    )
    tables = ("bodies", "head", "ledger", "signatures", "voices")
    assert owned == [(f"history.{table}",) for table in tables]


@pytest.mark.parametrize("role", [Role.PIPELINE, Role.DELIVERY])
def test_an_entry_is_signed_with_the_login_that_appended_it(
    database: Database, settings: Settings, role: Role
) -> None:
    assert _append(database, role, 2) == [1, 2]
    assert _ask(settings, "SELECT seq, recorded_by FROM history.ledger ORDER BY seq") == [
        (1, role),
        (2, role),
    ]


def test_an_append_waits_for_the_disk_though_the_session_does_not(database: Database) -> None:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
        connection.execute(sa.text(STATEMENTS["say what was sent"]))
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "on"


def test_a_rolled_back_append_leaves_no_gap(database: Database) -> None:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(STATEMENTS["say what was sent"]))
        connection.rollback()
    assert _append(database, Role.DELIVERY) == [1]


def _append(database: Database, role: Role, entries: int = 1) -> list[int]:
    with database.begin(role) as connection:
        appended = connection.execute(
            sa.text("SELECT seq FROM history.append(CAST(:kinds AS text[]), CAST(:texts AS text[]))"),
            {"kinds": ["delivery_test"] * entries, "texts": ["{}"] * entries},
        )
        return [seq for (seq,) in appended]


def _ask(settings: Settings, statement: str, *parameters: object) -> list[tuple]:
    """As the superuser."""
    with closing(psycopg.connect(settings.database_url or "", autocommit=True)) as connection:
        cursor = connection.execute(statement, parameters or None)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []
