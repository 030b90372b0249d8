INSERT INTO known_before (id, result_key, content_key, subject_id, issued_at, rank, said)
SELECT r.id, r.result_key, r.content_key, r.subject_id, r.issued_at,
       CASE r.status WHEN 'preliminary' THEN 0 WHEN 'final' THEN 1 WHEN 'corrected' THEN 2 WHEN 'amended' THEN 2
                     ELSE 3 END,
       concat_ws(chr(31), r.value_text, r.unit_text, r.status, r.issued_at, r.collected_at)
FROM nephrowatch.results r
WHERE r.result_key IN (SELECT result_key FROM keyed)
