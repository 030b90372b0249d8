-- The version of each fact that stood at batch :known; days since 1970-01-01, -1 none; known to have begun by :night. And
-- what the census says of hospital stays, as admissions that last until its next row.
WITH newest AS (
    SELECT DISTINCT ON (fact_key) *
    FROM nephrowatch.facts
    WHERE (subject_id BETWEEN :first AND :last
           OR subject_id = ANY (ARRAY(SELECT subject_id FROM nephrowatch.links
                                      WHERE patient_id BETWEEN :first AND :last
                                        AND subject_id NOT BETWEEN :first AND :last AND batch <= :known)))
      AND batch <= :known
    ORDER BY fact_key, batch DESC, fact_id DESC
),
places AS (
    SELECT DISTINCT ON (subject_id, effective_on) subject_id, effective_on, status, census_id
    FROM nephrowatch.census
    WHERE (subject_id BETWEEN :first AND :last
           OR subject_id = ANY (ARRAY(SELECT subject_id FROM nephrowatch.links
                                      WHERE patient_id BETWEEN :first AND :last
                                        AND subject_id NOT BETWEEN :first AND :last AND batch <= :known)))
      AND batch <= :known AND effective_on <= :night
    ORDER BY subject_id, effective_on, batch DESC, census_id DESC
),
stays AS (
    SELECT subject_id, status, census_id, effective_on,
           lead(effective_on) OVER (PARTITION BY subject_id ORDER BY effective_on) AS until
    FROM places
)
SELECT subject_id, fact, happened_on - DATE '1970-01-01' AS day, coalesce(ended_on - DATE '1970-01-01', -1) AS end_day,
       value, fact_id
FROM newest
WHERE status <> 'entered-in-error' AND happened_on <= :night
UNION ALL
SELECT subject_id, 'admission', effective_on - DATE '1970-01-01', coalesce(until - DATE '1970-01-01', -1), NULL, -census_id
FROM stays
WHERE status = 'admitted'
ORDER BY fact_id
