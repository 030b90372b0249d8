-- End a silence before its time; no row where it is over, or was ended, already.
UPDATE nephrowatch.silences SET ended_at = :now, ended_by = :actor, ended_reason = :reason
WHERE silence_id = :silence_id AND ended_at IS NULL AND ends_at > :now
RETURNING silence_id
