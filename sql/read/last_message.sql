-- The newest message made of an episode (its number or ref).
SELECT o.outbox_id, o.kind, o.destination, o.state, o.content, o.possible_repeat, o.created_at
FROM nephrowatch.outbox o
JOIN nephrowatch.episodes e USING (episode_id)
WHERE e.ref = :ref OR CAST(e.episode_id AS text) = :ref
ORDER BY o.outbox_id DESC
LIMIT 1
