-- Who has taken an episode, if anybody.
SELECT t.actor, t.actor_name FROM (
    SELECT a.action, a.actor, a.actor_name FROM nephrowatch.human_actions a
    WHERE a.episode_id = :episode_id AND a.action IN ('take', 'release') ORDER BY a.action_id DESC LIMIT 1) t
WHERE t.action = 'take'
