INSERT INTO own_results (row_no, id, result_key, reads)
SELECT DISTINCT ON (row_no) row_no, id, result_key,
       concat_ws(chr(31), coalesce(value::text, 'none'), flags, unit, collected_at, status, subject_id, coalesce(assay_id, 0),
                 coalesce(condition, ''))
FROM nephrowatch.results WHERE file_id = :file_id
ORDER BY row_no, id DESC
