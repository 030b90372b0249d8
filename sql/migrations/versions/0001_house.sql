-- Run as nephrowatch_migrator, who owns everything but the ledger.
-- Keys are bigint, values double precision; text as received stays beside them. Nothing here is deleted.

CREATE SCHEMA IF NOT EXISTS nephrowatch;            -- env.py made it, for alembic_version

-- The one rounding (units.round6): rint(x * 1e6) / 1e6. Postgres' round(double) is rint, half to even.
CREATE FUNCTION nephrowatch.round6(x double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT round(x * 1e6) / 1e6';

-- ------------------------------------------------------------------ knowledge
-- Every store transaction takes the next batch and keeps the row locked to commit: batch order is commit order.
CREATE TABLE nephrowatch.batch_counter (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    batch bigint NOT NULL
);
INSERT INTO nephrowatch.batch_counter (batch) VALUES (0);

CREATE TABLE nephrowatch.batches (
    batch bigint PRIMARY KEY,
    recorded_at timestamptz NOT NULL,          -- for people; nothing filters by it
    purpose text NOT NULL                      -- 'file 12', ...
);

-- ------------------------------------------------------------------ units, people who are patients
CREATE TABLE nephrowatch.units (
    unit text PRIMARY KEY,
    name text NOT NULL,
    zone text NOT NULL,
    cutoff time NOT NULL,
    judged_through date                        -- frontier: the newest live night reconciled
);

CREATE TABLE nephrowatch.unit_rules (           -- when a rule went live at a unit: its baseline night
    unit text NOT NULL REFERENCES nephrowatch.units,
    rule text NOT NULL,
    limits text NOT NULL,                       -- hash of the rule's limits: a new limit is a new baseline
    first_night date NOT NULL,
    PRIMARY KEY (unit, rule, limits)
);

CREATE TABLE nephrowatch.subjects (
    subject_id bigint PRIMARY KEY,              -- gapless, given under the batch lock
    authority text NOT NULL,
    identifier text NOT NULL,
    date_of_birth date,
    family_name text, given_name text, sex text, second_identifier text,
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    UNIQUE (authority, identifier)
);

-- A patient is the founding subject's id; every subject is linked to one patient, by versions.
CREATE TABLE nephrowatch.links (
    link_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES nephrowatch.subjects,
    patient_id bigint NOT NULL REFERENCES nephrowatch.subjects (subject_id),
    reason text NOT NULL,                       -- 'founded' | 'second identifier' | 'unmerged' ...
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    UNIQUE (subject_id, batch)
);

CREATE INDEX links_by_patient ON nephrowatch.links (patient_id);

-- ------------------------------------------------------------------ files and what became of each row
CREATE TABLE nephrowatch.runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    night date NOT NULL UNIQUE,
    begun_at timestamptz NOT NULL
);

CREATE TABLE nephrowatch.files (
    file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES nephrowatch.runs,
    feed text NOT NULL,
    kind text NOT NULL,                         -- labs | medications | census
    name text NOT NULL,                         -- path below the feed's location
    sha256 text NOT NULL,
    size_bytes bigint NOT NULL,
    archived text NOT NULL,                     -- address below archive_url, by content
    received_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'received'
        CHECK (state IN ('received', 'stored', 'known', 'held', 'unreadable')),
    reason text, sentence text,                 -- why held or unreadable
    same_as bigint REFERENCES nephrowatch.files,-- same bytes under another name
    batch bigint REFERENCES nephrowatch.batches,
    rows_received bigint, rows_stored bigint, rows_known bigint, rows_quarantined bigint,
    UNIQUE (feed, name, sha256),
    CHECK (state = 'received' OR rows_received = rows_stored + rows_known + rows_quarantined)
);
CREATE INDEX files_by_content ON nephrowatch.files (feed, sha256);

CREATE TABLE nephrowatch.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id bigint NOT NULL REFERENCES nephrowatch.files,
    row_no bigint NOT NULL,                     -- 1 = first row after the header; 0 = the file as a whole
    line_no bigint NOT NULL,
    reason text NOT NULL, sentence text NOT NULL, remedy text NOT NULL,
    raw jsonb,                                  -- the row as received; null where the file is held whole
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    UNIQUE (file_id, row_no)
);
CREATE INDEX quarantine_by_reason ON nephrowatch.quarantine (reason);

