-- The newest message of an episode to each destination: what its post there says, or will say once it has left.
SELECT DISTINCT ON (o.destination) o.destination, o.kind, o.severity, o.unit, o.content
FROM nephrowatch.outbox o
WHERE o.episode_id = :episode_id AND o.kind <> 'parent' AND o.state IN ('pending', 'claimed', 'delivered')
ORDER BY o.destination, o.outbox_id DESC
