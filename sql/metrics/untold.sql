-- As the auditor task asks it: open, HIGH or CRITICAL, firing, told to nobody and withheld for no reason.
SELECT count(*) AS episodes
FROM nephrowatch.episodes e
WHERE e.state = 'open' AND e.severity IN ('HIGH', 'CRITICAL')
    AND EXISTS (SELECT FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id AND l.outcome = 'firing')
    AND NOT EXISTS (
        SELECT FROM nephrowatch.outbox o
        WHERE o.episode_id = e.episode_id AND o.state IN ('pending', 'claimed', 'delivered'))
    AND NOT EXISTS (
        SELECT FROM nephrowatch.changes c
        WHERE c.episode_id = e.episode_id AND c.withheld <> '[]'
            AND NOT EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.episode_id = c.episode_id AND o.change_seq >= c.seq))
