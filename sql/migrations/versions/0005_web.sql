-- The pages: a login that sees the units it says it serves and nothing else. Run as nephrowatch_migrator.
-- nephrowatch.units (a comma-separated list, '*' for every unit) is set for one transaction; unset, nothing is seen.
CREATE FUNCTION nephrowatch.sees_unit(of_unit text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp AS
$$
    SELECT coalesce(current_setting('nephrowatch.units', true) = '*'
                    OR of_unit = ANY (string_to_array(current_setting('nephrowatch.units', true), ',')), false)
$$;

-- Where a patient belongs: in the newest live judgement; failing that, where their newest episode does. Null: not known.
CREATE FUNCTION nephrowatch.unit_of(patient bigint) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS
$$
    SELECT coalesce(
        (SELECT s.unit FROM nephrowatch.standings s
          WHERE s.patient_id = patient AND s.judgement_id = (SELECT max(j.judgement_id) FROM nephrowatch.judgements j
                                                              WHERE j.live AND j.reconciled_at IS NOT NULL)),
        (SELECT e.unit FROM nephrowatch.episodes e WHERE e.patient_id = patient ORDER BY e.episode_id DESC LIMIT 1))
$$;
CREATE FUNCTION nephrowatch.patient_of(subject bigint) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS
$$
    SELECT l.patient_id FROM nephrowatch.links l WHERE l.subject_id = subject ORDER BY l.batch DESC, l.link_id DESC LIMIT 1
$$;

-- Results are loaded by COPY, which no policy lets pass; this login therefore reads them by this function alone.
CREATE FUNCTION nephrowatch.results_of(patient bigint)
    RETURNS TABLE (id bigint, analyte smallint, collected_at timestamptz, value double precision, comparator text,
                   value_text text, unit_text text, status text, batch bigint, flags integer, upper_limit double precision,
                   superseded_at bigint, recorded_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    SELECT r.id, r.analyte, r.collected_at, r.value, r.comparator, r.value_text, r.unit_text, r.status, r.batch, r.flags,
           a.upper_limit, s.batch, b.recorded_at
    FROM nephrowatch.results r
    JOIN nephrowatch.batches b ON b.batch = r.batch
    LEFT JOIN nephrowatch.assays a ON a.assay_id = r.assay_id
    LEFT JOIN nephrowatch.supersessions s ON s.loser_id = r.id
    WHERE nephrowatch.sees_unit(nephrowatch.unit_of(patient))
      AND r.subject_id IN (SELECT l.subject_id FROM nephrowatch.links l
                            WHERE l.patient_id = patient AND nephrowatch.patient_of(l.subject_id) = patient)
$$;
REVOKE ALL ON FUNCTION nephrowatch.unit_of(bigint), nephrowatch.patient_of(bigint), nephrowatch.results_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.unit_of(bigint), nephrowatch.patient_of(bigint), nephrowatch.results_of(bigint)
    TO nephrowatch_pages;

-- Who looked at what, beside the ledger entry that proves it: written before anything is shown.
CREATE TABLE nephrowatch.page_reads (
    ledger_seq bigint PRIMARY KEY,
    read_at timestamptz NOT NULL,
    viewer text NOT NULL, viewer_name text NOT NULL, role text NOT NULL,
    what text NOT NULL,                         -- morning | alert | patient | history | export | action ...
    unit text NOT NULL DEFAULT '',
    patient_id bigint, episode_ref text,
    emergency text NOT NULL DEFAULT ''          -- the reason given, where a foreign unit was opened
);
CREATE INDEX page_reads_of_patient ON nephrowatch.page_reads (patient_id, ledger_seq DESC) WHERE patient_id IS NOT NULL;
CREATE INDEX page_reads_emergency ON nephrowatch.page_reads (ledger_seq DESC) WHERE emergency <> '';

-- What the pages ask for over ten years of history.
CREATE INDEX changes_by_time ON nephrowatch.changes (recorded_at DESC, episode_id, seq);
CREATE INDEX episodes_of_patient ON nephrowatch.episodes (patient_id);
CREATE INDEX episodes_of_unit ON nephrowatch.episodes (unit) WHERE state NOT IN ('resolved', 'retracted', 'closed');
CREATE INDEX outbox_of_change ON nephrowatch.outbox (episode_id, change_seq);
CREATE INDEX findings_of_patient ON nephrowatch.findings (patient_id, rule, judgement_id DESC);

DO $$
DECLARE
    protected record;
BEGIN
    FOR protected IN SELECT * FROM (VALUES
        ('episodes', 'nephrowatch.sees_unit(unit)'),
        ('limbs', 'EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = limbs.episode_id)'),
        ('changes', 'EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = changes.episode_id)'),
        ('told', 'EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = told.episode_id)'),
        ('outbox', 'nephrowatch.sees_unit(coalesce(unit, ''''))'),
        ('attempts', 'EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.outbox_id = attempts.outbox_id)'),
        ('findings', 'nephrowatch.sees_unit(unit)'),
        ('standings', 'nephrowatch.sees_unit(unit)'),
        ('finding_counts', 'nephrowatch.sees_unit(unit)'),
        ('subjects', 'nephrowatch.sees_unit(nephrowatch.unit_of(nephrowatch.patient_of(subject_id)))'),
        ('medications', 'nephrowatch.sees_unit(nephrowatch.unit_of(nephrowatch.patient_of(subject_id)))'),
        ('census', 'nephrowatch.sees_unit(nephrowatch.unit_of(nephrowatch.patient_of(subject_id)))')
    ) AS t (name, visible) LOOP
        EXECUTE format('ALTER TABLE nephrowatch.%I ENABLE ROW LEVEL SECURITY', protected.name);
        EXECUTE format('CREATE POLICY stages ON nephrowatch.%I TO nephrowatch_pipeline, nephrowatch_delivery, '
            'nephrowatch_web, nephrowatch_reader USING (true) WITH CHECK (true)', protected.name);
        EXECUTE format('CREATE POLICY own_units ON nephrowatch.%I FOR SELECT TO nephrowatch_pages USING (%s)',
            protected.name, protected.visible);
        EXECUTE format('GRANT SELECT ON nephrowatch.%I TO nephrowatch_pages', protected.name);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA nephrowatch TO nephrowatch_pages;
GRANT SELECT ON nephrowatch.alembic_version, nephrowatch.units, nephrowatch.runs, nephrowatch.judgements, nephrowatch.rulesets,
    nephrowatch.rule_events, nephrowatch.files, nephrowatch.feed_counts, nephrowatch.feed_alarms, nephrowatch.batches,
    nephrowatch.unit_rules, nephrowatch.page_reads TO nephrowatch_pages;
GRANT INSERT ON nephrowatch.page_reads TO nephrowatch_pages;
GRANT SELECT ON nephrowatch.page_reads TO nephrowatch_pipeline, nephrowatch_web;
SET LOCAL ROLE nephrowatch_ledger;
GRANT USAGE ON SCHEMA history TO nephrowatch_pages;
GRANT EXECUTE ON FUNCTION history.append(text[], text[]) TO nephrowatch_pages;
GRANT SELECT ON history.ledger, history.head TO nephrowatch_pages;
RESET ROLE;
