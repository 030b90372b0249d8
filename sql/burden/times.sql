-- Hours from queueing to delivery, and from the first telling to a person's acknowledgement, by severity.
SELECT o.severity, 'deliver' AS what, count(*)::bigint AS messages,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.told_at - o.created_at) / 3600) AS median_hours,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM t.told_at - o.created_at) / 3600) AS p90_hours
FROM nephrowatch.told t JOIN nephrowatch.outbox o USING (outbox_id)
WHERE o.night BETWEEN :first AND :last AND o.severity IS NOT NULL
GROUP BY o.severity
UNION ALL
SELECT e.severity, 'acknowledge', count(*)::bigint,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.at - f.told_at) / 3600),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM a.at - f.told_at) / 3600)
FROM nephrowatch.episodes e
JOIN (SELECT episode_id, min(recorded_at) AS at FROM nephrowatch.changes
       WHERE to_state = 'acknowledged' AND judgement_id IS NULL AND night BETWEEN :first AND :last
       GROUP BY episode_id) a USING (episode_id)
JOIN (SELECT episode_id, min(told_at) AS told_at FROM nephrowatch.told GROUP BY episode_id) f USING (episode_id)
GROUP BY e.severity
ORDER BY 2, 1
