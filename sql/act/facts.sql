-- The four facts of an episode, apart: accepted by a channel, seen by a person, opened, acknowledged; and what else was done.
SELECT 'accepted' AS fact, t.destination AS who, '' AS role, t.told_at AS at, '' AS reason, NULL::date AS until
FROM nephrowatch.told t WHERE t.episode_id = :episode_id
UNION ALL
SELECT CASE a.action WHEN 'opened' THEN 'opened' WHEN 'acknowledge' THEN 'acknowledged' ELSE a.action END,
       a.actor_name, a.role, a.recorded_at, CASE a.action WHEN 'outcome' THEN a.outcome || ' ' ELSE '' END || a.reason, a.until
FROM nephrowatch.human_actions a WHERE a.episode_id = :episode_id
UNION ALL
(SELECT 'seen', a.actor_name, a.role, a.recorded_at, '', NULL FROM nephrowatch.human_actions a
 WHERE a.episode_id = :episode_id ORDER BY a.action_id LIMIT 1)
ORDER BY at, fact
