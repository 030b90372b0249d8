-- Versions of subjects :first to :last that were there at batch :known, in the order of the covering index and
-- from it alone. Superseded ones are still among them: dropping them here would cost a join over every row.
SELECT subject_id, analyte, collected_at, id, value, batch, draw, flags, coalesce(assay_id, 0) AS assay_id
FROM nephrowatch.results
WHERE subject_id BETWEEN :first AND :last AND batch <= :known AND value IS NOT NULL
ORDER BY subject_id, analyte, collected_at
