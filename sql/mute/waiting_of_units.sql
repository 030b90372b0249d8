-- Open episodes somebody was not told of while a silence lasts, by unit and silence.
SELECT x.unit, x.silence_id, count(DISTINCT x.episode_id)::bigint AS episodes
FROM nephrowatch.silenced x JOIN nephrowatch.episodes e USING (episode_id)
WHERE x.outcome IS NULL AND e.state IN ('open', 'stale')
GROUP BY x.unit, x.silence_id
ORDER BY x.unit, x.silence_id
