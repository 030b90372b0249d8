"""Ten made-up years of a site, written straight into its tables by set-based statements: what benchmarks/web.py asks for.

Everything is drawn from one seed. For 10,000 patients: 3,650 nights, 9.7 M versions of results, 80,000 episodes with 400,000
changes, 160,000 messages, 300,000 looks at pages, 1,000,000 ledger entries (appended by history.append itself, so they
verify). Standings and findings are kept for the last 30 nights only, counts of findings for all of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from monitors.config import Config
from monitors.database import Database, Role

NIGHTS, MONTHS, KEPT = 3650, 120, 30
EPISODES, LOOKS, ENTRIES = 8, 30, 100  # of a patient, in ten years
RULES = ("R01", "R05")  # of two cause groups: each patient's two raised findings on the night that is reconciled
EVIDENCE = """jsonb_build_array(jsonb_build_object('analyte', 'phosphate', 'value', 6.9, 'unit', 'mg/dL', 'comparator', '',
    'collected_at', '2026-01-01T07:00:00Z', 'result_id', {id}, 'role', 'latest', 'derived_from', '[]'::jsonb))"""
LIMBS = """jsonb_build_object(CASE e % 2 WHEN 0 THEN 'R01' ELSE 'R05' END, jsonb_build_object('outcome', 'firing',
    'severity', 'HIGH', 'reason', 'raised', 'listed', NULL, 'evidence', {evidence}))"""

# :p patients, :n nights, :m months, :first the night before the first. Each statement is one set; names are those of tables.
STATEMENTS = {
    "batches": "INSERT INTO nephrowatch.batches SELECT n, CAST(:first AS date) + n, 'night' FROM generate_series(1, :n + 1) n",
    "counter": "UPDATE nephrowatch.batch_counter SET batch = :n + 1",
    "assays": "INSERT INTO nephrowatch.assays VALUES (1, 'LAB', 'pth', 'assay A', 65)",
    "runs": "INSERT INTO nephrowatch.runs (night, begun_at) SELECT CAST(:first AS date) + n, CAST(:first AS date) + n "
            "FROM generate_series(1, :n) n ORDER BY n",
    "judgements": "INSERT INTO nephrowatch.judgements (run_id, known, ruleset, live, frozen_at, reconciled_at, sealed_at) "
                  "SELECT run_id, run_id, :ruleset, true, begun_at, begun_at, begun_at FROM nephrowatch.runs ORDER BY run_id",
    "shards": "INSERT INTO nephrowatch.shards (judgement_id, first_patient, last_patient, judged_at) "
              "SELECT judgement_id, 1, :p, frozen_at FROM nephrowatch.judgements ORDER BY judgement_id",
    "files": "INSERT INTO nephrowatch.files (run_id, feed, kind, name, sha256, size_bytes, archived, received_at, state, batch, "
             "rows_received, rows_stored, rows_known, rows_quarantined) SELECT n, f, 'labs', f || n, md5(f || n), 1000, '', "
             "CAST(:first AS date) + n, 'stored', n, 800, 790, 0, 10 FROM generate_series(1, :n) n, unnest(CAST(:feeds AS "
             "text[])) f",
    "quarantine": "INSERT INTO nephrowatch.quarantine (file_id, row_no, line_no, reason, sentence, remedy, raw, batch, kind, "
                  "unit) "
                  "SELECT file_id, k, k, (ARRAY['unit_missing', 'code_unknown', 'value_implausible'])[1 + k % 3], 'Set aside.', "
                  "'Mend the mapping.', '{}', batch, 'labs', 'N' || 1 + k % 5 FROM nephrowatch.files, generate_series(1, 3) k",
    "quarantine_ends": "INSERT INTO nephrowatch.quarantine_ends SELECT quarantine_id, 'mended', 'mapping', 'made up', batch, "
                       "now() "
                       "FROM nephrowatch.quarantine WHERE quarantine_id % 10 <> 0",
    "unit_rules": "INSERT INTO nephrowatch.unit_rules SELECT u.unit, r.rule, r.limits, CAST(:first AS date) "
                  "FROM nephrowatch.units u, unnest(CAST(:rules AS text[]), CAST(:limits AS text[])) r (rule, limits)",
    "subjects": "INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, date_of_birth, family_name, given_name, "
                "sex, "
                "batch) SELECT p, 'HOSPITAL', lpad(p::text, 7, '0'), DATE '1940-01-01' + p % 15000, 'EXAMPLE ' || p, 'Made-up', "
                "'F', 1 FROM generate_series(1, :p) p",
    "links": "INSERT INTO nephrowatch.links (subject_id, patient_id, reason, batch) SELECT p, p, 'founded', 1 "
             "FROM generate_series(1, :p) p",
    "census": "INSERT INTO nephrowatch.census (census_id, subject_id, effective_on, unit, status, modality, schedule, clinician, "
              "content_key, batch, file_id, row_no) SELECT p * 3 + k, p, CAST(:first AS date) + k * 900, 'N' || 1 + p % 5, "
              "'active', "
              "'HD', 'mon,wed,fri', 'Dr. Example', md5('c' || p * 3 + k)::uuid, 1 + k * 900, 1, p "
              "FROM generate_series(1, :p) p, generate_series(0, 2) k",
    "medications": "INSERT INTO nephrowatch.medications (medication_id, subject_id, medication_key, content_key, drug_text, "
                   "ingredient, classes, started_on, ended_on, listed_on, batch, file_id, row_no) SELECT p * 8 + k, p, "
                   "md5('m' || p * 8 + k)::uuid, md5('m' || p * 8 + k)::uuid, (ARRAY['sevelamer', 'calcitriol', 'warfarin', "
                   "'cinacalcet'])[1 + k % 4], NULL, '{}', CAST(:first AS date) + k * 400, CASE WHEN k < 6 THEN "
                   "CAST(:first AS date) + k * 400 + 300 END, CAST(:first AS date) + k * 400, 1 + k * 400, 1, p "
                   "FROM generate_series(1, :p) p, generate_series(0, 7) k",
    "results": "INSERT INTO nephrowatch.results (id, subject_id, analyte, collected_at, value, batch, draw, flags, assay_id, "
               "unit, "
               "result_key, content_key, issued_at, status, laboratory, value_text, unit_text, code, file_id, row_no) "
               "SELECT i, p, a, at, v, d + 1, m * :p + p, 0, CASE a WHEN 4 THEN 1 END, 'N' || 1 + p % 5, md5('r' || i)::uuid, "
               "md5('r' || i)::uuid, at, 'F', 'LAB', v::text, 'mg/dL', 'X', 1, i FROM ("
               "SELECT (m::bigint * :p + p - 1) * 8 + a AS i, m, p, a, m * 30 + p % 28 AS d, CAST(:first AS date) + m * 30 + p "
               "% 28 "
               "+ TIME '07:00' AS at, round(((ARRAY[5.3, 9.2, 3.8, 420, 8, 95, 4.9, 1.1])[a] * (0.7 + 0.6 * "
               "random()))::numeric, 1)"
               "::double precision AS v FROM generate_series(0, :m - 1) m, generate_series(1, :p) p, generate_series(1, 8) a) "
               "made",
    "corrections": "INSERT INTO nephrowatch.results SELECT (r).* FROM (SELECT jsonb_populate_record(r, jsonb_build_object('id', "
                   "r.id + 8 * :m * :p, 'batch', r.batch + 1, 'status', 'C', 'content_key', md5('c' || r.id)::uuid, 'value', "
                   "r.value + 0.1)) AS r FROM nephrowatch.results r WHERE r.id % 100 = 0 AND r.id <= 8 * :m * :p) made",
    "supersessions": "INSERT INTO nephrowatch.supersessions SELECT id - 8 * :m * :p, id, batch FROM nephrowatch.results "
                     "WHERE id > 8 * :m * :p",
    "standings": "INSERT INTO nephrowatch.standings SELECT j, p, 'N' || 1 + p % 5, 'active', CAST(:first AS date) + :n - p % 28 "
                 "FROM generate_series(:n - :kept + 1, :n) j, generate_series(1, :p) p",
    "findings": "INSERT INTO nephrowatch.findings (judgement_id, patient_id, rule, unit, outcome, reason, sentence, severity, "
                "since, "
                "evidence) SELECT j, p, 'R' || lpad((1 + (p + k * 5) % 24)::text, 2, '0'), 'N' || 1 + p % 5, CASE WHEN k = 0 "
                "THEN "
                "'holding' ELSE 'not_assessable' END, CASE WHEN k = 0 THEN 'raised' ELSE 'no_recent:phosphate' END, "
                "'Phosphate was 6.9 mg/dL twice.', CASE WHEN k = 0 THEN 'HIGH' END, now(), {evidence} "
                "FROM generate_series(:n - :kept + 1, :n) j, generate_series(1, :p) p, generate_series(0, 1) k WHERE (p + k) % "
                "2 = 0",
    "finding_counts": "INSERT INTO nephrowatch.finding_counts SELECT j, j, 'N' || u, 'R' || lpad(r::text, 2, '0'), o, CASE o "
                      "WHEN "
                      "'clear' THEN '' ELSE 'no_recent:phosphate' END, :p / 10 FROM generate_series(1, :n) j, "
                      "generate_series(1, 5) u, generate_series(1, 24) r, unnest(ARRAY['clear', 'not_assessable']) o",
    # e counts a patient's episodes; the newest of one patient in eight is still open.
    "episodes": "INSERT INTO nephrowatch.episodes SELECT p * 8 + e, 'NW-' || upper(substr(md5('e' || p * 8 + e), 1, 10)), p, "
                "CASE e % 2 WHEN 0 THEN 'phosphate' ELSE 'calcium_high' END, 'N' || 1 + p % 5, CASE WHEN e = 7 AND p % 8 = 0 "
                "THEN "
                "(ARRAY['open', 'acknowledged'])[1 + p % 2] ELSE 'resolved' END, (ARRAY['HIGH', 'HIGH', 'WARNING', 'CRITICAL'])"
                "[1 + p % 4], CAST(:first AS date) + e * 450 + p % 60, CAST(:first AS date) + e * 450 + p % 60 + 56, false, 5 "
                "FROM generate_series(1, :p) p, generate_series(0, :e - 1) e",
    "limbs": "INSERT INTO nephrowatch.limbs SELECT episode_id, CASE episode_id % 2 WHEN 0 THEN 'R01' ELSE 'R05' END, "
             "CASE state WHEN 'resolved' THEN 'clear' ELSE 'firing' END, 'HIGH', 'raised', {evidence} FROM "
             "(SELECT *, patient_id AS p FROM nephrowatch.episodes) made",
    "changes": "INSERT INTO nephrowatch.changes SELECT episode_id, s, opened_night + s * 10, CASE WHEN s NOT IN (2, 3) THEN "
               "(opened_night - CAST(:first AS date)) + s * 10 END, (ARRAY['opened', 'taken', 'acknowledged', 'worsened', "
               "'resolved'])"
               "[s], (ARRAY['raised', 'taken', 'acknowledged', 'raised_further', 'cleared'])[s], 'Phosphate was 6.9 mg/dL "
               "twice.', "
               "CASE WHEN s > 1 THEN 'open' END, (ARRAY['open', 'open', 'acknowledged', 'open', 'resolved'])[s], severity, "
               "{limbs}, "
               "CASE WHEN s = 4 AND p % 5 = 0 THEN '[{{\"destination\": \"n1-slack\", \"reason\": \"silent_phase\"}}]'::jsonb "
               "ELSE '[]' "
               "END, opened_night + s * 10 + TIME '04:00' + p % 3600 * INTERVAL '1 second' FROM (SELECT *, episode_id AS e, "
               "patient_id AS p FROM nephrowatch.episodes) made, generate_series(1, 5) s WHERE s < 5 OR state = 'resolved'",
    "human_actions": "INSERT INTO nephrowatch.human_actions (episode_id, seq, evidence_seq, action, actor, actor_name, role, "
                     "reason, "
                     "severity, basis, source, recorded_at) SELECT episode_id, seq, 1, CASE seq WHEN 2 THEN 'take' ELSE "
                     "'acknowledge' "
                     "END, CASE episode_id % 3 WHEN 0 THEN 'north' ELSE 'nurse' END, CASE episode_id % 3 WHEN 0 THEN "
                     "'Dr. Example North' ELSE 'Example Nurse' END, 'nurse', 'Seen on the round.', severity, '{}', 'web', "
                     "recorded_at "
                     "FROM nephrowatch.changes WHERE seq IN (2, 3) ORDER BY recorded_at",
    "outbox": "INSERT INTO nephrowatch.outbox (dedup_key, kind, destination, severity, unit, night, episode_id, change_seq, "
              "content, "
              "state, attempt, next_attempt_at, created_at) SELECT episode_id || '/' || seq || '/' || d, 'alert', lower(unit) "
              "|| d, "
              "c.severity, unit, night, episode_id, seq, jsonb_build_object('ref', ref, 'limbs', jsonb_build_object('R01', "
              "'HIGH')), "
              "'delivered', 1, recorded_at, recorded_at FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING "
              "(episode_id), "
              "unnest(ARRAY['-slack', '-mail']) d WHERE seq = 1",
    "attempts": "INSERT INTO nephrowatch.attempts SELECT outbox_id, 1, created_at, created_at, created_at, 'delivered', "
                "'Accepted.' "
                "FROM nephrowatch.outbox",
    "told": "INSERT INTO nephrowatch.told SELECT outbox_id, episode_id, destination, severity, jsonb_build_object('R01', 'HIGH', "
            "'R05', 'HIGH'), created_at FROM nephrowatch.outbox",
    "page_reads": "INSERT INTO nephrowatch.page_reads SELECT p * :looks + k, CAST(:first AS date) + (k * 120 + p % 100), "
                  "'nurse', "
                  "'Example Nurse', 'nurse', (ARRAY['alert', 'patient', 'morning'])[1 + k % 3], 'N' || 1 + p % 5, CASE WHEN k % "
                  "3 < 2 "
                  "THEN p END, NULL, CASE WHEN (p * :looks + k) % 200 = 0 THEN 'On call for this unit tonight' ELSE '' END "
                  "FROM generate_series(0, :p - 1) p, generate_series(0, :looks - 1) k",
    "frontier": "UPDATE nephrowatch.units SET judged_through = CAST(:first AS date) + :n",
}  # fmt: skip
LEDGER = (
    "SELECT count(*) FROM (SELECT array_agg((ARRAY['episode_opened', 'message_attempt', 'page_read'])[1 + i % 3]) AS k, "
    "array_agg(jsonb_build_object('episode', i, 'patient', i % 10000, 'reason', 'raised', 'unit', 'N1')::text) AS t "
    "FROM generate_series(:after + 1, :until) i) made, history.append(k, t, NULL, NULL, NULL)"
)
# The night to reconcile: every patient raises two rules of two cause groups.
TONIGHT = {
    "runs": "INSERT INTO nephrowatch.runs (night, begun_at) SELECT max(night) + 1, now() FROM nephrowatch.runs",
    "judgements": "INSERT INTO nephrowatch.judgements (run_id, known, ruleset, live, frozen_at) SELECT max(run_id), :n + 1, "
                  ":ruleset, true, now() FROM nephrowatch.runs",
    "shards": "INSERT INTO nephrowatch.shards (judgement_id, first_patient, last_patient, judged_at) SELECT max(judgement_id), "
              "1, :p, now() FROM nephrowatch.judgements",
    "standings": "INSERT INTO nephrowatch.standings SELECT j, p, 'N' || 1 + p % 5, 'active', now() FROM generate_series(1, :p) "
                 "p, (SELECT max(judgement_id) AS j FROM nephrowatch.judgements) newest",
    "findings": "INSERT INTO nephrowatch.findings (judgement_id, patient_id, rule, unit, outcome, reason, sentence, severity, "
                "since, evidence) SELECT j, p, r, 'N' || 1 + p % 5, 'firing', 'raised', 'Phosphate was 6.9 mg/dL twice.', "
                "CASE j % 2 WHEN 0 THEN 'HIGH' ELSE 'CRITICAL' END, now(), {evidence} FROM generate_series(1, :p) p, "
                "unnest(CAST(:two AS text[])) r, (SELECT max(judgement_id) AS j FROM nephrowatch.judgements) newest",
}  # fmt: skip


def build(db: Database, administrator: str, config: Config, patients: int) -> dict[str, int]:
    """Fill the database; returns how many rows of what. As its superuser, so that foreign keys need not be checked."""
    given = _given(config, patients)
    engine = sa.create_engine(sa.make_url(administrator).set(drivername="postgresql+psycopg"))
    counts: dict[str, int] = {}
    with db.begin(Role.PIPELINE) as connection:
        _units(connection, config)
        connection.execute(sa.text("INSERT INTO nephrowatch.rulesets VALUES (:ruleset, :body, now()), ('older', '{}', now())"),
                           {"ruleset": given["ruleset"], "body": config.ruleset_body})  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
        connection.execute(sa.text("SELECT setseed(0.42)"))
        found = connection.execute(sa.text("SELECT indexname, indexdef FROM pg_indexes WHERE indexname = 'results_in_order'"))
        kept = [tuple(row) for row in found]
        for name, _ in kept:
            connection.execute(sa.text(f"DROP INDEX nephrowatch.{name}"))
        for name, statement in STATEMENTS.items():
            counts[name] = _run(connection, statement, given)
        for _, definition in kept:
            connection.execute(sa.text(definition))
    after, entries = 0, ENTRIES * patients
    while after < entries:
        until = min(after + 10_000, entries)
        with db.begin(Role.PIPELINE) as connection:
            connection.execute(sa.text(LEDGER), {"after": after, "until": until})
        after = until
    counts["ledger"] = entries
    _settle(engine)
    return counts


def tonight(administrator: str, config: Config, patients: int) -> int:
    """Write what judging would leave of a night in which every patient raises two rules; returns its run."""
    engine = sa.create_engine(sa.make_url(administrator).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in TONIGHT.values():
            _run(connection, statement, _given(config, patients))
        run = int(connection.execute(sa.text("SELECT max(run_id) FROM nephrowatch.runs")).scalar_one())
    _settle(engine, "nephrowatch.findings", "nephrowatch.standings")
    return run


def _given(config: Config, patients: int) -> dict[str, Any]:
    rules = {rule.id: rule.limits for rule in config.rules}
    return {
        "p": patients, "n": NIGHTS, "m": MONTHS, "kept": KEPT, "e": EPISODES, "looks": LOOKS, "ruleset": config.ruleset,
        "first": datetime.now(UTC).date() - timedelta(days=NIGHTS + 2), "feeds": list(config.feeds), "rules": list(rules),
        "limits": list(rules.values()), "two": list(RULES),
    }  # fmt: skip


def _run(connection: sa.Connection, statement: str, given: dict[str, Any]) -> int:
    evidence = EVIDENCE.format(id="p")
    if "{evidence}" in statement or "{limbs}" in statement:
        statement = statement.format(evidence=evidence, limbs=LIMBS.format(evidence=evidence))
    wanted = {name: value for name, value in given.items() if f":{name}" in statement}
    # A colon inside JSON is no parameter; one of ours is followed by its name.
    return connection.execute(sa.text(statement), wanted).rowcount


def _units(connection: sa.Connection, config: Config) -> None:
    from monitors.database import sql

    for unit in config.site.units:
        connection.execute(sql("receive/keep_unit"), unit.model_dump())


def _settle(engine: sa.Engine, *tables: str) -> None:
    """As autovacuum does after a load, and a checkpoint, so that what is measured does not pay for the loading."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"VACUUM (ANALYZE) {', '.join(tables)}"))
        connection.execute(sa.text("CHECKPOINT"))
    engine.dispose()
