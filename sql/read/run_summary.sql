-- What one night's newest live (else newest) judgement came to.
SELECT r.run_id, r.night, j.judgement_id, j.known, j.ruleset, j.live, b.recorded_at AS known_at
FROM nephrowatch.runs r
JOIN nephrowatch.judgements j USING (run_id)
LEFT JOIN nephrowatch.batches b ON b.batch = j.known
WHERE r.run_id = :run_id
ORDER BY j.live DESC, j.known DESC, j.judgement_id DESC LIMIT 1
