UPDATE nephrowatch.files
SET state = :state, reason = :reason, sentence = :sentence, same_as = :same_as, batch = :batch,
    rows_received = :received, rows_stored = :stored, rows_known = :known, rows_quarantined = :quarantined
WHERE file_id = :file_id
