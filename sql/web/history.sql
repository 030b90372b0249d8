-- Steps of episodes, newest first, by what the reader asks for ('' any), older than a step already shown. withheld: only those
-- with a telling withheld; actors: keys of those who go by the words in :actor; few: only steps of :episodes.
SELECT c.recorded_at, c.night, e.ref, e.unit, e.cause_group, c.kind, c.reason, c.sentence, c.from_state, c.to_state, c.severity,
       c.withheld, c.judgement_id IS NULL AS by_person, c.episode_id, c.seq, e.patient_id
FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id)
WHERE c.recorded_at >= :first AND c.recorded_at < :until
  AND (NOT :further OR (c.recorded_at, c.episode_id, c.seq) < (:before, CAST(:before_episode AS bigint), CAST(:before_seq AS integer)))
  AND (:unit = '' OR e.unit = :unit) AND (:severity = '' OR c.severity = :severity) AND (:state = '' OR c.to_state = :state)
  AND (:rule = '' OR jsonb_exists(c.limbs, :rule)) AND (NOT :few OR c.episode_id = ANY (CAST(:episodes AS bigint[])))
  AND (NOT :withheld OR c.withheld <> '[]')
  AND (:actor = '' OR (c.judgement_id IS NULL AND EXISTS (
      SELECT FROM nephrowatch.human_actions a
      WHERE a.episode_id = c.episode_id AND a.seq = c.seq AND a.actor = ANY (CAST(:actors AS text[]))
        AND (strpos(lower(a.actor_name), lower(:actor)) > 0 OR lower(a.actor) = lower(:actor) OR lower(a.role) = lower(:actor)))))
  AND (:ref = '' OR e.ref = :ref)
ORDER BY c.recorded_at DESC, c.episode_id DESC, c.seq DESC
LIMIT :most
