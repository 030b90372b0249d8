INSERT INTO nephrowatch.findings (judgement_id, patient_id, rule, unit, outcome, reason, sentence, severity, since,
                                  cleared_at, evidence, facts, previous)
SELECT :judgement_id, patient_id, rule, unit, outcome, reason, sentence, severity, since, cleared_at, evidence, facts, previous
FROM judged_findings
ON CONFLICT (judgement_id, patient_id, rule) DO NOTHING
