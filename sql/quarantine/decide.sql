INSERT INTO nephrowatch.file_decisions (file_id, decision, reason, actor, decided_at)
VALUES (:file_id, :decision, :reason, :actor, :now)
