SELECT patient_id, rule, outcome, reason, sentence, severity, since, cleared_at, evidence, facts, previous,
       previous_severity
FROM nephrowatch.findings
WHERE judgement_id = :judgement_id AND patient_id = ANY (:patients)
ORDER BY patient_id, rule
