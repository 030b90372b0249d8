-- From the first telling to the first person who took or acknowledged the episode, in the last 30 days.
SELECT e.severity, count(*) AS episodes,
    percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM h.first - t.first)::float8) AS seconds
FROM nephrowatch.episodes e
JOIN (SELECT episode_id, min(told_at) AS first FROM nephrowatch.told GROUP BY episode_id) t USING (episode_id)
JOIN (SELECT episode_id, min(recorded_at) AS first FROM nephrowatch.human_actions
      WHERE action IN ('take', 'acknowledge', 'snooze', 'dismiss') GROUP BY episode_id) h USING (episode_id)
WHERE h.first > CAST(:now AS timestamptz) - interval '30 days' AND h.first >= t.first
GROUP BY e.severity ORDER BY e.severity
