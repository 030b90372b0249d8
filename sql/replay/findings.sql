SELECT patient_id, rule, unit, outcome, reason, sentence, severity, since, cleared_at, evidence, facts, previous, previous_severity
FROM nephrowatch.findings WHERE judgement_id = :judgement_id
