SELECT run_id FROM nephrowatch.runs WHERE night = :night
