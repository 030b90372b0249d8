-- Every message of an episode and every attempt to send it.
SELECT o.outbox_id, o.change_seq, o.kind, o.destination, o.state, o.possible_repeat, o.bundled_in IS NOT NULL AS bundled, o.created_at, t.told_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'started', a.send_started_at, 'finished', a.finished_at,
                'outcome', a.outcome, 'sentence', a.sentence) ORDER BY a.attempt), '[]')
          FROM nephrowatch.attempts a WHERE a.outbox_id = o.outbox_id) AS attempts
FROM nephrowatch.outbox o LEFT JOIN nephrowatch.told t USING (outbox_id)
WHERE o.episode_id = :episode_id ORDER BY o.outbox_id
