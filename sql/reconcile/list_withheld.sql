-- Open episodes of every unit that somebody is not told of while something mutes them, by what does: the newest word on an episode
-- and destination counts.
SELECT e.unit, w.reason, count(DISTINCT e.episode_id)::bigint AS episodes
FROM nephrowatch.episodes e
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (t.destination) t.destination, t.reason, c.seq
    FROM nephrowatch.changes c CROSS JOIN LATERAL jsonb_to_recordset(c.withheld) AS t(destination text, reason text)
    WHERE c.episode_id = e.episode_id
    ORDER BY t.destination, c.seq DESC
) w
WHERE e.state IN ('open', 'stale') AND w.reason LIKE 'inhibited:%'
  AND NOT EXISTS (SELECT FROM nephrowatch.outbox o
                   WHERE o.episode_id = e.episode_id AND o.destination = w.destination AND o.change_seq > w.seq)
GROUP BY e.unit, w.reason
ORDER BY e.unit, w.reason
