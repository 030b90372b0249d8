UPDATE nephrowatch.holds SET lifted_by = :actor, lifted_at = :now WHERE patient_id = :patient AND lifted_at IS NULL
