-- Steps of episodes, newest first, by what the reader asks for ('' any). withheld: only those with a telling withheld.
SELECT c.recorded_at, c.night, e.ref, e.unit, e.cause_group, c.kind, c.reason, c.sentence, c.from_state, c.to_state, c.severity,
       c.withheld, c.judgement_id IS NULL AS by_person, c.seq, e.patient_id
FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id)
WHERE c.recorded_at >= :first AND c.recorded_at < :until
  AND (:unit = '' OR e.unit = :unit) AND (:severity = '' OR c.severity = :severity) AND (:state = '' OR c.to_state = :state)
  AND (:rule = '' OR jsonb_exists(c.limbs, :rule)) AND (NOT :withheld OR c.withheld <> '[]')
  AND (:actor = '' OR (c.judgement_id IS NULL AND strpos(lower(c.sentence), lower(:actor)) > 0))
  AND (:ref = '' OR e.ref = :ref)
ORDER BY c.recorded_at DESC, c.episode_id DESC, c.seq DESC
LIMIT :most
