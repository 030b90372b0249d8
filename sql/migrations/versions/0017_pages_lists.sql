-- Lists of the pages: a bounded page of a unit, whatever stands on it; drugs and census under every identifier of a patient.
-- Run as nephrowatch_migrator.

-- A patient's newest census is found in the index alone.
CREATE INDEX census_newest ON nephrowatch.census (subject_id, effective_on, batch, census_id) INCLUDE (schedule, modality);
DROP INDEX nephrowatch.census_by_subject;

-- When those with an open episode are dialysed: their newest census, under whichever of their identifiers it came. What may be
-- seen is asked once, of the episodes' units; a policy would ask of each row where its patient belongs. Only those with more than
-- one identifier are sorted.
CREATE FUNCTION nephrowatch.sessions_of_open(of_unit text)
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
REVOKE ALL ON FUNCTION nephrowatch.sessions_of_open(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.sessions_of_open(text) TO nephrowatch_pages;
CREATE INDEX links_merged ON nephrowatch.links (patient_id) WHERE subject_id <> patient_id;

-- The subjects that are this patient now; nobody's where the reader does not see the patient's unit.
CREATE FUNCTION nephrowatch.subjects_of(patient bigint)
    RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    SELECT DISTINCT l.subject_id FROM nephrowatch.links l
    WHERE l.patient_id = patient AND nephrowatch.patient_of(l.subject_id) = patient
      AND nephrowatch.sees_unit(nephrowatch.unit_of(patient))
$$;
REVOKE ALL ON FUNCTION nephrowatch.subjects_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.subjects_of(bigint) TO nephrowatch_pages;
