UPDATE nephrowatch.silenced SET outcome = :outcome, outcome_at = :now
WHERE episode_id = :episode_id AND change_seq = :change_seq AND destination = :destination
