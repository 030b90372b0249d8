INSERT INTO nephrowatch.holds (patient_id, actor, reason, placed_at) VALUES (:patient, :actor, :reason, :now)
