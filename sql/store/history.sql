-- One row, a column of values in each field: a row of the answer costs the driver more than the database.
-- Off the covering index, a few rows a patient and analyte; the rest of each from the table.
WITH asked AS (
    SELECT identifier, subject_id FROM nephrowatch.subjects WHERE authority = :authority AND identifier = ANY (:identifiers)
), joined AS MATERIALIZED (  -- numbers that were ever joined with others: few
    SELECT DISTINCT ON (subject_id) subject_id, patient_id FROM nephrowatch.links
    WHERE subject_id IN (SELECT subject_id FROM nephrowatch.identity_events UNION
                         SELECT merged_subject_id FROM nephrowatch.identity_events)
    ORDER BY subject_id, batch DESC
), meant AS (  -- each number asked for, and those of the same patient
    SELECT identifier, subject_id FROM asked
    UNION
    SELECT a.identifier, o.subject_id FROM asked a JOIN joined j USING (subject_id) JOIN joined o USING (patient_id)
), past AS (
    SELECT a.identifier, r.analyte, r.collected_at, r.value, r.unit_text, r.accession
    FROM meant a
    CROSS JOIN LATERAL (
        SELECT *, row_number() OVER (PARTITION BY analyte ORDER BY collected_at DESC, id DESC) AS place
        FROM nephrowatch.results
        WHERE subject_id = a.subject_id AND collected_at >= :since AND value IS NOT NULL AND file_id <> :besides
          AND NOT EXISTS (SELECT FROM nephrowatch.supersessions s WHERE s.loser_id = results.id)
    ) r
    WHERE r.place <= 6
    ORDER BY a.identifier, r.analyte, r.collected_at, r.accession
)
SELECT string_agg(int4send(octet_length(identifier)), '') AS patient_sizes,
       string_agg(convert_to(identifier, 'UTF8'), '') AS patients,
       string_agg(int2send(analyte), '') AS analytes,
       string_agg(int8send(CAST(extract(epoch FROM collected_at) * 1000000 AS bigint)), '') AS collected_at,
       string_agg(float8send(value), '') AS figures,
       string_agg(int4send(octet_length(unit_text)), '') AS unit_sizes,
       string_agg(convert_to(unit_text, 'UTF8'), '') AS units,
       string_agg(int4send(coalesce(octet_length(accession), -1)), '') AS accession_sizes,
       string_agg(convert_to(coalesce(accession, ''), 'UTF8'), '') AS accessions
FROM past
