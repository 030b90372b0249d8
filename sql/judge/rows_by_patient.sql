-- How many versions each patient has at batch :known; every patient, those without any included.
WITH linked AS (
    SELECT DISTINCT ON (subject_id) subject_id, patient_id
    FROM nephrowatch.links WHERE batch <= :known ORDER BY subject_id, batch DESC
), counted AS (
    SELECT subject_id, count(*) AS versions FROM nephrowatch.results WHERE batch <= :known GROUP BY subject_id
)
SELECT patient_id, CAST(sum(coalesce(versions, 0)) AS bigint) AS versions
FROM linked LEFT JOIN counted USING (subject_id)
GROUP BY patient_id
ORDER BY patient_id
