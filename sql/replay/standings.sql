SELECT patient_id, unit, status, newest_result FROM nephrowatch.standings WHERE judgement_id = :judgement_id
