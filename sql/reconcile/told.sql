-- What each destination was told of these episodes, or will be by a row on its way; a message that died told nobody.
-- A withdrawal starts the count again: what it says still stands is what its readers know.
SELECT o.episode_id, o.destination, o.change_seq, o.kind, coalesce(t.limbs, o.content -> 'limbs') AS limbs
FROM nephrowatch.outbox o
LEFT JOIN nephrowatch.told t USING (outbox_id)
WHERE o.episode_id = ANY (:episodes)
  AND o.kind IN ('alert', 'handed_over', 'withdrawn')
  AND (t.outbox_id IS NOT NULL OR o.state NOT IN ('dead', 'permanent'))
ORDER BY o.episode_id, o.destination, o.change_seq, o.outbox_id
