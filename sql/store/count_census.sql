SELECT fate, count(*) AS rows FROM (
    SELECT CASE WHEN EXISTS (SELECT FROM nephrowatch.census c WHERE c.content_key = k.content_key
                               AND c.file_id = :file_id AND c.row_no = k.row_no) THEN 'same'
                WHEN EXISTS (SELECT FROM nephrowatch.census c WHERE c.content_key = k.content_key) THEN 'known'
                WHEN row_number() OVER (PARTITION BY content_key ORDER BY row_no) > 1 THEN 'known'
                ELSE 'new' END AS fate
    FROM keyed_census k) fates
GROUP BY fate
