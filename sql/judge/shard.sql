-- Everything judging one shard needs to know of its judgement.
SELECT s.shard_id, s.judgement_id, s.first_patient, s.last_patient, s.judged_at,
       j.known, j.ruleset, j.previous_ruleset, r.night, p.body AS previous_body, t.body AS body
FROM nephrowatch.shards s
JOIN nephrowatch.judgements j USING (judgement_id)
JOIN nephrowatch.runs r USING (run_id)
JOIN nephrowatch.rulesets t ON t.ruleset = j.ruleset
LEFT JOIN nephrowatch.rulesets p ON p.ruleset = j.previous_ruleset
WHERE s.shard_id = :shard_id
