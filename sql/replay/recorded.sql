-- What a judgement recorded at a moment: each change, and whom it was told to.
SELECT e.patient_id, e.cause_group, c.kind, c.reason, c.sentence, c.from_state, c.to_state, c.severity, c.limbs, c.withheld,
       (SELECT coalesce(jsonb_agg(DISTINCT o.destination), '[]') FROM nephrowatch.outbox o
         WHERE o.episode_id = c.episode_id AND o.change_seq = c.seq AND o.kind IN ('alert', 'withdrawn', 'handed_over')
           AND NOT o.content ? 'instead_of' AND NOT o.content ? 'escalated' AND NOT o.content ? 'silence') AS told
FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id)
WHERE c.judgement_id = :judgement_id AND c.recorded_at = :at
ORDER BY e.patient_id, e.cause_group, c.seq
