-- The newest census row of each subject of the patients :first to :last that was in effect on :night.
SELECT DISTINCT ON (subject_id)
    subject_id, effective_on - DATE '1970-01-01' AS effective_day, batch, census_id, unit, status, modality
FROM nephrowatch.census
WHERE (subject_id BETWEEN :first AND :last
       OR subject_id = ANY (ARRAY(SELECT subject_id FROM nephrowatch.links
                                  WHERE patient_id BETWEEN :first AND :last
                                    AND subject_id NOT BETWEEN :first AND :last AND batch <= :known)))
  AND batch <= :known AND effective_on <= :night
ORDER BY subject_id, effective_on DESC, batch DESC, census_id DESC
