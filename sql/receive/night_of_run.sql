SELECT night FROM nephrowatch.runs WHERE run_id = :run_id
