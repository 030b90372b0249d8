SELECT unit, count(*) AS active, min(newest_result) AS oldest_input, max(newest_result) AS newest_input
FROM nephrowatch.standings
WHERE judgement_id = :judgement_id AND status IN ('active', 'admitted')
GROUP BY unit
