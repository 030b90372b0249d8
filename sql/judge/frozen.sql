SELECT judgement_id, known, ruleset, previous_ruleset, live
FROM nephrowatch.judgements
WHERE run_id = :run_id AND known = :known AND ruleset = :ruleset AND live = :live
