UPDATE nephrowatch.judgements SET reconciled_at = :now WHERE judgement_id = :judgement_id AND reconciled_at IS NULL
