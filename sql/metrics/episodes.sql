SELECT unit, severity, state, count(*) AS episodes FROM nephrowatch.episodes
WHERE state NOT IN ('resolved', 'retracted', 'closed')
GROUP BY unit, severity, state ORDER BY unit, severity, state
