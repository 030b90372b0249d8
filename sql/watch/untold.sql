-- Episodes that are open and HIGH or CRITICAL, of which no message is on its way or arrived anywhere, and of which no
-- telling was withheld for a named reason: nobody knows, and nobody decided that. An inhibition is no reason for an episode opened
-- before :muted_since, by when it had to end; a silence is one while what it withheld waits for its end (see watch/silenced).
SELECT e.ref
FROM nephrowatch.episodes e
WHERE e.state = 'open' AND e.severity IN ('HIGH', 'CRITICAL')
    AND EXISTS (SELECT FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id AND l.outcome = 'firing')
    AND NOT EXISTS (
        SELECT FROM nephrowatch.outbox o
        WHERE o.episode_id = e.episode_id AND o.state IN ('pending', 'claimed', 'bundled', 'delivered'))
    AND NOT EXISTS (
        SELECT FROM nephrowatch.changes c CROSS JOIN LATERAL jsonb_array_elements(c.withheld) w
        WHERE c.episode_id = e.episode_id
            AND NOT EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.episode_id = c.episode_id AND o.change_seq >= c.seq)
            AND CASE WHEN w ->> 'reason' LIKE 'inhibited:%' THEN e.opened_night >= :muted_since
                     WHEN w ->> 'reason' LIKE 'silenced:%' THEN EXISTS (
                        SELECT FROM nephrowatch.silenced x
                        WHERE x.episode_id = c.episode_id AND x.change_seq = c.seq AND x.outcome IS NULL)
                     ELSE true END)
ORDER BY e.episode_id
