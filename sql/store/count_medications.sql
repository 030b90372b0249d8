SELECT fate, count(*) AS rows FROM (
    SELECT CASE WHEN EXISTS (SELECT FROM nephrowatch.medications m WHERE m.medication_key = k.medication_key
                               AND m.content_key = k.content_key AND m.file_id = :file_id AND m.row_no = k.row_no) THEN 'same'
                WHEN EXISTS (SELECT FROM nephrowatch.medications m
                              WHERE m.medication_key = k.medication_key AND m.content_key = k.content_key) THEN 'known'
                WHEN row_number() OVER (PARTITION BY medication_key, content_key ORDER BY row_no) > 1 THEN 'known'
                ELSE 'new' END AS fate
    FROM keyed_medications k) fates
GROUP BY fate
