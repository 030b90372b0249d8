UPDATE nephrowatch.judgements SET sealed_at = :now WHERE judgement_id = :judgement_id AND sealed_at IS NULL
