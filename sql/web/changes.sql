-- Every step of an episode's life, in order.
SELECT c.seq, c.night, c.kind, c.reason, c.sentence, c.from_state, c.to_state, c.severity, c.withheld, c.recorded_at, j.known,
       j.ruleset
FROM nephrowatch.changes c LEFT JOIN nephrowatch.judgements j USING (judgement_id)
WHERE c.episode_id = :episode_id ORDER BY c.seq
