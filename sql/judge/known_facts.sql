-- The version of each fact that stood at batch :known; days since 1970-01-01, -1 none; known to have begun by :night.
WITH newest AS (
    SELECT DISTINCT ON (fact_key) *
    FROM nephrowatch.facts
    WHERE (subject_id BETWEEN :first AND :last
           OR subject_id = ANY (ARRAY(SELECT subject_id FROM nephrowatch.links
                                      WHERE patient_id BETWEEN :first AND :last
                                        AND subject_id NOT BETWEEN :first AND :last AND batch <= :known)))
      AND batch <= :known
    ORDER BY fact_key, batch DESC, fact_id DESC
)
SELECT subject_id, fact, happened_on - DATE '1970-01-01' AS day, coalesce(ended_on - DATE '1970-01-01', -1) AS end_day,
       value, fact_id
FROM newest
WHERE status <> 'entered-in-error' AND happened_on <= :night
ORDER BY fact_id
