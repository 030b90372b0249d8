-- Off the covering index, a few rows a patient and analyte; the rest of each from the table.
WITH asked AS (
    SELECT identifier, subject_id FROM nephrowatch.subjects WHERE authority = :authority AND identifier = ANY (:identifiers)
)
SELECT a.identifier, r.analyte, r.collected_at, r.value, r.unit_text, r.accession
FROM asked a
CROSS JOIN LATERAL (
    SELECT *, row_number() OVER (PARTITION BY analyte ORDER BY collected_at DESC, id DESC) AS place
    FROM nephrowatch.results
    WHERE subject_id = a.subject_id AND collected_at >= :since AND value IS NOT NULL AND file_id <> :besides
      AND NOT EXISTS (SELECT FROM nephrowatch.supersessions s WHERE s.loser_id = results.id)
) r
WHERE r.place <= 6
ORDER BY a.identifier, r.analyte, r.collected_at, r.accession