-- ------------------------------------------------------------------ results: versions, never overwritten
-- No foreign keys for batch, file and unit: the one statement that inserts here has just written the batch and locked
-- the file in its own transaction, and per-row checks of them took half of its time.
CREATE TABLE nephrowatch.assays (               -- PTH is only meaningful against its assay's upper limit
    assay_id bigint PRIMARY KEY,
    laboratory text NOT NULL, analyte text NOT NULL, method text NOT NULL,
    upper_limit double precision,               -- conventional unit; null when not stated
    UNIQUE NULLS NOT DISTINCT (laboratory, analyte, method, upper_limit)
);

CREATE TABLE nephrowatch.results (
    id bigint PRIMARY KEY,                      -- gapless, in batch order
    subject_id bigint NOT NULL REFERENCES nephrowatch.subjects,
    analyte smallint NOT NULL,                  -- number in config/analytes.yaml, never reused
    collected_at timestamptz NOT NULL,
    value double precision,                     -- conventional unit, round6; null when withdrawn or not a number
    batch bigint NOT NULL,
    draw bigint NOT NULL,                       -- one blood draw: hash of laboratory + accession, else of day
    flags integer NOT NULL,                     -- bits of store.Flag
    assay_id bigint REFERENCES nephrowatch.assays,
    unit text NOT NULL,
    result_key uuid NOT NULL,                   -- identity: laboratory, accession (else subject + time), specimen, analyte
    content_key uuid NOT NULL,                  -- what this version says
    issued_at timestamptz NOT NULL,
    status text NOT NULL,
    laboratory text NOT NULL, accession text, specimen text,
    value_text text NOT NULL, comparator text NOT NULL DEFAULT '', unit_text text NOT NULL,
    code text NOT NULL, comment text,
    reason text NOT NULL DEFAULT 'received',    -- received | corrected | withdrawn | remapped
    file_id bigint NOT NULL, row_no bigint NOT NULL,
    CHECK (value <> 'NaN' AND value > '-Infinity' AND value < 'Infinity'),
    UNIQUE (result_key, content_key)
);
-- The judge's one read: in this order, from the index alone.
CREATE INDEX results_in_order ON nephrowatch.results (subject_id, analyte, collected_at)
    INCLUDE (id, value, batch, draw, flags, assay_id);

CREATE TABLE nephrowatch.supersessions (        -- the loser's version counts no more from `batch` on
    loser_id bigint PRIMARY KEY REFERENCES nephrowatch.results (id),
    winner_id bigint NOT NULL REFERENCES nephrowatch.results (id),
    batch bigint NOT NULL REFERENCES nephrowatch.batches
);

-- ------------------------------------------------------------------ medications: exposure periods, by versions
CREATE TABLE nephrowatch.medications (
    medication_id bigint PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES nephrowatch.subjects,
    medication_key uuid NOT NULL,               -- laboratory of the list + order number, else subject + drug + start
    content_key uuid NOT NULL,
    drug_text text NOT NULL,                    -- '' on a row that only says "the list was reconciled"
    ingredient text, classes text[] NOT NULL DEFAULT '{}',
    started_on date, ended_on date, days_supply integer, listed_on date,
    dose text, status text NOT NULL DEFAULT 'active',
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    file_id bigint NOT NULL REFERENCES nephrowatch.files, row_no bigint NOT NULL,
    UNIQUE (medication_key, content_key)
);
CREATE INDEX medications_by_subject ON nephrowatch.medications (subject_id);

-- ------------------------------------------------------------------ census: where each patient belongs
CREATE TABLE nephrowatch.census (
    census_id bigint PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES nephrowatch.subjects,
    effective_on date NOT NULL,
    unit text NOT NULL REFERENCES nephrowatch.units,
    status text NOT NULL,                       -- active | admitted | transplanted | transferred | died
    modality text, schedule text, clinician text,
    content_key uuid NOT NULL UNIQUE,
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    file_id bigint NOT NULL REFERENCES nephrowatch.files, row_no bigint NOT NULL
);
CREATE INDEX census_by_subject ON nephrowatch.census (subject_id, effective_on);

-- ------------------------------------------------------------------ judging
CREATE TABLE nephrowatch.rulesets (
    ruleset text PRIMARY KEY,                   -- hash of everything judge reads + engine version
    body text NOT NULL,                         -- the canonical text that was hashed
    first_used timestamptz NOT NULL
);

-- One judgement = one night, from one state of knowledge, under one rule set. A retry finds its own again.
CREATE TABLE nephrowatch.judgements (
    judgement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES nephrowatch.runs,
    known bigint NOT NULL,
    ruleset text NOT NULL REFERENCES nephrowatch.rulesets,
    previous_ruleset text REFERENCES nephrowatch.rulesets,
    live boolean NOT NULL,
    frozen_at timestamptz NOT NULL,             -- last asked for: of two rule sets tried in one night the later counts
    reconciled_at timestamptz,
    sealed_at timestamptz,
    UNIQUE (run_id, known, ruleset, live)
);

