SELECT id, unit FROM nephrowatch.results WHERE id = ANY (:ids)
