-- What was recorded of one patient when the night was judged; a plain clear is only counted.
SELECT rule, outcome, reason FROM nephrowatch.findings WHERE judgement_id = :judgement_id AND patient_id = :patient_id
