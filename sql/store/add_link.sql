INSERT INTO nephrowatch.links (subject_id, patient_id, reason, batch) VALUES (:subject_id, :patient_id, :reason, :batch)
