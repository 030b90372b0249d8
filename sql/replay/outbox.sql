-- Messages of episodes that had been queued. One that was given up later was still on its way.
CREATE TEMP TABLE outbox ON COMMIT DROP AS
SELECT o.outbox_id, o.kind, o.destination, o.content, o.episode_id, o.change_seq,
       CASE WHEN o.state IN ('dead', 'permanent') AND coalesce((SELECT max(a.finished_at) FROM nephrowatch.attempts a
                    WHERE a.outbox_id = o.outbox_id),
                    (SELECT max(a.finished_at) FROM nephrowatch.outbox b JOIN nephrowatch.attempts a USING (outbox_id)
                    WHERE b.dedup_key = o.bundled_in), o.created_at) >= m.at THEN 'pending' ELSE o.state END AS state
FROM nephrowatch.outbox o CROSS JOIN pg_temp.moment m
JOIN (SELECT episode_id, max(seq) AS seq FROM pg_temp.changes GROUP BY episode_id) c USING (episode_id)
WHERE o.change_seq <= c.seq AND o.created_at <= m.at
