INSERT INTO repeated (row_no, first_copy, version)
SELECT row_no, min(row_no) OVER (PARTITION BY result_key, content_key, patient_id),
       row_number() OVER (PARTITION BY result_key ORDER BY row_no)
FROM keyed
WHERE result_key IN (SELECT result_key FROM keyed GROUP BY result_key HAVING count(*) > 1)
