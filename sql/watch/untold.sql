-- Episodes that are open and HIGH or CRITICAL, of which no message is on its way or arrived anywhere, and of which no
-- telling was withheld for a named reason: nobody knows, and nobody decided that. An inhibition is no reason for an episode opened
-- before :muted_since, by when it had to end.
SELECT e.ref
FROM nephrowatch.episodes e
WHERE e.state = 'open' AND e.severity IN ('HIGH', 'CRITICAL')
    AND EXISTS (SELECT FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id AND l.outcome = 'firing')
    AND NOT EXISTS (
        SELECT FROM nephrowatch.outbox o
        WHERE o.episode_id = e.episode_id AND o.state IN ('pending', 'claimed', 'bundled', 'delivered'))
    AND NOT EXISTS (
        SELECT FROM nephrowatch.changes c
        WHERE c.episode_id = e.episode_id AND c.withheld <> '[]'
            AND (e.opened_night >= :muted_since OR EXISTS (
                SELECT FROM jsonb_array_elements(c.withheld) w WHERE w ->> 'reason' NOT LIKE 'inhibited:%'))
            AND NOT EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.episode_id = c.episode_id AND o.change_seq >= c.seq))
ORDER BY e.episode_id
