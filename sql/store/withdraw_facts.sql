-- Rows that are not read as good any more, or as another fact, leave a version behind that counts for nothing.
INSERT INTO nephrowatch.facts (fact_id, subject_id, fact_key, content_key, fact, code, said, value, happened_on, ended_on,
                               status, unit, batch, file_id, row_no)
SELECT (SELECT coalesce(max(fact_id), 0) FROM nephrowatch.facts) + row_number() OVER (ORDER BY row_no, fact_id),
       subject_id, fact_key, md5(concat_ws(chr(31), content_key, 'gone', CAST(:batch AS bigint), row_no))::uuid, fact, code, said, value,
       happened_on, ended_on, 'entered-in-error', unit, :batch, file_id, row_no
FROM nephrowatch.facts old
WHERE old.file_id = :file_id AND old.status <> 'entered-in-error' AND old.batch < :batch
  AND (old.row_no <> ALL (:kept)
       OR EXISTS (SELECT FROM nephrowatch.facts f WHERE f.file_id = old.file_id AND f.row_no = old.row_no
                     AND f.batch = :batch AND f.fact_key <> old.fact_key))
  AND NOT EXISTS (SELECT FROM nephrowatch.facts f WHERE f.fact_key = old.fact_key
                     AND f.file_id = old.file_id AND f.row_no = old.row_no AND f.fact_id > old.fact_id)
