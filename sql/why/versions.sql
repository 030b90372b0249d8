-- Every version of a patient's results of some analytes, and what superseded it.
SELECT r.id, r.analyte, r.collected_at, r.value, r.value_text, r.unit_text, r.status, r.batch,
       p.batch AS superseded_in, p.winner_id, w.reason AS because, w.status AS winner_status, w.value_text AS winner_text
FROM nephrowatch.results r
LEFT JOIN nephrowatch.supersessions p ON p.loser_id = r.id
LEFT JOIN nephrowatch.results w ON w.id = p.winner_id
WHERE r.subject_id = ANY (:subjects) AND r.analyte = ANY (:analytes)
ORDER BY r.analyte, r.collected_at DESC, r.id
