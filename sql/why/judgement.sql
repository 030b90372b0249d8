-- The judgement a night was decided by: live before retrospective, the newest knowledge; null night: the newest night.
SELECT j.judgement_id, j.known, j.ruleset, j.live, r.night, s.body, j.reconciled_at IS NOT NULL AS reconciled
FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id) JOIN nephrowatch.rulesets s USING (ruleset)
WHERE (CAST(:night AS date) IS NULL OR r.night = :night)
  AND NOT EXISTS (SELECT FROM nephrowatch.shards h WHERE h.judgement_id = j.judgement_id AND h.judged_at IS NULL)
ORDER BY r.night DESC, j.live DESC, j.known DESC, j.judgement_id DESC
LIMIT 1