CREATE TABLE nephrowatch.shards (
    shard_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    judgement_id bigint NOT NULL REFERENCES nephrowatch.judgements,
    first_patient bigint NOT NULL, last_patient bigint NOT NULL,
    judged_at timestamptz,
    UNIQUE (judgement_id, first_patient)
);

CREATE TABLE nephrowatch.findings (             -- all but the plain clear ones, which are counted only
    judgement_id bigint NOT NULL REFERENCES nephrowatch.judgements,
    patient_id bigint NOT NULL,
    rule text NOT NULL,
    unit text NOT NULL,
    outcome text NOT NULL, reason text NOT NULL, sentence text NOT NULL,
    severity text, since timestamptz, cleared_at timestamptz,
    evidence jsonb NOT NULL DEFAULT '[]', facts jsonb NOT NULL DEFAULT '{}',
    previous text, previous_severity text,
    PRIMARY KEY (judgement_id, patient_id, rule)
);

CREATE TABLE nephrowatch.finding_counts (       -- the denominator: every active patient x rule, exactly once
    judgement_id bigint NOT NULL REFERENCES nephrowatch.judgements,
    shard_id bigint NOT NULL REFERENCES nephrowatch.shards,
    unit text NOT NULL, rule text NOT NULL, outcome text NOT NULL, reason text NOT NULL,
    patients bigint NOT NULL,
    PRIMARY KEY (shard_id, unit, rule, outcome, reason)
);

CREATE TABLE nephrowatch.standings (            -- where each patient of a judgement belongs, and age of the data
    judgement_id bigint NOT NULL REFERENCES nephrowatch.judgements,
    patient_id bigint NOT NULL,
    unit text NOT NULL,
    status text NOT NULL,
    newest_result timestamptz,
    PRIMARY KEY (judgement_id, patient_id)
);

-- ------------------------------------------------------------------ episodes
CREATE TABLE nephrowatch.episodes (
    episode_id bigint PRIMARY KEY,
    ref text NOT NULL UNIQUE,                   -- opaque, for people: NW-4F7K
    patient_id bigint NOT NULL REFERENCES nephrowatch.subjects (subject_id),
    cause_group text NOT NULL,
    unit text NOT NULL REFERENCES nephrowatch.units,
    state text NOT NULL,
    severity text NOT NULL,
    opened_night date NOT NULL, changed_night date NOT NULL,
    baseline boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 1           -- every writer updates "where version = n"
);
CREATE UNIQUE INDEX one_open_episode ON nephrowatch.episodes (patient_id, cause_group)
    WHERE state NOT IN ('resolved', 'retracted', 'closed');

CREATE TABLE nephrowatch.limbs (
    episode_id bigint NOT NULL REFERENCES nephrowatch.episodes,
    rule text NOT NULL,
    outcome text NOT NULL, severity text NOT NULL, reason text NOT NULL,
    evidence jsonb NOT NULL DEFAULT '[]',
    listed text,                                -- severity that stands on the list without a message
    PRIMARY KEY (episode_id, rule)
);

CREATE TABLE nephrowatch.changes (
    episode_id bigint NOT NULL REFERENCES nephrowatch.episodes,
    seq integer NOT NULL,                       -- 1, 2, 3 ... = the episode's version after it
    night date NOT NULL,
    judgement_id bigint REFERENCES nephrowatch.judgements,   -- null for human actions
    kind text NOT NULL, reason text NOT NULL, sentence text NOT NULL,
    from_state text, to_state text NOT NULL, severity text NOT NULL,
    limbs jsonb NOT NULL,
    withheld jsonb NOT NULL DEFAULT '[]',       -- [{destination, reason}]
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (episode_id, seq)
);

-- ------------------------------------------------------------------ delivery
CREATE TABLE nephrowatch.outbox (
    outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dedup_key text NOT NULL UNIQUE,             -- from data only: re-runs meet themselves here
    kind text NOT NULL,                         -- alert | withdrawn | handed_over | digest | operations
    destination text NOT NULL,
    severity text,
    unit text,
    night date NOT NULL,
    episode_id bigint REFERENCES nephrowatch.episodes,
    change_seq integer,
    content jsonb NOT NULL,                     -- what message.py renders; free of PHI
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'claimed', 'delivered', 'permanent', 'ambiguous', 'dead')),
    attempt integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    lease_until timestamptz,
    claim_token uuid,
    receipt jsonb,                              -- Slack channel + ts, SMTP reply
    possible_repeat boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);
