INSERT INTO known_before (id, result_key, content_key, patient_id, issued_at, issue_stated, rank, said)
SELECT r.id, r.result_key, r.content_key,
       coalesce((SELECT min(p.patient_id) FROM people p WHERE p.subject_id = r.subject_id),
                (SELECT l.patient_id FROM nephrowatch.links l WHERE l.subject_id = r.subject_id ORDER BY l.batch DESC LIMIT 1)),
       r.issued_at, r.issue_stated,
       CASE r.status WHEN 'preliminary' THEN 0 WHEN 'final' THEN 1 WHEN 'corrected' THEN 2 WHEN 'amended' THEN 2
                     ELSE 3 END,
       concat_ws(chr(31), r.value_text, r.unit_text, r.status, r.collected_at)
FROM nephrowatch.results r
WHERE r.result_key IN (SELECT result_key FROM keyed)
