-- As known_results, for the few subjects outside :first to :last that were ever linked to a patient inside.
SELECT subject_id, analyte, collected_at, id, value, batch, draw, flags, coalesce(assay_id, 0) AS assay_id
FROM nephrowatch.results
WHERE subject_id = ANY (ARRAY(SELECT subject_id FROM nephrowatch.links
                              WHERE patient_id BETWEEN :first AND :last
                                AND subject_id NOT BETWEEN :first AND :last AND batch <= :known))
  AND batch <= :known AND value IS NOT NULL
ORDER BY subject_id, analyte, collected_at
