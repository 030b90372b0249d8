INSERT INTO repeated (row_no, copy, version)
SELECT row_no, row_number() OVER (PARTITION BY result_key, content_key ORDER BY row_no),
       row_number() OVER (PARTITION BY result_key ORDER BY row_no)
FROM keyed
WHERE result_key IN (SELECT result_key FROM keyed GROUP BY result_key HAVING count(*) > 1)
