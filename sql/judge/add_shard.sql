INSERT INTO nephrowatch.shards (judgement_id, first_patient, last_patient)
VALUES (:judgement_id, :first_patient, :last_patient)
ON CONFLICT (judgement_id, first_patient) DO NOTHING
