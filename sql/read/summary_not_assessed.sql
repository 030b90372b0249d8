-- Patients a rule could not assess, in each unit's newest live judgement (judgement ids only grow).
WITH newest AS (
    SELECT f.unit, max(f.judgement_id) AS judgement_id
    FROM nephrowatch.finding_counts f JOIN nephrowatch.judgements j USING (judgement_id)
    WHERE j.live GROUP BY f.unit
)
SELECT f.unit, f.rule, f.reason, sum(f.patients)::bigint AS patients,
       (SELECT sum(g.patients)::bigint FROM nephrowatch.finding_counts g
        WHERE g.judgement_id = f.judgement_id AND g.unit = f.unit AND g.rule = f.rule) AS of_patients
FROM nephrowatch.finding_counts f JOIN newest USING (unit, judgement_id)
WHERE f.outcome = 'not_assessable'
GROUP BY f.unit, f.rule, f.reason, f.judgement_id
ORDER BY f.unit, f.reason, f.rule
