CREATE INDEX ON known_before (result_key)