CREATE INDEX outbox_waiting ON nephrowatch.outbox (next_attempt_at) WHERE state IN ('pending', 'claimed');
CREATE INDEX outbox_of_episode ON nephrowatch.outbox (episode_id, destination);

CREATE TABLE nephrowatch.attempts (
    outbox_id bigint NOT NULL REFERENCES nephrowatch.outbox,
    attempt integer NOT NULL,
    claimed_at timestamptz NOT NULL,
    send_started_at timestamptz,                -- committed before the network is touched
    finished_at timestamptz,
    outcome text,                               -- delivered | permanent | deferred | ambiguous
    sentence text,
    payload_sha256 text,
    PRIMARY KEY (outbox_id, attempt)
);

CREATE TABLE nephrowatch.told (                 -- a fact per episode and destination, one row a delivery
    outbox_id bigint PRIMARY KEY REFERENCES nephrowatch.outbox,
    episode_id bigint NOT NULL REFERENCES nephrowatch.episodes,
    destination text NOT NULL,
    severity text NOT NULL,
    limbs jsonb NOT NULL,                       -- {rule: severity}
    told_at timestamptz NOT NULL
);
CREATE INDEX told_of_episode ON nephrowatch.told (episode_id);

-- ------------------------------------------------------------------ roles
GRANT USAGE ON SCHEMA nephrowatch TO nephrowatch_pipeline, nephrowatch_delivery, nephrowatch_web, nephrowatch_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA nephrowatch TO nephrowatch_pipeline;
GRANT INSERT ON nephrowatch.batches, nephrowatch.units, nephrowatch.unit_rules, nephrowatch.subjects, nephrowatch.links,
    nephrowatch.runs, nephrowatch.files, nephrowatch.quarantine, nephrowatch.assays, nephrowatch.results,
    nephrowatch.supersessions, nephrowatch.medications, nephrowatch.census, nephrowatch.rulesets,
    nephrowatch.judgements, nephrowatch.shards, nephrowatch.findings, nephrowatch.finding_counts,
    nephrowatch.standings, nephrowatch.episodes, nephrowatch.limbs, nephrowatch.changes, nephrowatch.outbox
    TO nephrowatch_pipeline;
GRANT UPDATE (batch) ON nephrowatch.batch_counter TO nephrowatch_pipeline;
GRANT UPDATE (name, zone, cutoff, judged_through) ON nephrowatch.units TO nephrowatch_pipeline;
GRANT UPDATE (state, reason, sentence, same_as, batch, rows_received, rows_stored, rows_known, rows_quarantined)
    ON nephrowatch.files TO nephrowatch_pipeline;
GRANT UPDATE (date_of_birth, family_name, given_name, sex, second_identifier) ON nephrowatch.subjects TO nephrowatch_pipeline;
GRANT UPDATE (frozen_at, reconciled_at, sealed_at) ON nephrowatch.judgements TO nephrowatch_pipeline;
GRANT UPDATE (judged_at) ON nephrowatch.shards TO nephrowatch_pipeline;
GRANT UPDATE (unit, state, severity, changed_night, version) ON nephrowatch.episodes TO nephrowatch_pipeline;
GRANT UPDATE (outcome, severity, reason, evidence, listed) ON nephrowatch.limbs TO nephrowatch_pipeline;

GRANT SELECT ON nephrowatch.alembic_version TO nephrowatch_delivery, nephrowatch_reader;  -- every login asks: is it migrated?
GRANT SELECT ON nephrowatch.outbox, nephrowatch.attempts, nephrowatch.told, nephrowatch.episodes, nephrowatch.limbs,
    nephrowatch.changes, nephrowatch.units TO nephrowatch_delivery;
GRANT INSERT ON nephrowatch.attempts, nephrowatch.told, nephrowatch.outbox TO nephrowatch_delivery;
GRANT UPDATE (state, attempt, next_attempt_at, lease_until, claim_token, receipt, possible_repeat)
    ON nephrowatch.outbox TO nephrowatch_delivery;
GRANT UPDATE (send_started_at, finished_at, outcome, sentence, payload_sha256) ON nephrowatch.attempts TO nephrowatch_delivery;

GRANT SELECT ON ALL TABLES IN SCHEMA nephrowatch TO nephrowatch_web;
GRANT SELECT ON nephrowatch.units, nephrowatch.runs, nephrowatch.files, nephrowatch.batches, nephrowatch.rulesets,
    nephrowatch.judgements, nephrowatch.finding_counts, nephrowatch.episodes, nephrowatch.changes,
    nephrowatch.outbox, nephrowatch.attempts, nephrowatch.told TO nephrowatch_reader;
