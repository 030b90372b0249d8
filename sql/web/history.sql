-- Steps of episodes, newest first, by what the reader asks for ('' any). withheld: only those with a telling withheld.
SELECT c.recorded_at, c.night, e.ref, e.unit, e.cause_group, c.kind, c.reason, c.sentence, c.from_state, c.to_state, c.severity,
       c.withheld, c.judgement_id IS NULL AS by_person, c.seq, e.patient_id
FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id)
WHERE c.recorded_at >= :first AND c.recorded_at < :until
  AND (:unit = '' OR e.unit = :unit) AND (:severity = '' OR c.severity = :severity) AND (:state = '' OR c.to_state = :state)
  AND (:rule = '' OR jsonb_exists(c.limbs, :rule)) AND (NOT :withheld OR c.withheld <> '[]')
  AND (:actor = '' OR EXISTS (
      SELECT FROM nephrowatch.human_actions a WHERE a.episode_id = c.episode_id AND a.seq = c.seq
        AND (strpos(lower(a.actor_name), lower(:actor)) > 0 OR lower(a.actor) = lower(:actor) OR lower(a.role) = lower(:actor))))
  AND (:ref = '' OR e.ref = :ref)
ORDER BY c.recorded_at DESC, c.episode_id DESC, c.seq DESC
LIMIT :most
