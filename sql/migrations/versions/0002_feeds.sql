-- Feeds as a hospital sends them. Run as nephrowatch_migrator.

-- ------------------------------------------------------------------ what was kept of each row, beside its value
ALTER TABLE nephrowatch.results ADD COLUMN reference_range text, ADD COLUMN abnormal text, ADD COLUMN condition text,
    ADD COLUMN issue_stated boolean NOT NULL DEFAULT true;  -- false: issued_at stands for a time the source did not say
-- What a version says no longer includes whose it is: the same words about another patient are another version.
ALTER TABLE nephrowatch.results DROP CONSTRAINT results_result_key_content_key_key,
    ADD UNIQUE (result_key, content_key, subject_id);
CREATE INDEX results_by_batch ON nephrowatch.results USING brin (batch, file_id);
-- No foreign keys for subject and assay either, as 0001 has none for batch, file and unit: the one statement that inserts
-- here has just found or written both in its own transaction, and per-row checks of them took a quarter of a load.
ALTER TABLE nephrowatch.results DROP CONSTRAINT results_subject_id_fkey, DROP CONSTRAINT results_assay_id_fkey;
ALTER TABLE nephrowatch.census ADD COLUMN location text;
ALTER TABLE nephrowatch.files ADD COLUMN ignored jsonb NOT NULL DEFAULT '{}',   -- read and no row: name -> count
    ADD CONSTRAINT files_counts_are_counts CHECK (least(rows_received, rows_stored, rows_known, rows_quarantined) >= 0);
ALTER TABLE nephrowatch.quarantine
    ADD COLUMN kind text NOT NULL DEFAULT '',          -- labs | medications | census | facts | links; '' a broken part
    ADD COLUMN unit text,                              -- dialysis unit, where the row said it
    ADD COLUMN critical text CHECK (critical IN ('low', 'high')),  -- would be critical in a unit it may have meant
    ADD COLUMN analyte text, ADD COLUMN collected_at timestamptz,  -- of a critical row; null where not known
    ADD COLUMN said uuid,                              -- of a critical row: whose result it is and what it says, hashed
    ADD COLUMN releasable boolean NOT NULL DEFAULT false,  -- a person may say: it is true nevertheless
    -- A row of a file that is read again may be quarantined once more, for a reason of its own.
    DROP CONSTRAINT quarantine_file_id_row_no_key, ADD UNIQUE (file_id, row_no, batch);
CREATE INDEX quarantine_critical ON nephrowatch.quarantine (file_id) WHERE critical IS NOT NULL;
CREATE INDEX quarantine_said ON nephrowatch.quarantine (said) WHERE said IS NOT NULL;

-- ------------------------------------------------------------------ facts: what happened to a patient, by versions
CREATE TABLE nephrowatch.facts (
    fact_id bigint PRIMARY KEY,                         -- gapless, in batch order
    subject_id bigint NOT NULL REFERENCES nephrowatch.subjects,
    fact_key uuid NOT NULL,                             -- authority, patient, concept, source code, day
    content_key uuid NOT NULL,
    fact text NOT NULL,                                 -- concept of config/facts.yaml: diabetes, parathyroidectomy, session ...
    code text, said text,                               -- as received
    value double precision,                             -- session: Kt/V; weight: kg; attended: 0 or 1; else null
    happened_on date NOT NULL, ended_on date,
    status text NOT NULL,                               -- final | entered-in-error
    unit text,
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    file_id bigint NOT NULL REFERENCES nephrowatch.files, row_no bigint NOT NULL,
    UNIQUE (fact_key, content_key)
);
CREATE INDEX facts_by_subject ON nephrowatch.facts (subject_id);

-- ------------------------------------------------------------------ identity: what was said about a number, and about two
ALTER TABLE nephrowatch.subjects ADD COLUMN second_authority text;
CREATE INDEX subjects_by_second ON nephrowatch.subjects (second_authority, second_identifier)
    WHERE second_authority IS NOT NULL AND second_identifier IS NOT NULL;

CREATE TABLE nephrowatch.births (                       -- dates of birth by versions; the newest stands in subjects, too
    subject_id bigint NOT NULL REFERENCES nephrowatch.subjects,
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    date_of_birth date NOT NULL,
    said_by text NOT NULL,                              -- kind of the row that said so, or 'person': a row was released
    PRIMARY KEY (subject_id, batch)
);
INSERT INTO nephrowatch.births (subject_id, batch, date_of_birth, said_by)
SELECT subject_id, batch, date_of_birth, 'labs' FROM nephrowatch.subjects WHERE date_of_birth IS NOT NULL;

CREATE TABLE nephrowatch.identity_events (
    identity_event_id bigint PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES nephrowatch.subjects,        -- the number that lives on
    merged_subject_id bigint NOT NULL REFERENCES nephrowatch.subjects, -- the number merged into it, or taken out again
    action text NOT NULL CHECK (action IN ('merge', 'unmerge')),
    effective_at timestamptz NOT NULL,
    content_key uuid NOT NULL UNIQUE,
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    file_id bigint REFERENCES nephrowatch.files, row_no bigint,        -- null: said by a person
    actor text, reason text                             -- the person who said it, and why
);
CREATE INDEX identity_events_by_survivor ON nephrowatch.identity_events (subject_id);
CREATE INDEX identity_events_by_merged ON nephrowatch.identity_events (merged_subject_id);