GRANT SELECT (quarantine_id, file_id, row_no, line_no, reason, sentence, remedy, batch)
    ON nephrowatch.quarantine TO nephrowatch_reader;  -- never the raw rows

-- ------------------------------------------------------------------ history: one append-only, hash-chained ledger
CREATE SCHEMA history;
GRANT USAGE ON SCHEMA history TO nephrowatch_pipeline, nephrowatch_delivery, nephrowatch_web, nephrowatch_reader;

CREATE TABLE history.ledger (
    seq bigint PRIMARY KEY,
    kind text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by !~ '[|]'),  -- the database login that appended
    commitment bytea NOT NULL,                  -- sha256 of salt and body: the entry stays provable after erasure
    previous bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE history.bodies (                   -- apart, so that lawful erasure can drop a body and keep the chain
    seq bigint PRIMARY KEY REFERENCES history.ledger,
    salt bytea NOT NULL,
    body bytea NOT NULL                         -- canonical JSON, hashed as stored
);
CREATE TABLE history.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO history.head (seq, hash) VALUES (0, sha256('nephrowatch/ledger/v1|genesis'::bytea));

-- Append entries in order; gapless, order = commit order, because the head row stays locked to commit.
-- hash = sha256('nephrowatch/ledger/v1|' seq '|' kind '|' recorded_at as microseconds '|' recorded_by '|'
--               hex(commitment) '|' hex(previous)), all as UTF-8 text.
CREATE FUNCTION history.append(kinds text[], texts text[])
    RETURNS TABLE (seq bigint, hash bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    head_seq bigint; head_hash bytea; moment timestamptz := clock_timestamp();
    salt bytea; raw bytea; promise bytea; i integer;
BEGIN
    IF cardinality(kinds) <> cardinality(texts) THEN
        RAISE EXCEPTION 'history.append: % kinds for % bodies', cardinality(kinds), cardinality(texts);
    END IF;
    PERFORM set_config('synchronous_commit', 'on', true);   -- an acknowledged entry survives a crash
    SELECT h.seq, h.hash INTO head_seq, head_hash FROM history.head h FOR UPDATE;
    FOR i IN 1 .. cardinality(kinds) LOOP
        head_seq := head_seq + 1;
        salt := decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
        raw := convert_to(texts[i], 'UTF8');
        promise := sha256(salt || raw);
        INSERT INTO history.ledger VALUES (head_seq, kinds[i], moment, session_user, promise, head_hash,
            sha256(convert_to('nephrowatch/ledger/v1|' || head_seq || '|' || kinds[i] || '|'
                || (extract(epoch FROM moment) * 1000000)::bigint || '|' || session_user || '|'
                || encode(promise, 'hex') || '|' || encode(head_hash, 'hex'), 'UTF8')))
            RETURNING ledger.hash INTO head_hash;
        INSERT INTO history.bodies VALUES (head_seq, salt, raw);
        seq := head_seq; hash := head_hash;
        RETURN NEXT;
    END LOOP;
    UPDATE history.head h SET seq = head_seq, hash = head_hash;
END
$$;

CREATE FUNCTION history.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.ledger FOR EACH ROW EXECUTE FUNCTION history.refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON history.ledger EXECUTE FUNCTION history.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.bodies FOR EACH ROW EXECUTE FUNCTION history.refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON history.bodies EXECUTE FUNCTION history.refuse();

REVOKE ALL ON FUNCTION history.append(text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION history.append(text[], text[]) TO nephrowatch_pipeline, nephrowatch_delivery;
GRANT SELECT ON history.ledger, history.bodies, history.head TO nephrowatch_pipeline, nephrowatch_web;
GRANT SELECT ON history.ledger, history.head TO nephrowatch_reader, nephrowatch_delivery;

-- Nobody logs in as the owner of the ledger; only the migrator may become it (SET ROLE), to migrate it.
GRANT CREATE ON SCHEMA history TO nephrowatch_ledger;
ALTER TABLE history.ledger OWNER TO nephrowatch_ledger;
ALTER TABLE history.bodies OWNER TO nephrowatch_ledger;
ALTER TABLE history.head OWNER TO nephrowatch_ledger;
ALTER FUNCTION history.append(text[], text[]) OWNER TO nephrowatch_ledger;
ALTER FUNCTION history.refuse() OWNER TO nephrowatch_ledger;
ALTER SCHEMA history OWNER TO nephrowatch_ledger;
