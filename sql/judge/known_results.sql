-- Versions of subjects :first to :last that were there at batch :known, in the order of the covering index and
-- from it alone. Superseded ones are still among them: dropping them here would cost a join over every row. traits: analyte,
-- flags (16 bits) and assay (0 none) in one number, because every column of every row costs time on its way.
SELECT subject_id, collected_at, id, value, batch, draw,
       (analyte::bigint << 48) | (flags::bigint << 32) | coalesce(assay_id, 0) AS traits
FROM nephrowatch.results
WHERE subject_id BETWEEN :first AND :last AND batch <= :known AND value IS NOT NULL
ORDER BY subject_id, analyte, collected_at
