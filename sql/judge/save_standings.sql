INSERT INTO nephrowatch.standings (judgement_id, patient_id, unit, status, newest_result)
SELECT :judgement_id, patient_id, unit, status, newest_result FROM judged_standings
ON CONFLICT DO NOTHING
