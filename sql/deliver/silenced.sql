-- Tellings a silence withheld and of which nothing became yet, with what has become of their episode. firing, standing: its limbs;
-- superseded: something later was told there, or withheld there.
SELECT x.episode_id, x.change_seq, x.destination, x.silence_id, x.unit, x.severity, x.night, x.content,
       e.state, e.severity AS severity_now, e.cause_group,
       (SELECT coalesce(jsonb_object_agg(l.rule, l.severity), '{}') FROM nephrowatch.limbs l
         WHERE l.episode_id = x.episode_id AND l.outcome = 'firing') AS firing,
       (SELECT coalesce(jsonb_object_agg(l.rule, l.severity), '{}') FROM nephrowatch.limbs l
         WHERE l.episode_id = x.episode_id AND l.outcome IN ('firing', 'holding')) AS standing,
       EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.episode_id = x.episode_id AND o.destination = x.destination
                  AND o.change_seq >= x.change_seq AND o.kind IN ('alert', 'handed_over', 'withdrawn'))
       OR EXISTS (SELECT FROM nephrowatch.silenced n WHERE n.episode_id = x.episode_id AND n.destination = x.destination
                  AND n.change_seq > x.change_seq) AS superseded
FROM nephrowatch.silenced x JOIN nephrowatch.episodes e USING (episode_id)
WHERE x.outcome IS NULL
ORDER BY x.destination, x.unit, x.episode_id, x.change_seq
FOR UPDATE OF x SKIP LOCKED
