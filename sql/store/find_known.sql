-- The patient of a number is the one of now: of the file's own numbers as found already, of others by their latest link.
INSERT INTO known_before (id, result_key, content_key, patient_id, issued_at, issue_stated, rank, collected_at, said)
SELECT r.id, r.result_key, r.content_key,
       coalesce(p.patient_id,
                (SELECT l.patient_id FROM nephrowatch.links l WHERE l.subject_id = r.subject_id ORDER BY l.batch DESC LIMIT 1)),
       r.issued_at, r.issue_stated,
       CASE r.status WHEN 'preliminary' THEN 0 WHEN 'final' THEN 1 WHEN 'corrected' THEN 2 WHEN 'amended' THEN 2
                     ELSE 3 END,
       r.collected_at, concat_ws(chr(31), r.value_text, r.unit_text, r.status, r.collected_at)
FROM (SELECT DISTINCT result_key FROM keyed) k
JOIN nephrowatch.results r USING (result_key)
LEFT JOIN (SELECT subject_id, min(patient_id) AS patient_id FROM people GROUP BY subject_id) p USING (subject_id)
