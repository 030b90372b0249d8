-- Every silence, the newest first, with how many tellings it withheld and how many of those still wait.
SELECT s.silence_id, s.units, s.rules, s.groups, s.destinations, s.begins_at, s.ends_at, s.actor, s.reason, s.recorded_at,
       s.ended_at, s.ended_by, s.ended_reason,
       CASE WHEN s.ended_at IS NOT NULL OR s.ends_at <= :now THEN 'over' WHEN s.begins_at > :now THEN 'to come' ELSE 'in force'
       END AS state,
       coalesce(x.withheld, 0) AS withheld, coalesce(x.waiting, 0) AS waiting
FROM nephrowatch.silences s
LEFT JOIN (SELECT silence_id, count(*) AS withheld, count(*) FILTER (WHERE outcome IS NULL) AS waiting
           FROM nephrowatch.silenced GROUP BY silence_id) x USING (silence_id)
ORDER BY s.silence_id DESC
