-- The newest judgement of a night all of whose shards are judged: the one to decide by.
SELECT j.judgement_id, j.live, j.known, j.ruleset, j.sealed_at, r.night
FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
WHERE j.run_id = :run_id
  AND NOT EXISTS (SELECT FROM nephrowatch.shards s WHERE s.judgement_id = j.judgement_id AND s.judged_at IS NULL)
ORDER BY j.live DESC, j.known DESC, j.frozen_at DESC, j.judgement_id DESC
LIMIT 1
