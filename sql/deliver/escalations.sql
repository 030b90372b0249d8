-- Steps that are due, with what has become of their alert. answered: somebody took, acknowledged,
-- snoozed or dismissed it since, and did not take that back.
-- The content is that of the alert; had: who got it.
SELECT x.episode_id, x.change_seq, x.step, x.minutes, x.destinations, e.state, e.unit, o.content, o.severity, o.night, o.had,
       EXISTS (SELECT FROM nephrowatch.escalations n WHERE n.episode_id = x.episode_id AND n.change_seq > x.change_seq) AS superseded,
       EXISTS (SELECT FROM nephrowatch.human_actions a WHERE a.episode_id = x.episode_id AND a.evidence_seq >= x.change_seq
                AND a.action IN ('take', 'acknowledge', 'snooze', 'dismiss') AND NOT EXISTS (
                    SELECT FROM nephrowatch.human_actions r WHERE r.episode_id = a.episode_id AND r.action_id > a.action_id
                        AND r.action IN ('release', 'unacknowledge'))) AS answered
FROM nephrowatch.escalations x JOIN nephrowatch.episodes e USING (episode_id)
CROSS JOIN LATERAL (
    SELECT (array_agg(m.content ORDER BY m.outbox_id))[1] AS content, min(m.severity) AS severity, min(m.night) AS night,
           jsonb_agg(DISTINCT m.destination) AS had
    FROM nephrowatch.outbox m
    WHERE m.episode_id = x.episode_id AND m.change_seq = x.change_seq AND m.kind IN ('alert', 'handed_over')
        AND NOT m.content ? 'escalated' AND NOT m.content ? 'instead_of') o
WHERE x.outcome IS NULL AND x.due_at <= :now
ORDER BY x.due_at, x.episode_id, x.step
LIMIT 200
FOR UPDATE OF x SKIP LOCKED
