-- Subjects of the patients :first to :last as links and dates of birth stood at batch :known; born_day: days since 1970-01-01.
WITH linked AS (
    SELECT DISTINCT ON (subject_id) subject_id, patient_id
    FROM nephrowatch.links
    WHERE batch <= :known
      AND subject_id IN (SELECT subject_id FROM nephrowatch.links
                         WHERE patient_id BETWEEN :first AND :last AND batch <= :known)
    ORDER BY subject_id, batch DESC
)
SELECT subject_id, linked.patient_id, born.date_of_birth - DATE '1970-01-01' AS born_day
FROM linked
LEFT JOIN (SELECT DISTINCT ON (subject_id) subject_id, date_of_birth FROM nephrowatch.births
           WHERE batch <= :known AND subject_id IN (SELECT subject_id FROM linked)
           ORDER BY subject_id, batch DESC) born USING (subject_id)
WHERE linked.patient_id BETWEEN :first AND :last
ORDER BY subject_id
