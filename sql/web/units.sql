-- Units the reader sees with the newest night judged live, its patients, and the age of what it knew.
SELECT u.unit, u.name, u.zone, u.judged_through, coalesce(s.patients, 0) AS patients, s.newest_result, s.oldest_newest
FROM nephrowatch.units u
LEFT JOIN LATERAL (
    SELECT count(*) AS patients, max(s.newest_result) AS newest_result, min(s.newest_result) AS oldest_newest
    FROM nephrowatch.standings s
    WHERE s.unit = u.unit AND s.status IN ('active', 'admitted')
      AND s.judgement_id = (SELECT max(j.judgement_id) FROM nephrowatch.judgements j WHERE j.live AND j.reconciled_at IS NOT NULL)
) s ON true
WHERE nephrowatch.sees_unit(u.unit)
ORDER BY u.unit