-- ------------------------------------------------------------------ quarantine: what people did with a row or file
-- A quarantined row is open until one of these rows ends it. Never deleted, so who decided what stays known.
CREATE TABLE nephrowatch.quarantine_ends (
    quarantine_id bigint PRIMARY KEY REFERENCES nephrowatch.quarantine,
    ended text NOT NULL CHECK (ended IN ('mended', 'released', 'discarded')),
    reason text NOT NULL, actor text NOT NULL,          -- mended: 'mapping', 'nephrowatch quarantine retry'
    batch bigint NOT NULL REFERENCES nephrowatch.batches,
    ended_at timestamptz NOT NULL
);
CREATE TABLE nephrowatch.file_decisions (               -- a held file approved or discarded by a person
    file_id bigint PRIMARY KEY REFERENCES nephrowatch.files,
    decision text NOT NULL CHECK (decision IN ('released', 'discarded')),
    reason text NOT NULL, actor text NOT NULL,
    decided_at timestamptz NOT NULL
);

-- ------------------------------------------------------------------ silence of feeds: raised once, cleared once
CREATE TABLE nephrowatch.feed_alarms (
    alarm_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed text NOT NULL,
    unit text NOT NULL DEFAULT '',                      -- '' the feed as a whole
    kind text NOT NULL CHECK (kind IN ('late', 'little', 'missing')),
    raised_at timestamptz NOT NULL, cleared_at timestamptz,
    sentence text NOT NULL
);
CREATE UNIQUE INDEX one_open_feed_alarm ON nephrowatch.feed_alarms (feed, unit, kind) WHERE cleared_at IS NULL;

-- ------------------------------------------------------------------ FHIR: what other files refer to, and how far a server was read
CREATE TABLE nephrowatch.fhir_resources (
    feed text NOT NULL,
    reference text NOT NULL,                            -- 'Patient/123'
    body text NOT NULL,
    last_updated timestamptz,                           -- meta.lastUpdated; null where the source does not say
    file_id bigint NOT NULL REFERENCES nephrowatch.files,
    PRIMARY KEY (feed, reference)
);
CREATE TABLE nephrowatch.watermarks (
    feed text NOT NULL, location text NOT NULL,         -- another server is read from its beginning
    resource text NOT NULL,
    read_to timestamptz NOT NULL,                       -- all pages up to here are registered
    PRIMARY KEY (feed, location, resource)
);

-- ------------------------------------------------------------------ counts for the reader role: no row, no patient
CREATE VIEW nephrowatch.feed_counts AS
SELECT f.feed, coalesce(q.unit, '') AS unit, q.kind, q.reason, coalesce(e.ended, 'open') AS state, count(*) AS rows,
       min(f.received_at) AS first_received, max(f.received_at) AS last_received
FROM nephrowatch.quarantine q
JOIN nephrowatch.files f USING (file_id)
LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
GROUP BY 1, 2, 3, 4, 5;

-- ------------------------------------------------------------------ roles
GRANT SELECT ON nephrowatch.births, nephrowatch.facts, nephrowatch.identity_events, nephrowatch.quarantine_ends, nephrowatch.file_decisions,
    nephrowatch.feed_alarms, nephrowatch.fhir_resources, nephrowatch.watermarks, nephrowatch.feed_counts
    TO nephrowatch_pipeline, nephrowatch_web;
GRANT INSERT ON nephrowatch.births, nephrowatch.facts, nephrowatch.identity_events, nephrowatch.quarantine_ends, nephrowatch.file_decisions,
    nephrowatch.feed_alarms, nephrowatch.fhir_resources, nephrowatch.watermarks TO nephrowatch_pipeline;
GRANT UPDATE (cleared_at) ON nephrowatch.feed_alarms TO nephrowatch_pipeline;
GRANT UPDATE (body, last_updated, file_id) ON nephrowatch.fhir_resources TO nephrowatch_pipeline;
GRANT UPDATE (read_to) ON nephrowatch.watermarks TO nephrowatch_pipeline;
GRANT UPDATE (ignored) ON nephrowatch.files TO nephrowatch_pipeline;
GRANT UPDATE (second_authority) ON nephrowatch.subjects TO nephrowatch_pipeline;
GRANT SELECT ON nephrowatch.feed_alarms TO nephrowatch_delivery;
GRANT SELECT ON nephrowatch.feed_counts, nephrowatch.feed_alarms, nephrowatch.quarantine_ends, nephrowatch.file_decisions
    TO nephrowatch_reader;
GRANT SELECT (kind, unit, releasable) ON nephrowatch.quarantine TO nephrowatch_reader;
