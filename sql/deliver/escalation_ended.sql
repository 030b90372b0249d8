UPDATE nephrowatch.escalations SET outcome = :outcome, ended_at = :now
WHERE episode_id = :episode_id AND change_seq = :change_seq AND step = :step
