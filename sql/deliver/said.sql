-- What a person said of an episode that holds still: acknowledged, snoozed or dismissed; no row for none.
SELECT e.state, last.actor_name, last.until
FROM nephrowatch.episodes e
CROSS JOIN LATERAL (SELECT a.action, a.actor_name, a.until FROM nephrowatch.human_actions a
                    WHERE a.episode_id = e.episode_id AND a.action IN ('acknowledge', 'snooze', 'dismiss', 'unacknowledge')
                    ORDER BY a.action_id DESC LIMIT 1) last
WHERE e.episode_id = :episode_id AND last.action <> 'unacknowledge' AND e.state IN ('acknowledged', 'snoozed', 'dismissed')
