-- As known_results, for the few subjects outside :first to :last that were ever linked to a patient inside.
SELECT subject_id, collected_at, id, value, batch, draw,
       (analyte::bigint << 48) | (flags::bigint << 32) | coalesce(assay_id, 0) AS traits
FROM nephrowatch.results
WHERE subject_id = ANY (ARRAY(SELECT subject_id FROM nephrowatch.links
                              WHERE patient_id BETWEEN :first AND :last
                                AND subject_id NOT BETWEEN :first AND :last AND batch <= :known))
  AND batch <= :known AND value IS NOT NULL
ORDER BY subject_id, analyte, collected_at
