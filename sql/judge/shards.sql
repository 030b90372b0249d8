SELECT shard_id, first_patient, last_patient, judged_at FROM nephrowatch.shards
WHERE judgement_id = :judgement_id ORDER BY first_patient
