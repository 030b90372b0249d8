-- What each rule of an episode rests on, with its newest sentence.
SELECT l.rule, l.outcome, l.severity, l.reason, l.evidence, f.sentence, f.since, f.facts, f.known
FROM nephrowatch.limbs l
LEFT JOIN LATERAL (
    SELECT f.sentence, f.since, f.facts, j.known
    FROM nephrowatch.findings f JOIN nephrowatch.judgements j USING (judgement_id)
    WHERE f.patient_id = :patient_id AND f.rule = l.rule AND j.live ORDER BY f.judgement_id DESC LIMIT 1
) f ON true
WHERE l.episode_id = :episode_id
ORDER BY CASE l.severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, l.rule
