-- Episodes a death closed while they were open at HIGH or CRITICAL, until somebody records an outcome of them.
SELECT e.episode_id
FROM nephrowatch.episodes e
JOIN nephrowatch.changes c ON c.episode_id = e.episode_id AND c.kind = 'closed'
WHERE e.state = 'closed' AND c.reason = 'died' AND c.severity IN ('HIGH', 'CRITICAL')
  AND NOT EXISTS (SELECT FROM nephrowatch.human_actions a
                   WHERE a.episode_id = e.episode_id AND a.action = 'outcome' AND a.seq > c.seq)
ORDER BY e.episode_id
