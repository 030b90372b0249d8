INSERT INTO nephrowatch.findings (judgement_id, patient_id, rule, unit, outcome, reason, sentence, severity, since,
                                  cleared_at, evidence, facts, previous, previous_severity)
SELECT :judgement_id, patient_id, rule, unit, outcome, reason, sentence, severity, since, cleared_at, evidence, facts, previous,
       previous_severity
FROM judged_findings
ON CONFLICT (judgement_id, patient_id, rule) DO NOTHING
