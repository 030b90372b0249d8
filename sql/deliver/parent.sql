-- The first post of an episode in a Slack channel: what later ones hang under.
SELECT o.receipt ->> 'ts' AS ts
FROM nephrowatch.outbox o
WHERE o.episode_id = :episode_id AND o.destination = :destination AND o.state = 'delivered'
    AND o.receipt ? 'ts' AND NOT o.receipt ? 'thread' AND o.kind <> 'parent'
ORDER BY o.outbox_id
LIMIT 1
