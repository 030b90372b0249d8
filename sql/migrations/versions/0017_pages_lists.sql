-- Lists of the pages: a bounded page of a unit, whatever stands on it. Run as nephrowatch_migrator.

-- When those with an open episode are dialysed: their newest census, under whichever of their identifiers it came. What may be
-- seen is asked once, of the episodes' units; a policy would ask of each row where its patient belongs.
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
    under AS (
        SELECT l.patient_id, l.patient_id AS subject_id FROM listed l
        UNION ALL
        SELECT k.patient_id, k.subject_id FROM nephrowatch.links k JOIN listed USING (patient_id)
        WHERE k.subject_id <> k.patient_id AND nephrowatch.patient_of(k.subject_id) = k.patient_id
    )
    SELECT DISTINCT ON (u.patient_id) u.patient_id, c.schedule, c.modality
    FROM under u CROSS JOIN LATERAL (
        SELECT c.* FROM nephrowatch.census c WHERE c.subject_id = u.subject_id
        ORDER BY c.effective_on DESC, c.batch DESC, c.census_id DESC LIMIT 1) c
    ORDER BY u.patient_id, c.effective_on DESC, c.batch DESC, c.census_id DESC
$$;
REVOKE ALL ON FUNCTION nephrowatch.sessions_of_open(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.sessions_of_open(text) TO nephrowatch_pages;
CREATE INDEX links_merged ON nephrowatch.links (patient_id) WHERE subject_id <> patient_id;
