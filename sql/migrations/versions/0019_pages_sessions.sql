-- When those on a list are dialysed, where thousands are on it. Run as nephrowatch_migrator.

-- A patient's newest census is found in the index alone.
CREATE INDEX census_newest ON nephrowatch.census (subject_id, effective_on, batch, census_id) INCLUDE (schedule, modality);
DROP INDEX nephrowatch.census_by_subject;

-- As before; only those with more than one identifier are sorted.
CREATE OR REPLACE FUNCTION nephrowatch.sessions_of_open(of_unit text)
    RETURNS TABLE (patient_id bigint, schedule text, modality text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH listed AS MATERIALIZED (
        SELECT DISTINCT e.patient_id FROM nephrowatch.episodes e
        WHERE e.state NOT IN ('resolved', 'retracted', 'closed') AND (of_unit = '' OR e.unit = of_unit)
          AND ((SELECT current_setting('nephrowatch.units', true)) = '*'
               OR e.unit = ANY ((SELECT string_to_array(current_setting('nephrowatch.units', true), ','))::text[]))
    ),
    merged AS MATERIALIZED (
        SELECT k.patient_id, k.subject_id FROM nephrowatch.links k JOIN listed USING (patient_id)
        WHERE k.subject_id <> k.patient_id AND nephrowatch.patient_of(k.subject_id) = k.patient_id
    ),
    under AS (SELECT m.patient_id, m.subject_id FROM merged m UNION SELECT m.patient_id, m.patient_id FROM merged m)
    SELECT l.patient_id, c.schedule, c.modality
    FROM listed l CROSS JOIN LATERAL (
        SELECT c.schedule, c.modality FROM nephrowatch.census c WHERE c.subject_id = l.patient_id
        ORDER BY c.effective_on DESC, c.batch DESC, c.census_id DESC LIMIT 1) c
    WHERE NOT EXISTS (SELECT FROM merged m WHERE m.patient_id = l.patient_id)
    UNION ALL
    (SELECT DISTINCT ON (u.patient_id) u.patient_id, c.schedule, c.modality
     FROM under u JOIN nephrowatch.census c USING (subject_id)
     ORDER BY u.patient_id, c.effective_on DESC, c.batch DESC, c.census_id DESC)
$$;
