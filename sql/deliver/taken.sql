-- Who has taken an episode; no row when nobody has, or they gave it back.
SELECT last.actor_name
FROM (SELECT t.action, t.actor_name FROM nephrowatch.human_actions t
      WHERE t.episode_id = :episode_id AND t.action IN ('take', 'release')
      ORDER BY t.action_id DESC LIMIT 1) last
WHERE last.action = 'take'
