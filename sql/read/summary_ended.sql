-- Episodes that ended on or after a night, and why.
SELECT e.ref, e.unit, e.severity, e.cause_group, e.state, c.night, c.reason, c.sentence
FROM nephrowatch.episodes e
JOIN nephrowatch.changes c ON c.episode_id = e.episode_id AND c.seq = e.version
WHERE e.state IN ('resolved', 'retracted', 'closed') AND c.night >= CAST(:since AS date)
ORDER BY c.night DESC, e.state, e.unit, e.ref
